"""Paths of the template, and helpers to run commands."""

import contextlib
import fcntl
import json
import os
import pty
import shutil
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
SECRET_KEY = "for tests only, and long: 0c41d5a7e2b94f6f8d3b1a5c7e9f0d2b4a6c8e0f"

# Rendered projects must not inherit these from the shell.
aws = [name for name in os.environ if name.startswith("AWS_")]
for name in (*aws, "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "LOCAL_DEV", "LOCAL_VAR", "DEBUG",
             "SECRET_KEY", "ADMINS", "ALLOWED_HOSTS", "APPLICATION_SERVERS", "DATABASE_URL",
             "DEFAULT_FROM_EMAIL", "EMAIL_URL", "LISTEN", "MEDIA_BUCKET", "MEDIA_DOMAIN",
             "PROBE_OPTIONS", "STATE_DIR", "STATIC_HOST", "WEB_ROOT"):  # fmt: skip
    os.environ.pop(name, None)


def skip_or_fail(reason: str) -> NoReturn:
    """Skip a test because this host lacks something; fail it in CI, where nothing is lacking."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def cache_locked():
    """Let one of the tests' processes at a time write into the cache."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


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


def shell(python: Path, project: Path, code: str, **environment) -> str:
    """Run code in `manage.py shell`, which must succeed, and return its output."""
    command = (python, "manage.py", "shell", "--verbosity", "0", "--command", code)
    return run_ok(*command, cwd=project, **environment)


def git(directory: Path, *arguments) -> str:
    """Run git as a developer without a configuration, which must succeed; return its output."""
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@client.example")
    configuration = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return run_ok("git", *identity, *arguments, cwd=directory, **configuration)


def copy_template(destination: Path) -> Path:
    """Copy the template, as it is in the working tree, without what is generated."""
    ignore = shutil.ignore_patterns(".git", ".*cache", ".*venv", ".uv", "build", "demo",
                                    "reference", "__pycache__")  # fmt: skip
    return shutil.copytree(TEMPLATE, destination, ignore=ignore, dirs_exist_ok=True)


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
