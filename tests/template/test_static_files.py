"""Consecutive releases in one static root: files that a page refers to are never missing."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.commands import SECRET_KEY, git, run_ok

HASHED = re.compile(r"\.([0-9a-f]{12})\.\w+$")
CSS = "welcome/static/welcome/welcome.css"


COLLECT = ["manage.py", "collectstatic", "--noinput", "--verbosity", "0"]


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
        run_ok(python(), *COLLECT, *options, cwd=project, **environment)
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


def killed_run(python: Path, project: Path, root: Path) -> Path:
    """Kill collectstatic when it has written hashed files; return its static root."""
    settings = {"SECRET_KEY": SECRET_KEY, "STATE_DIR": str(root), "WEB_ROOT": str(root / "www")}
    static = root / "www/s/static"
    command = [python, *COLLECT]
    with subprocess.Popen(command, cwd=project, env=os.environ | settings) as process:
        while not hashed(static):
            assert process.poll() is None
        process.kill()
    return static


def contents(static: Path) -> dict[str, bytes]:
    """Return the files that nginx serves: no dotfiles."""
    files = [file for file in static.rglob("[!.]*") if file.is_file()]
    return {str(file.relative_to(static)): file.read_bytes() for file in files}


def test_run_after_an_interrupted_one(collect, bake, python, tmp_path):
    _, complete = collect(checkout="interrupted")
    project = shutil.copytree(bake(), tmp_path / "client_site")
    static = killed_run(python(), project, tmp_path)
    for file in static.rglob("*"):
        if file.is_file():
            file.write_bytes(b"")  # the worst that a power failure does
    settings = {"SECRET_KEY": SECRET_KEY, "STATE_DIR": tmp_path, "WEB_ROOT": tmp_path / "www"}
    run_ok(python(), *COLLECT, cwd=project, **settings)
    found = contents(static)
    names = json.loads((project / "staticfiles.json").read_text())["paths"]
    for name in names.values():
        assert found[name] == (complete / name).read_bytes(), name
    assert all(found.values())


@contextmanager
def mounted(image: Path, directory: Path):
    """Mount an image of ext4 that writes names to the disk each second, and contents later."""
    directory.mkdir(exist_ok=True)
    options = ["-o", "loop,commit=1"]
    if subprocess.run(["mount", *options, image, directory], capture_output=True).returncode:
        pytest.skip("mounting an image needs root and loop devices")
    try:
        yield directory
    finally:
        run_ok("umount", directory, cwd=image.parent)


def disk_after_power_failure(python: Path, project: Path, directory: Path) -> Path:
    """Kill collectstatic and return what the disk then contains: an image with truncated files."""
    image, after = directory / "image", directory / "after"
    for _ in range(10):  # another test may write everything to the disks meanwhile
        with image.open("wb") as file:
            file.truncate(200_000_000)
        run_ok("mkfs.ext4", "-q", image, cwd=directory)
        with mounted(image, directory / "disk") as disk:
            killed_run(python, project, disk)
            time.sleep(1.5)  # commit=1
            run_ok("cp", "--sparse=always", image, after, cwd=directory)
        with mounted(after, directory / "disk") as disk:
            if list(contents(disk / "www/s/static").values()).count(b"") > 10:
                return after
    raise AssertionError("no file was truncated")


@pytest.mark.slow
def test_power_failure(bake, python, tmp_path):
    """Copy a mounted file system's image: that is what a disk contains after a power failure."""
    project = shutil.copytree(bake(), tmp_path / "client_site")
    image, copy = disk_after_power_failure(python(), project, tmp_path), tmp_path / "copy"
    with mounted(image, tmp_path / "disk") as disk:
        settings = {"SECRET_KEY": SECRET_KEY, "STATE_DIR": disk, "WEB_ROOT": disk / "www"}
        run_ok(python(), *COLLECT, cwd=project, **settings)
        run_ok("cp", "--sparse=always", image, copy, cwd=tmp_path)  # at once
    with mounted(copy, tmp_path / "disk") as disk:
        found = contents(disk / "www/s/static")
        names = json.loads((project / "staticfiles.json").read_text())["paths"]
        assert found.keys() >= {*names.values()} and all(found.values())


def test_manifest_is_in_the_checkout(collect):
    project, static = collect()
    assert (project / "staticfiles.json").exists()
    assert not (static / "staticfiles.json").exists()
    git(project, "init", "--quiet")
    assert git(project, "check-ignore", "staticfiles.json")
