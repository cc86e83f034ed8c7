"""The repository's name: defined in cookiecutter.json, the same in all files, easy to change."""

import json
import re
import sys
from pathlib import Path

import pytest

from support.commands import TEMPLATE, run, run_ok

# Other projects on GitHub that pages link to.
OTHERS = {"cookiecutter/cookiecutter-django", "lincolnloop/django-layout"}


def names(root: Path) -> dict[str, set[str]]:
    """Return each file that names repositories on GitHub, with the names. Tests name any."""
    found = {}
    for file in run_ok("git", "ls-files", "--", ":!tests", cwd=root).splitlines():
        text = (root / file).read_bytes().decode(errors="replace")
        pattern = r"(?:\bgh:|github\.com/)([\w.-]+/[\w-]+(?:\.[\w-]+)*)"
        if matches := {name.removesuffix(".git") for name in re.findall(pattern, text)} - OTHERS:
            found[file] = matches
    return found


def defined(root: Path) -> str:
    return json.loads((root / "cookiecutter.json").read_text())["_repository"]


def test_all_files_name_the_same_repository():
    found = names(TEMPLATE)
    assert {"README.md", "SECURITY.md"} <= set(found)
    assert found == {file: {defined(TEMPLATE)} for file in found}


@pytest.fixture
def clone(tmp_path):
    run_ok("git", "clone", "--quiet", TEMPLATE, tmp_path / "clone", cwd=tmp_path)
    return tmp_path / "clone"


def test_another_name_is_written_into_all_files(clone):
    before = names(clone)
    run_ok(sys.executable, "scripts/repository.py", "jane.d/split-site", cwd=clone)
    assert defined(clone) == "jane.d/split-site"
    assert names(clone) == {file: {"jane.d/split-site"} for file in before}


@pytest.mark.parametrize("name", ["", "split", "https://github.com/jane/split", "jane/split/"])
def test_a_malformed_name_is_refused(clone, name):
    done = run(sys.executable, "scripts/repository.py", name, cwd=clone)
    assert done.returncode == 1
    assert done.stdout == f"{name!r} is not owner/name, as in the URL of a repository on GitHub.\n"
    assert defined(clone) == defined(TEMPLATE)
