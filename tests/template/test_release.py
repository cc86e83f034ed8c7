"""The version is the same in all files, and `make release` makes the next one."""

import re
import sys
from datetime import date
from pathlib import Path

import pytest
import release

from support.commands import TEMPLATE, run, run_ok


def test_all_files_have_the_same_version():
    found = release.versions()
    assert all(found.values()) and len(set().union(*found.values())) == 1, found


@pytest.mark.parametrize(
    ("current", "today", "expected"),
    [
        ("2026.11.1", date(2026, 11, 30), "2026.11.2"),
        ("2026.11.9", date(2026, 11, 30), "2026.11.10"),
        ("2026.11.2", date(2026, 12, 1), "2026.12.1"),
        ("2026.11.2", date(2027, 1, 1), "2027.1.1"),
    ],
)
def test_default_is_the_next_version_of_the_month(current, today, expected):
    assert release.next_version(current, today) == expected
    assert release.numbers(current) < release.numbers(expected)


def edit(path: Path, pattern: str, text: str) -> None:
    """Replace the one match of a pattern in a file."""
    new, count = re.subn(pattern, text, path.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert count == 1
    path.write_text(new)


def commit(root: Path) -> None:
    run_ok("git", "commit", "--quiet", "--allow-empty", "--all", "-m", "Change", cwd=root)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone on main with one unreleased change; its version is 2026.11.1, without tags."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@client.example")
    root = tmp_path / "clone"
    run_ok("git", "clone", "--quiet", "--no-tags", TEMPLATE, root, cwd=tmp_path)
    run_ok("git", "checkout", "--quiet", "-B", "main", cwd=root)
    for name, pattern in release.PLACES.items():
        path = root / name
        path.write_text(re.sub(pattern, "2026.11.1", path.read_text(), flags=re.MULTILINE))
    changes = "# Changes\n\n## Unreleased\n\nEdit `x`.\n\n## 2026.11.1 (2026-11-02)\n\nThe first.\n"
    (root / "CHANGELOG.md").write_text(changes)
    commit(root)
    return root


def start(clone: Path, *arguments: str):
    return run(sys.executable, "scripts/release.py", *arguments, cwd=clone)


def test_a_release_is_committed_and_tagged(clone):
    before = run_ok("git", "rev-parse", "HEAD", cwd=clone)
    done = start(clone, "2026.12.1")
    assert done.returncode == 0, done.stdout
    assert "    git push origin main\n    git push origin 2026.12.1\n" in done.stdout
    log = run_ok("git", "log", "--format=%s", f"{before.strip()}..2026.12.1", cwd=clone)
    assert log == "Release 2026.12.1\n"
    assert run_ok("git", "status", "--porcelain", cwd=clone) == ""
    changed = run_ok("git", "show", "--format=", "--name-only", "HEAD", cwd=clone)
    assert changed.split() == ["CHANGELOG.md", "README.md", "pyproject.toml"]
    heading = (
        f"# Changes\n\n## 2026.12.1 ({date.today()})\n\nEdit `x`.\n\n## 2026.11.1 (2026-11-02)\n"
    )
    assert (clone / "CHANGELOG.md").read_text().startswith(heading)
    assert " -c 2026.12.1`" in (clone / "README.md").read_text()
    assert '\nversion = "2026.12.1"\n' in (clone / "pyproject.toml").read_text()
    # The next one needs a change to release.
    assert "nothing below" in start(clone, "2026.12.2").stdout


def test_make_release_without_a_version_makes_the_next(clone):
    done = run("make", "release", cwd=clone)
    assert done.returncode == 0, done.stdout
    expected = release.next_version("2026.11.1", date.today())
    assert run_ok("git", "tag", "--points-at", "HEAD", cwd=clone) == f"{expected}\n"


NEWER = "2026.12.1"
EMPTY = 'CHANGELOG.md has nothing below "## Unreleased": write what a team has to do.'
REFUSED = {
    "malformed": ("12.2026", "VERSION '12.2026' is not year.month.number, such as 2026.12.1."),
    "month 13": ("2026.13.1", "VERSION '2026.13.1' is not year.month.number"),
    "leading zero": ("2026.12.01", "VERSION '2026.12.01' is not year.month.number"),
    "same": ("2026.11.1", "VERSION 2026.11.1 is not newer than 2026.11.1, the version in"),
    "older": ("2026.9.12", "VERSION 2026.9.12 is not newer than 2026.11.1"),
    "tag": (NEWER, "The tag 2026.12.1 exists: choose a newer VERSION."),
    "branch": (NEWER, "The branch is 'other': switch to main."),
    "change": (NEWER, "The working tree has changes: commit or stash them."),
    "new file": (NEWER, "The working tree has changes: commit or stash them."),
    "empty section": (NEWER, EMPTY),
    "no section": (NEWER, EMPTY),
    "versions differ": (
        NEWER,
        "The versions differ: CHANGELOG.md has 2026.11.1, README.md has 2026.10.1, pyproject.toml"
        " has 2026.11.1.",
    ),
    "no pin": (NEWER, "The versions differ: CHANGELOG.md has 2026.11.1, README.md has none,"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_is_one_sentence_and_changes_nothing(clone, name):
    version, sentence = REFUSED[name]
    match name:
        case "tag":
            run_ok("git", "tag", NEWER, cwd=clone)
        case "branch":
            run_ok("git", "checkout", "--quiet", "-b", "other", cwd=clone)
        case "change":
            edit(clone / "LICENSE", "MIT License", "Licence")
        case "new file":
            (clone / "new").touch()
        case "empty section":
            edit(clone / "CHANGELOG.md", r"Edit `x`\.\n", "")
        case "no section":
            edit(clone / "CHANGELOG.md", r"## Unreleased.*`x`\.\n\n", "")
        case "versions differ":
            edit(clone / "README.md", r"-c 2026\.11\.1", "-c 2026.10.1")
        case "no pin":
            edit(clone / "README.md", r" -c 2026\.11\.1", "")
    if name not in ("change", "new file"):
        commit(clone)
    before = run_ok("git", "status", "--porcelain", cwd=clone)
    head, tags = (run_ok("git", *c, cwd=clone) for c in (("rev-parse", "HEAD"), ("tag",)))
    done = start(clone, version)
    assert done.returncode == 1 and done.stdout.startswith(sentence)
    assert done.stdout.endswith(".\n") and done.stdout.count("\n") == 1
    assert run_ok("git", "status", "--porcelain", cwd=clone) == before
    assert run_ok("git", "rev-parse", "HEAD", cwd=clone) == head
    assert run_ok("git", "tag", cwd=clone) == tags
