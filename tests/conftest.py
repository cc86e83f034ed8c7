"""Fixtures that render projects: each set of answers once."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parent.parent
CACHE = TEMPLATE / ".cache"
UV = os.environ.get("UV", "uv")

# What a shell or another test must not leak into a rendered project.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
for name in ("VIRTUAL_ENV", "LOCAL_DEV", "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL",
             "MEDIA_DOMAIN"):  # fmt: skip
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def bake(cookies_session):
    """Return a function that renders the template with some answers, each set of them once."""
    baked = {}

    def bake(**answers) -> Path:
        key = tuple(sorted(answers.items()))
        if key not in baked:
            result = cookies_session.bake(extra_context=answers, template=str(TEMPLATE))
            assert result.exception is None
            baked[key] = result.project_path
        return baked[key]

    return bake


def run(*command, cwd: Path, **environment) -> subprocess.CompletedProcess:
    """Run a command to its end and return what it printed, both streams in one."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | {name: str(value) for name, value in environment.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def passes(*command, cwd: Path, **environment) -> str:
    """Run a command that must succeed and return what it printed."""
    done = run(*command, cwd=cwd, **environment)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout}", pytrace=False)
    return done.stdout


@pytest.fixture(scope="session")
def python(bake):
    """Return a function that gives the Python of an environment with a series' dependencies.

    Rendered projects share one environment a series, and it outlives the run.
    """

    def python(series: str = "5.2", interpreter: str = "") -> Path:
        environment = CACHE / f"django-{series}{interpreter and '-py' + interpreter}"
        passes(
            *(UV, "sync", "--quiet"),
            cwd=bake(django_version=series),
            UV_PROJECT_ENVIRONMENT=environment,
            UV_PYTHON=interpreter or os.environ.get("UV_PYTHON", ""),
        )
        return environment / "bin" / "python"

    return python


@pytest.fixture(scope="module")
def folder():
    """A folder that an unprivileged nginx may enter, with a path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="split-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)
