"""Paths of the template, and helpers to run commands."""

import contextlib
import json
import os
import pty
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

TEMPLATE = Path(__file__).parent.parent.parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
CACHE = TEMPLATE / ".cache"
UV = os.environ.get("UV", "uv")
SERIES = json.loads((TEMPLATE / "cookiecutter.json").read_text())["django_version"]
# The series of tests that choose none. CI runs them for each, with each Python as UV_PYTHON.
DJANGO = os.environ.get("DJANGO", SERIES[0])
# Valid answers that are as unusual as each question allows.
UNUSUAL = {
    "project_name": "O'Neill & Söhne <3 😀 $HOME #1 %s",
    "project_slug": "a_project_whose_name_has_forty_letters_x",
    "domain_name": "a-rather-long-name.of-a.client.xn--mnchen-3ya.example",
    "served_url": "/assets/files/",
    "web_root": "/srv/www.data/a-rather-long-name.of-a.client/public_html",
    "django_version": "6.1",
}
# The answers of the sites on booted servers.
SERVERS = {
    "trixie": {"django_version": "6.1"},
    # 40 characters: user names have at most 32.
    "bookworm": {
        "project_slug": "a_site_with_the_longest_name_of_all_ours",
        "domain_name": "the-longest-name-that-a-client-has-come-up-with-yet.example",
        "web_root": "/srv/www/longest",
        "served_url": "/files/",
    },
    "noble": {"django_version": "6.1", "web_root": "/srv/www/site"},
}

# Rendered projects must not inherit these from the shell.
for name in ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "LOCAL_DEV", "LOCAL_VAR", "DEBUG",
             "SECRET_KEY", "ADMINS", "ALLOWED_HOSTS", "DATABASE_URL", "DEFAULT_FROM_EMAIL",
             "EMAIL_URL", "MEDIA_DOMAIN", "PROBE_OPTIONS", "STATE_DIR", "WEB_ROOT"):  # fmt: skip
    os.environ.pop(name, None)


def skip_or_fail(reason: str) -> NoReturn:
    """Skip a test because this host lacks something; fail it in CI, where nothing is lacking."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def run(*command, cwd: Path, **environment) -> subprocess.CompletedProcess:
    """Run a command and return its output, both streams in one."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | {name: str(value) for name, value in environment.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_ok(*command, cwd: Path, **environment) -> str:
    """Run a command that must succeed and return its output."""
    done = run(*command, cwd=cwd, **environment)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout}", pytrace=False)
    return done.stdout


def assert_same_files(expected: Path, actual: Path) -> None:
    """Fail with the differences between two directories, in content or mode."""
    diff = run("git", "diff", "--no-index", "--no-color", expected, actual, cwd=TEMPLATE)
    if diff.returncode:
        pytest.fail(diff.stdout, pytrace=False)


def run_on_terminal(command: list[str], dialogue: dict[str, str]) -> str:
    """Run a command on a terminal, answer its questions, and return what it printed."""
    terminal, child = pty.openpty()
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child)
    os.close(child)
    output = ""
    for question, answer in dialogue.items():
        while question not in output:
            output += os.read(terminal, 4096).decode()
        output = output.split(question, 1)[1]
        os.write(terminal, answer.encode() + b"\n")
    with contextlib.suppress(OSError):  # the command has closed the terminal
        while more := os.read(terminal, 4096).decode():
            output += more
    assert process.wait(60) == 0, output
    return output
