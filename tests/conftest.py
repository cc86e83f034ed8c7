"""Fixtures that render projects: each set of answers once."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parent.parent
CACHE = TEMPLATE / ".cache"
UV = os.environ.get("UV", "uv")

# What a shell or another test must not leak into a rendered project.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
for name in ("VIRTUAL_ENV", "LOCAL_DEV", "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL"):
    os.environ.pop(name, None)


def missing(reason: str) -> None:
    """Skip a test for want of something on this machine; in CI nothing may be wanting."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture(scope="session")
def bake(cookies_session):
    """Return a function that renders the template with some answers, each set of them once.

    Nothing may run in what it returns; `project` gives a copy for that.
    """
    baked = {}

    def bake(**answers) -> Path:
        key = tuple(sorted(answers.items()))
        if key not in baked:
            result = cookies_session.bake(extra_context=answers, template=str(TEMPLATE))
            assert result.exception is None
            baked[key] = result.project_path
        return baked[key]

    return bake


@pytest.fixture(scope="session")
def project(bake, tmp_path_factory):
    """Return a function that gives a rendered project to run things in, one a set of answers."""
    copies = {}

    def project(**answers) -> Path:
        rendered = bake(**answers)
        if rendered not in copies:
            folder = tmp_path_factory.mktemp("project")
            copies[rendered] = shutil.copytree(rendered, folder / rendered.name)
        return copies[rendered]

    return project


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
def python(project):
    """Return a function that gives the Python of an environment with a series' dependencies.

    Rendered projects share one environment a series, and it outlives the run.
    """

    def python(series: str = "5.2", interpreter: str = "") -> Path:
        environment = CACHE / f"django-{series}{interpreter.replace('/', '-')}"
        passes(
            *(UV, "sync", "--quiet"),
            cwd=project(django_version=series),
            UV_PROJECT_ENVIRONMENT=environment,
            UV_PYTHON=interpreter or os.environ.get("UV_PYTHON", ""),
        )
        return environment / "bin" / "python"

    return python


@contextmanager
def server_folder():
    """A folder that an unprivileged nginx may enter, with a path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="split-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def folder():
    """A folder for a module's own server."""
    with server_folder() as path:
        yield path


@pytest.fixture(scope="session")
def server(project, python):
    """The default project behind nginx and gunicorn, with an account that may enter the admin."""
    from servers import deployed, rendered_for

    with server_folder() as folder:
        with deployed(project(**rendered_for(folder)), folder, python()) as server:
            server.manage("shell", "--command", CREATE)
            yield server


CREATE = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("ada", password="a long password")
"""


@pytest.fixture(scope="session")
def signed_in(server):
    """A client that is signed in to the server."""
    browser = server.browser()
    browser.sign_in("ada", "a long password")
    return browser
