"""Releases that follow one another in one static root: what a page names never goes missing."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import passes

HASHED = re.compile(r"\.([0-9a-f]{12})\.\w+$")
CSS = "welcome/static/welcome/welcome.css"


@pytest.fixture
def collect(bake, python, tmp_path):
    """Return a function that collects into one static root, from a checkout of its own."""
    root = tmp_path / "www"
    rendered = bake(web_root=str(root))

    def collect(*options: str, style: str = "", checkout: str = "one") -> tuple[Path, Path]:
        project = tmp_path / checkout
        if not project.exists():
            shutil.copytree(rendered, project)
        if style:
            (project / CSS).write_text(style)
        command = [python(), "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
        passes(*command, *options, cwd=project, SECRET_KEY="for tests only")
        return project, root / "s/static"

    return collect


def stylesheet(project: Path) -> str:
    """Return the hashed name that this release's pages use."""
    return json.loads((project / "staticfiles.json").read_text())["paths"]["welcome/welcome.css"]


def hashed(static: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of each file whose name holds a hash."""
    files = (file for file in static.rglob("*") if HASHED.search(file.name))
    return {str(f.relative_to(static)): (f.stat().st_ino, f.stat().st_mtime_ns) for f in files}


def test_collecting_again_touches_no_hashed_file(collect):
    _, static = collect()
    before = hashed(static)
    assert len(before) > 100
    collect()
    assert hashed(static) == before


@pytest.mark.parametrize("options", [(), ("--clear",)])
def test_the_release_before_keeps_its_names_and_files(collect, options):
    one, static = collect(style="b { color: teal }")
    two, _ = collect(*options, style="b { color: plum }", checkout="two")
    assert stylesheet(one) != stylesheet(two)
    assert (static / stylesheet(one)).read_text() == "b { color: teal }"
    assert (static / stylesheet(two)).read_text() == "b { color: plum }"


def test_a_file_that_a_power_cut_left_half_written_is_made_whole(collect):
    project, static = collect()
    file = static / stylesheet(project)
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    collect()
    assert file.read_bytes() == whole
    assert HASHED.search(file.name)[1] == hashlib.md5(whole).hexdigest()[:12]


def test_the_list_of_names_is_the_checkout_s_and_git_ignores_it(collect):
    project, static = collect()
    assert (project / "staticfiles.json").exists()
    assert not (static / "staticfiles.json").exists()
    passes("git", "init", "--quiet", cwd=project)
    assert passes("git", "check-ignore", "staticfiles.json", cwd=project)


def test_nothing_half_written_stays(collect):
    _, static = collect()
    assert [file.name for file in static.rglob(".*") if file.suffix == ".part"] == []
