"""Consecutive releases in one static root: files that a page refers to are never missing."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from support.commands import run_ok

HASHED = re.compile(r"\.([0-9a-f]{12})\.\w+$")
CSS = "welcome/static/welcome/welcome.css"


@pytest.fixture
def collect(bake, python, tmp_path):
    """Return a function that collects into one static root, from a given checkout."""
    root = tmp_path / "www"
    rendered = bake(web_root=str(root))

    def collect(*options: str, style: str = "", checkout: str = "one") -> tuple[Path, Path]:
        project = tmp_path / checkout
        if not project.exists():
            shutil.copytree(rendered, project)
        if style:
            (project / CSS).write_text(style)
        command = [python(), "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
        run_ok(*command, *options, cwd=project, SECRET_KEY="for tests only", STATE_DIR=tmp_path)
        return project, root / "s/static"

    return collect


def stylesheet(project: Path) -> str:
    """Return the hashed name in this release's pages."""
    return json.loads((project / "staticfiles.json").read_text())["paths"]["welcome/welcome.css"]


def hashed(static: Path) -> dict[str, tuple[int, int]]:
    """Return inode and modification time of each file with a hash in its name."""
    files = (file for file in static.rglob("*") if HASHED.search(file.name))
    return {str(f.relative_to(static)): (f.stat().st_ino, f.stat().st_mtime_ns) for f in files}


def test_collectstatic_again_changes_no_hashed_file(collect):
    _, static = collect()
    before = hashed(static)
    assert len(before) > 100
    collect()
    assert hashed(static) == before


@pytest.mark.parametrize("options", [(), ("--clear",)])
def test_the_previous_release_keeps_its_names_and_files(collect, options):
    one, static = collect(style="b { color: teal }")
    two, _ = collect(*options, style="b { color: plum }", checkout="two")
    assert stylesheet(one) != stylesheet(two)
    assert (static / stylesheet(one)).read_text() == "b { color: teal }"
    assert (static / stylesheet(two)).read_text() == "b { color: plum }"


def test_a_truncated_file_is_replaced(collect):
    project, static = collect()
    file = static / stylesheet(project)
    content = file.read_bytes()
    file.write_bytes(content[:100])  # as after a power failure
    collect()
    assert file.read_bytes() == content
    assert HASHED.search(file.name)[1] == hashlib.md5(content).hexdigest()[:12]


def test_the_manifest_is_in_the_checkout_and_ignored(collect):
    project, static = collect()
    assert (project / "staticfiles.json").exists()
    assert not (static / "staticfiles.json").exists()
    run_ok("git", "init", "--quiet", cwd=project)
    assert run_ok("git", "check-ignore", "staticfiles.json", cwd=project)


def test_no_partial_files_remain(collect):
    _, static = collect()
    assert [file.name for file in static.rglob(".*") if file.suffix == ".part"] == []
