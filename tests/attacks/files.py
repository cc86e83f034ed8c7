"""Test files that the cases request. Each case declares its own; those of several modules are here.

    files["media/u/a.png"] = PNG

The path starts with a directory of the site: www, media, static or private. The value is the
content, or a function that creates something else, such as a symlink.
"""

import os
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.images import PNG

SECRET = b"THE-CONTENT-OF-A-SECRET-FILE"
SCRIPT = b"<!doctype html><script>document.title='run'</script>"

files: dict[str, bytes | Callable[[Path, Any], None]] = {  # a site, sites.Site
    "www/secret.txt": SECRET,
    "www/s/secret.txt": SECRET,
    "private/paper.html": SECRET,
    "media/u/a.png": PNG,
    "media/u/page.html": SCRIPT,
}


def directory(path: Path, site) -> None:
    path.mkdir()


def symlink(target: str):
    """A symlink to a test file, or to `target` as it is if it starts with a dot or a slash."""
    return lambda path, site: path.symlink_to(target if target[0] in "./" else site.path(target))


@contextmanager
def created_files(site):
    """Create the test files on a site until the block ends."""
    before = os.umask(0o022)  # nginx runs as another user and must be able to read them
    try:
        for name, content in files.items():
            path = site.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content) if isinstance(content, bytes) else content(path, site)
    finally:
        os.umask(before)
    yield
    for path in map(site.path, files):
        if path.is_dir():
            path.chmod(0o755)  # so that a closed one can be deleted
