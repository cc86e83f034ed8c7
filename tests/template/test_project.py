"""The rendered project passes its own checks and tests: with all answers, and after changes."""

import os
import re
import shutil
from pathlib import Path

import pytest

from support.commands import DJANGO, TEMPLATE, UNUSUAL, UV, run, run_ok
from support.environments import MATRIX, interpreters
from support.serving import fetch, serving
from support.site import free_port

DEPLOY = {"SECRET_KEY": "for tests only, and long: 7b1e9c3f5a2d8046e1b3d5f7a9c0e2d4"}


def slow(*values, id: str):
    return pytest.param(*values, marks=pytest.mark.slow, id=id)


ANSWERS = [
    pytest.param({}, id="default"),
    slow(UNUSUAL, id="all"),
    *(slow({question: answer}, id=question) for question, answer in UNUSUAL.items()),
]


@pytest.mark.parametrize("answers", ANSWERS)
def test_checks_and_tests_pass(copy_of, environment, answers):
    project = copy_of(**answers)
    python = environment(answers.get("django_version", DJANGO))

    def manage(*arguments, **variables):
        run_ok(python, "manage.py", *arguments, cwd=project, **variables)

    run_ok(python.parent / "ruff", "check", cwd=project)
    run_ok(python.parent / "ruff", "format", "--check", cwd=project)
    manage("check", "--fail-level", "WARNING", LOCAL_DEV=1)
    manage("check", "--deploy", "--fail-level", "WARNING", **DEPLOY)
    manage("makemigrations", "--check", "--dry-run", LOCAL_DEV=1)
    run_ok(python, "-m", "pytest", "-q", cwd=project)


def test_storages_views_and_settings(bake, python, tmp_path):
    """The tests of tests/template/inside/, which a client's repository does not need."""
    project = shutil.copytree(bake(), tmp_path / "client_site")
    add_shop(project, python())
    for file in (TEMPLATE / "tests/template/inside").glob("test_*.py"):
        shutil.copy(file, project / "tests")
    run_ok(python(), "-m", "pytest", "-q", "--deselect", "tests/test_nginx.py", cwd=project)
    run_ok(python().parent / "ruff", "check", "shop", cwd=project)


# Beside the models of the README: Django's own fields, and models that inherit a field.
MORE_MODELS = """

class Attachment(models.Model):
    file = models.FileField()
    picture = models.ImageField(blank=True)


class Framed(Product):
    frame = models.CharField(max_length=10)


class Poster(Product):
    class Meta:
        proxy = True
"""


def add_shop(project: Path, python: Path) -> None:
    """Add the app that the project's README shows, as a team does, and MORE_MODELS."""
    run_ok(python, "manage.py", "startapp", "shop", cwd=project, LOCAL_DEV=1)
    blocks = re.findall(
        r"```python\n# (shop/\S+)\n(.*?)```", (project / "README.md").read_text(), re.S
    )
    assert [name for name, code in blocks] == ["shop/models.py", "shop/views.py"]
    for name, code in blocks:
        (project / name).write_text(code)
    with (project / "shop/models.py").open("a") as file:
        file.write(MORE_MODELS)
    edits = {
        "config/settings.py": ('    "accounts",\n', '    "accounts",\n    "shop",\n'),
        "config/urls.py": (
            "urlpatterns = [\n",
            "import shop.views\nurlpatterns = [\n"
            "    path('invoices/<int:pk>/', shop.views.invoice),\n",
        ),
    }
    for name, (old, new) in edits.items():
        text = (project / name).read_text()
        assert text.count(old) == 1
        (project / name).write_text(text.replace(old, new))
    run_ok(python, "manage.py", "makemigrations", "shop", cwd=project, LOCAL_DEV=1)


@pytest.mark.slow
@pytest.mark.parametrize(("series", "version"), MATRIX)
def test_tests_pass_on_each_python(copy_of, python, series, version):
    if version not in interpreters():
        pytest.skip(f"Python {version} is not installed")
    interpreter = python(series, interpreters()[version])
    project = copy_of(django_version=series)
    run_ok(interpreter, "-X", "dev", "-m", "pytest", "-q", cwd=project)


LOCAL = {"LOCAL_DEV": "1", "DEBUG": "1"}
CREATE_PHOTO = """
from django.core.files.base import ContentFile
from welcome.models import Photo
photo = Photo()
photo.image.save("me.png", ContentFile(b"a photo"))
print(photo.image.path)
"""


def test_a_day_of_work_leaves_the_checkout_clean(bake, python, tmp_path):
    project = shutil.copytree(bake(), tmp_path / "project")
    git = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@client.example")
    run_ok("git", "init", "--quiet", cwd=project)
    run_ok(UV, "lock", "--quiet", cwd=project)
    run_ok(*git, "add", "--all", cwd=project)
    run_ok(*git, "commit", "--quiet", "-m", "Start", cwd=project)

    def manage(*arguments):
        return run_ok(python(), "manage.py", *arguments, cwd=project, **LOCAL)

    manage("migrate", "--verbosity", "0")
    photo = Path(manage("shell", "--verbosity", "0", "--command", CREATE_PHOTO).strip())
    manage("collectstatic", "--noinput")
    command = f"{python()} manage.py runserver {free_port()}"
    with serving(command, project, os.environ | LOCAL) as url:
        assert f"photos/{photo.name}" in fetch(f"{url}/")[0].decode()
    run_ok(python(), "-m", "pytest", "-q", "--deselect", "tests/test_nginx.py", cwd=project)
    run_ok(python().parent / "ruff", "check", cwd=project)
    assert run_ok("git", "status", "--porcelain", cwd=project) == ""

    run_ok("git", "clean", "-fdxq", cwd=project)
    assert photo.read_bytes() == b"a photo"
    count = "from welcome.models import Photo; print(Photo.objects.count())"
    assert manage("shell", "--verbosity", "0", "--command", count).strip() == "1"
    assert (tmp_path / "project-var").is_dir()


def delete(project: Path, directory: str) -> None:
    """Delete a directory of the project as its README says."""
    shutil.rmtree(project / directory)
    if directory == "welcome":
        for file in ("config/settings.py", "config/urls.py"):
            lines = (project / file).read_text().splitlines(keepends=True)
            (project / file).write_text("".join(line for line in lines if "welcome" not in line))


PARTS = ["nginx", "deploy", "tests", "welcome"]


@pytest.mark.parametrize(
    "deleted",
    [
        pytest.param(["nginx"], id="nginx"),
        slow(["tests"], id="tests"),
        pytest.param(PARTS, id="all"),
        slow(["deploy"], id="deploy"),
        slow(["welcome"], id="welcome"),
    ],
)
def test_parts_can_be_deleted(bake, python, tmp_path, deleted):
    project = shutil.copytree(bake(), tmp_path / "project")
    for directory in deleted:
        delete(project, directory)
    run_ok(python().parent / "ruff", "check", cwd=project)
    run_ok(python(), "manage.py", "check", "--fail-level", "WARNING", cwd=project, LOCAL_DEV=1)
    tests = run(python(), "-m", "pytest", "-q", cwd=project)
    no_tests = 5 if deleted == PARTS else 0
    assert tests.returncode in {0, no_tests}, tests.stdout
    login = "from django.test import Client; print(Client().get('/admin/login/').status_code)"
    shell = (python(), "manage.py", "shell", "--verbosity", "0", "--command", login)
    assert run_ok(*shell, cwd=project, LOCAL_DEV=1, ALLOWED_HOSTS="testserver").strip() == "200"


FILE_SYSTEM = 'STORAGES["default"] = {"BACKEND": "django.core.files.storage.FileSystemStorage"}'
S3 = """
STORAGES["default"] = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": {"bucket_name": "site", "custom_domain": "uploads.client.example"},
}
"""
WHITENOISE = """
MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")
if not LOCAL_DEV:
    STORAGES["staticfiles"]["BACKEND"] = "whitenoise.storage.CompressedManifestStaticFilesStorage"
"""


@pytest.mark.parametrize(
    ("settings", "deleted"),
    [
        slow(FILE_SYSTEM, [], id="FileSystemStorage"),
        slow(S3, [], id="S3"),
        slow(WHITENOISE, ["nginx", "deploy"], id="WhiteNoise"),
    ],
)
def test_storages_can_be_exchanged(bake, python_with_packages, tmp_path, settings, deleted):
    project = shutil.copytree(bake(), tmp_path / "project")
    for directory in deleted:
        delete(project, directory)
    with (project / "config/settings.py").open("a") as file:
        file.write(settings)
    python = python_with_packages
    check = (python, "manage.py", "check", "--fail-level", "WARNING")
    run_ok(*check, cwd=project, LOCAL_DEV=1)
    run_ok(*check, "--deploy", cwd=project, **DEPLOY)
    run_ok(python, "-m", "pytest", "-q", cwd=project)
