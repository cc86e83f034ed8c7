"""Fixtures that render projects, each set of answers once, and helpers to run commands."""

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

collect_ignore = ["inside"]  # these tests run in a rendered project
TEMPLATE = Path(__file__).parent.parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
CACHE = TEMPLATE / ".cache"
UV = os.environ.get("UV", "uv")
SERIES = json.loads((TEMPLATE / "cookiecutter.json").read_text())["django_version"]
# Valid answers that are as unusual as each question allows.
UNUSUAL = {
    "project_name": "O'Neill & Söhne <3 😀 $HOME #1 %s",
    "project_slug": "a_project_whose_name_has_forty_letters_x",
    "domain_name": "a-rather-long-name.of-a.client.xn--mnchen-3ya.example",
    "served_url": "/assets/files/",
    "web_root": "/srv/www.data/a-rather-long-name.of-a.client/public_html",
    "django_version": "6.1",
}

# Rendered projects must not inherit these from the shell.
for name in ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "LOCAL_DEV", "LOCAL_VAR", "DEBUG",
             "SECRET_KEY", "ADMINS", "ALLOWED_HOSTS", "DATABASE_URL", "DEFAULT_FROM_EMAIL",
             "EMAIL_URL", "MEDIA_DOMAIN", "PROBE_OPTIONS", "STATE_DIR", "WEB_ROOT"):  # fmt: skip
    os.environ.pop(name, None)


def skip_or_fail(reason: str) -> None:
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


# Other test modules still use the old names.
missing, passes = skip_or_fail, run_ok


@pytest.fixture(scope="session")
def bake(cookies_session):
    """Return a function that renders the template with some answers, each set of them once.

    Nothing may run in what it returns; `copy_of` returns a copy for that.
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
def copy_of(bake, tmp_path_factory):
    """Return a function that returns a project to run things in, one per set of answers."""
    copies = {}

    def copy_of(**answers) -> Path:
        rendered = bake(**answers)
        if rendered not in copies:
            directory = tmp_path_factory.mktemp("project")
            copies[rendered] = shutil.copytree(rendered, directory / rendered.name)
        return copies[rendered]

    return copy_of


@pytest.fixture(scope="session")
def python(copy_of):
    """Return a function that returns the Python of an environment for a Django series.

    Rendered projects share one environment per series, which is kept between runs.
    """

    def python(series: str = "5.2", interpreter: str = "") -> Path:
        environment = CACHE / f"django-{series}{interpreter.replace('/', '-')}"
        run_ok(
            *(UV, "sync", "--quiet"),
            cwd=copy_of(django_version=series),
            UV_PROJECT_ENVIRONMENT=environment,
            UV_PYTHON=interpreter or os.environ.get("UV_PYTHON", ""),
        )
        return environment / "bin" / "python"

    return python


def interpreters() -> dict[str, str]:
    """Return the Pythons of this host by version: those on PATH and pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for version in ("3.11", "3.12", "3.13", "3.14"):
        paths = [*pyenv.glob(f"{version}.*/bin/python"), shutil.which(f"python{version}")]
        for path in filter(None, paths):
            done = subprocess.run([path, "-c", "import venv"], capture_output=True)
            if done.returncode == 0:
                found[version] = str(path)
                break
    return found


def supports(series: str, version: str) -> bool:
    """Return whether a Django series runs on a Python version."""
    return version != "3.11" or series == "5.2"


@pytest.fixture(scope="session")
def environment(python):
    """Return a function that returns the Python of an environment for a Django series."""

    def environment(series: str) -> Path:
        version = next((v for v in interpreters() if supports(series, v)), None)
        if not version:
            pytest.skip(f"Django {series} runs on none of the installed Pythons")
        return python(series, interpreters()[version])

    return environment


def with_packages(python: Path, name: str, packages: list[str]) -> Path:
    """Return the Python of an environment `name` with what `python` has, and more packages.

    They come without their dependencies, which would install another Django.
    """
    interpreter = CACHE / name / "bin/python"
    if not interpreter.exists():
        run_ok(UV, "venv", "--quiet", "--python", python, CACHE / name, cwd=TEMPLATE)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    base, own = (run_ok(p, "-c", code, cwd=TEMPLATE).strip() for p in (python, interpreter))
    Path(own, "base.pth").write_text(base)
    install = (UV, "pip", "install", "--quiet", "--upgrade", "--python", interpreter, "--no-deps")
    run_ok(*install, *packages, cwd=TEMPLATE)
    return interpreter


PACKAGES = ["django-storages", "whitenoise", "boto3", "botocore", "jmespath", "python-dateutil"]
PACKAGES += ["s3transfer", "six", "urllib3"]


@pytest.fixture(scope="session")
def python_with_packages(python) -> Path:
    """The Python of an environment that also has packages a team may add."""
    return with_packages(python(), "django-5.2-packages", PACKAGES)


@contextmanager
def server_directory():
    """A directory that an unprivileged nginx can read, its path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="site-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def directory():
    """A directory for a module's own server."""
    with server_directory() as path:
        yield path


@pytest.fixture(scope="session")
def server(copy_of, python):
    """The default project behind nginx and gunicorn, with a superuser."""
    from servers import deployed, rendered_for

    with (
        server_directory() as directory,
        deployed(copy_of(**rendered_for(directory)), directory, python()) as server,
    ):
        server.manage("shell", "--command", CREATE_SUPERUSER)
        yield server


CREATE_SUPERUSER = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("ada", password="a long password")
"""


@pytest.fixture(scope="session")
def signed_in(server):
    """A client that is signed in to the server."""
    browser = server.browser()
    browser.sign_in("ada", "a long password")
    return browser


@pytest.fixture(scope="session")
def chromium():
    """Return a function that starts Debian's Chromium with rules for its host resolver.

    A rule is, for example, MAP name:443 127.0.0.1:port.
    """
    found = shutil.which("chromium")
    if not found:
        skip_or_fail("chromium is not on PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        yield lambda *rules: playwright.chromium.launch(
            executable_path=found,
            args=[*options, f"--host-resolver-rules={', '.join(rules)}"],
        )
