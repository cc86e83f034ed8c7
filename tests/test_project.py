"""The rendered project passes its own checks and tests, whatever was answered."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import TEMPLATE, UV, passes
from servers import free_port
from test_answers import AWKWARD
from test_commands import fetch, served

SERIES = json.loads((TEMPLATE / "cookiecutter.json").read_text())["django_version"]
DEPLOY = {"SECRET_KEY": "for tests only, and long: 7b1e9c3f5a2d8046e1b3d5f7a9c0e2d4"}


def interpreters() -> dict[str, str]:
    """Return the Pythons of this machine by version: those on PATH and pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for version in ("3.11", "3.12", "3.13", "3.14"):
        places = [*pyenv.glob(f"{version}.*/bin/python"), shutil.which(f"python{version}")]
        for place in filter(None, places):
            done = subprocess.run([place, "-c", "import venv"], capture_output=True)
            if done.returncode == 0:
                found[version] = str(place)
                break
    return found


def fits(series: str, version: str) -> bool:
    """Return whether a Python is new enough for a series of Django."""
    return version != "3.11" or series == "5.2"


@pytest.fixture(scope="session")
def environment(python):
    """Return a function that gives the Python of a series, on a Python that it runs on."""

    def environment(series: str) -> Path:
        version = next((v for v in interpreters() if fits(series, v)), None)
        if not version:
            pytest.skip(f"no Python that Django {series} runs on")
        return python(series, interpreters()[version])

    return environment


ANSWERS = [
    {},
    {"django_version": "6.1"},
    *({question: answer} for question, answer in AWKWARD.items() if question != "django_version"),
    AWKWARD,
]


@pytest.mark.parametrize("answers", ANSWERS, ids=lambda answers: "+".join(answers) or "default")
def test_the_project_passes_its_own_checks(project, environment, answers):
    folder = project(**answers)
    python = environment(answers.get("django_version", "5.2"))

    def manage(*arguments, **variables):
        passes(python, "manage.py", *arguments, cwd=folder, **variables)

    passes(python.parent / "ruff", "check", cwd=folder)
    passes(python.parent / "ruff", "format", "--check", cwd=folder)
    manage("check", "--fail-level", "WARNING", LOCAL_DEV=1)
    manage("check", "--deploy", "--fail-level", "WARNING", **DEPLOY)
    manage("makemigrations", "--check", "--dry-run", LOCAL_DEV=1)
    passes(python, "-m", "pytest", "-q", cwd=folder)


MATRIX = [(s, v) for s in SERIES for v in ("3.11", "3.12", "3.13", "3.14") if fits(s, v)]


@pytest.mark.slow
@pytest.mark.parametrize(("series", "version"), MATRIX)
def test_the_tests_pass_on_each_python(project, python, series, version):
    if version not in interpreters():
        pytest.skip(f"there is no Python {version} on this machine")
    interpreter = python(series, interpreters()[version])
    folder = project(django_version=series)
    passes(interpreter, "-X", "dev", "-m", "pytest", "-q", cwd=folder)


LOCAL = os.environ | {"LOCAL_DEV": "1", "DEBUG": "1"}
CREATE = """
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
user = get_user_model().objects.create_superuser("ada", password="a long password")
user.photo.save("me.png", ContentFile(b"a photo"))
print(user.photo.path)
"""


def test_a_day_of_work_leaves_the_checkout_clean(bake, python, tmp_path):
    project = shutil.copytree(bake(), tmp_path / "project")
    git = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@client.example")
    passes("git", "init", "--quiet", cwd=project)
    passes(UV, "lock", "--quiet", cwd=project)
    passes(*git, "add", "--all", cwd=project)
    passes(*git, "commit", "--quiet", "-m", "Start", cwd=project)

    def manage(*arguments):
        return passes(python(), "manage.py", *arguments, cwd=project, LOCAL_DEV=1, DEBUG=1)

    manage("migrate", "--verbosity", "0")
    photo = Path(manage("shell", "--verbosity", "0", "--command", CREATE).strip())
    manage("collectstatic", "--noinput")
    with served(f"{python()} manage.py runserver {free_port()}", project, LOCAL) as address:
        assert fetch(f"{address}/")[0]
    passes(python(), "-m", "pytest", "-q", cwd=project)
    passes(python().parent / "ruff", "check", cwd=project)
    assert passes("git", "status", "--porcelain", cwd=project) == ""

    passes("git", "clean", "-fdxq", cwd=project)
    assert photo.read_bytes() == b"a photo"
    count = "from accounts.models import User; print(User.objects.count())"
    assert manage("shell", "--verbosity", "0", "--command", count).strip() == "1"
    assert (tmp_path / "project-var").is_dir()


def test_the_first_page_can_be_deleted(bake, python, tmp_path):
    project = shutil.copytree(bake(), tmp_path / "project")
    shutil.rmtree(project / "welcome")
    for file in ("config/settings.py", "config/urls.py"):
        lines = (project / file).read_text().splitlines(keepends=True)
        (project / file).write_text("".join(line for line in lines if "welcome" not in line))
    passes(python(), "manage.py", "check", "--fail-level", "WARNING", cwd=project, LOCAL_DEV=1)
    passes(python(), "-m", "pytest", "-q", cwd=project)
    site = "from django.test import Client; print(Client().get('/admin/login/').status_code)"
    manage = (python(), "manage.py", "shell", "--verbosity", "0", "--command", site)
    assert passes(*manage, cwd=project, LOCAL_DEV=1, ALLOWED_HOSTS="testserver").strip() == "200"
