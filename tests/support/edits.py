"""Edits of a rendered project.

An edit is (file, text) to append, or (file, regular expression, replacement); a missing file is
created.
"""

import re
from contextlib import contextmanager
from pathlib import Path


def edit(project: Path, *edits: tuple) -> None:
    """Edit files of a project."""
    for name, *change in edits:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text() if path.exists() else ""
        if len(change) == 1:
            text += f"\n{change[0]}\n"
        else:
            old, new = change
            text, count = re.subn(old, lambda _, new=new: new, text, flags=re.MULTILINE)
            assert count, f"{name} has no match of {old!r}"
        path.write_text(text)


@contextmanager
def edited(project: Path, edits: list[tuple]):
    """Edit files of a project until the block ends."""
    paths = {project / name for name, *_ in edits}
    before = {path: path.read_text() if path.exists() else None for path in paths}
    try:
        edit(project, *edits)
        yield
    finally:
        for path, text in before.items():
            if text is not None:
                path.write_text(text)
            elif path.exists():
                path.unlink()
