"""Consecutive releases in one static root: files that a page refers to are never missing."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from support.commands import SECRET_KEY, git, run_ok

HASHED = re.compile(r"\.([0-9a-f]{12})\.\w+$")
CSS = "welcome/static/welcome/welcome.css"


@pytest.fixture(scope="module")
def collect(bake, python, tmp_path_factory):
    """Return a function that collects into one static root, from a given checkout."""
    state = tmp_path_factory.mktemp("static")
    environment = {"SECRET_KEY": SECRET_KEY, "STATE_DIR": state, "WEB_ROOT": state / "www"}

    def collect(*options: str, style: str = "", checkout: str = "one") -> tuple[Path, Path]:
        project = state / checkout
        if not project.exists():
            shutil.copytree(bake(), project)
        if style:
            (project / CSS).write_text(style)
        command = [python(), "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
        run_ok(*command, *options, cwd=project, **environment)
        return project, state / "www/s/static"

    return collect


def stylesheet(project: Path) -> str:
    """Return the hashed name in this release's pages."""
    return json.loads((project / "staticfiles.json").read_text())["paths"]["welcome/welcome.css"]


def hashed(static: Path) -> dict[str, tuple[int, int]]:
    """Return inode and modification time of each file with a hash in its name."""
    files = (file for file in static.rglob("*") if HASHED.search(file.name))
    return {str(f.relative_to(static)): (f.stat().st_ino, f.stat().st_mtime_ns) for f in files}


def test_collectstatic_again(collect):
    _, static = collect()
    before = hashed(static)
    assert before
    collect()
    assert hashed(static) == before
    assert [file.name for file in static.rglob(".*") if file.suffix == ".part"] == []


@pytest.mark.parametrize("options", [(), ("--clear",)])
def test_previous_release_is_kept(collect, options):
    one, static = collect(style="b { color: teal }")
    two, _ = collect(*options, style="b { color: plum }", checkout="two")
    assert stylesheet(one) != stylesheet(two)
    assert (static / stylesheet(one)).read_text() == "b { color: teal }"
    assert (static / stylesheet(two)).read_text() == "b { color: plum }"


def test_truncated_file_is_replaced(collect):
    project, static = collect()
    file = static / stylesheet(project)
    content = file.read_bytes()
    file.write_bytes(content[:100])  # as after a power failure
    collect()
    assert file.read_bytes() == content
    assert HASHED.search(file.name)[1] == hashlib.md5(content).hexdigest()[:12]


def test_manifest_is_in_the_checkout(collect):
    project, static = collect()
    assert (project / "staticfiles.json").exists()
    assert not (static / "staticfiles.json").exists()
    git(project, "init", "--quiet")
    assert git(project, "check-ignore", "staticfiles.json")
