"""Edits of a rendered project, undone afterwards."""

import re
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def edited(project: Path, edits: list[tuple]):
    """Edit files of a project until the block ends.

    An edit is (file, text) to append, or (file, regular expression, replacement); a missing file
    is created.
    """
    before = {}
    try:
        for name, *change in edits:
            path = project / name
            before.setdefault(path, path.read_text() if path.exists() else None)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text() if path.exists() else ""
            if len(change) == 1:
                text += f"\n{change[0]}\n"
            else:
                old, new = change
                text, count = re.subn(old, lambda _, new=new: new, text, flags=re.MULTILINE)
                assert count, f"{name} has no match of {change[0]!r}"
            path.write_text(text)
        yield
    finally:
        for path, text in before.items():
            path.unlink() if text is None else path.write_text(text)
