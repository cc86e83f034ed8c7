"""Release the template: write the version into its files, commit and tag. `make release` runs it.

A version is a date: year, month, number within the month. Nothing is pushed.
"""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
VERSION = r"\d{4}\.(?:[1-9]|1[0-2])\.[1-9]\d*"
PLACES = {
    "CHANGELOG.md": rf"(?<=^## ){VERSION}\b",
    "README.md": rf"(?<= -c ){VERSION}\b",
    "pyproject.toml": rf'(?<=^version = "){VERSION}(?="$)',
}
UNRELEASED = re.compile(r"^## Unreleased\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def git(*arguments: str) -> str:
    """Return the output of a git command, which prints its own errors."""
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=TEMPLATE, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def versions() -> dict[str, list[str]]:
    """Return the versions in each file: of CHANGELOG.md's headings only the first, the newest."""
    found = {
        name: re.findall(pattern, (TEMPLATE / name).read_text(), re.MULTILINE)
        for name, pattern in PLACES.items()
    }
    return found | {"CHANGELOG.md": found["CHANGELOG.md"][:1]}


def next_version(current: str, today: date) -> str:
    """Return the month's next version."""
    month = f"{today.year}.{today.month}"
    last, _, number = current.rpartition(".")
    return f"{month}.{int(number) + 1 if last == month else 1}"


def numbers(version: str) -> list[int]:
    """Return a version's numbers, for comparing."""
    return [int(number) for number in version.split(".")]


def problem(current: str, version: str) -> str | None:
    """Return why the version cannot be released, or None."""
    if not re.fullmatch(VERSION, version):
        return f"VERSION {version!r} is not year.month.number, such as 2026.12.1."
    if numbers(version) <= numbers(current):
        return f"VERSION {version} is not newer than {current}, the version in pyproject.toml."
    if git("tag", "--list", version):
        return f"The tag {version} exists: choose a newer VERSION."
    if (branch := git("branch", "--show-current")) != "main":
        return f"The branch is {branch!r}: switch to main."
    if git("status", "--porcelain"):
        return "The working tree has changes: commit or stash them."
    section = UNRELEASED.search((TEMPLATE / "CHANGELOG.md").read_text())
    if not section or not section[1].strip():
        return 'CHANGELOG.md has nothing below "## Unreleased": write what a team has to do.'
    return None


def main(wanted: str = "") -> None:
    """Release a version, by default the month's next."""
    found = versions()
    if len({tuple(set(names)) for names in found.values()}) != 1:
        words = [f"{name} has {' and '.join(names) or 'none'}" for name, names in found.items()]
        sys.exit(f"The versions differ: {', '.join(words)}.")
    (current,) = found["CHANGELOG.md"]
    version = wanted or next_version(current, date.today())
    if sentence := problem(current, version):
        sys.exit(sentence)
    for name, pattern in PLACES.items():
        if name == "CHANGELOG.md":
            pattern, text = r"(?<=^## )Unreleased$", f"{version} ({date.today()})"
        else:
            text = version
        path = TEMPLATE / name
        path.write_text(re.sub(pattern, text, path.read_text(), flags=re.MULTILINE))
    git("commit", "--quiet", "--all", "--message", f"Release {version}")
    git("tag", "--annotate", "--message", f"Release {version}", version)
    print(f"Released {version}. To publish it:\n")
    print(f"    git push origin main\n    git push origin {version}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None
