"""The rendered project passes its own checks and tests: with all answers, and after changes."""

import os
import re
import shutil
from pathlib import Path

import pytest

from support.answers import UNUSUAL
from support.commands import DJANGO, SECRET_KEY, TEMPLATE, UV, git, run, run_ok, shell
from support.edits import edit
from support.environments import MATRIX, interpreters
from support.serving import serving
from support.site import free_port


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
    manage("check", "--deploy", "--fail-level", "WARNING", SECRET_KEY=SECRET_KEY)
    manage("makemigrations", "--check", "--dry-run", LOCAL_DEV=1)
    run_ok(python, "-m", "pytest", "-q", cwd=project)


def test_skipped_tests_say_why(copy_of, python):
    done = run(python(), "-m", "pytest", "-q", "tests/test_nginx.py", cwd=copy_of(), PATH="/none")
    assert re.search(r"^SKIPPED \[1\] .* nginx or openssl is not installed$", done.stdout, re.M)
    assert 'addopts = ["-rfEs"' in (TEMPLATE / "pyproject.toml").read_text()


def test_inside_the_project(project, python):
    """The tests of tests/template/inside/, which a client's repository does not need."""
    add_shop(project, python())
    for file in (TEMPLATE / "tests/template/inside").glob("test_*.py"):
        shutil.copy(file, project / "tests")
    other = ("--ignore", "tests/test_nginx.py", "--ignore", "tests/test_static_files.py")
    run_ok(python(), "-m", "pytest", "-q", *other, cwd=project)
    run_ok(python().parent / "ruff", "check", "shop", cwd=project)


SHOP_URLS = """
import shop.views
urlpatterns.append(path("invoices/<int:pk>/", shop.views.invoice))"""
# Beside the models of the README: Django's own fields, and models that inherit a field.
MORE_MODELS = """
class Attachment(models.Model):
    file = models.FileField()
    picture = models.ImageField(blank=True)


class Framed(Product):
    frame = models.CharField(max_length=10)


class Poster(Product):
    class Meta:
        proxy = True"""


def add_shop(project: Path, python: Path) -> None:
    """Add the app that the project's README shows, as a team does, and MORE_MODELS."""
    run_ok(python, "manage.py", "startapp", "shop", cwd=project, LOCAL_DEV=1)
    blocks = re.findall(
        r"```python\n# (shop/\S+)\n(.*?)```", (project / "README.md").read_text(), re.S
    )
    assert [name for name, code in blocks] == ["shop/models.py", "shop/views.py"]
    for name, code in blocks:
        (project / name).write_text(code)
    edit(
        project,
        ("shop/models.py", MORE_MODELS),
        ("config/settings.py", '    "accounts",\n', '    "accounts",\n    "shop",\n'),
        ("config/urls.py", SHOP_URLS),
    )
    run_ok(python, "manage.py", "makemigrations", "shop", cwd=project, LOCAL_DEV=1)


@pytest.mark.slow
@pytest.mark.parametrize(("series", "version"), MATRIX)
def test_tests_pass_on_each_python(copy_of, python, series, version):
    if version not in interpreters():
        pytest.skip(f"Python {version} is not installed")
    interpreter = python(series, interpreters()[version])
    project = copy_of(django_version=series)
    run_ok(interpreter, "-X", "dev", "-m", "pytest", "-q", cwd=project)


def test_newest_python_of_a_project(bake):
    """Is the newest one that is tested."""
    newest = max(int(version.removeprefix("3.")) for _, version in MATRIX)
    pyproject = (bake() / "pyproject.toml").read_text()
    assert re.search(rf'^requires-python = ">=3.1\d,<3.{newest + 1}"', pyproject, re.MULTILINE)


LOCAL = {"LOCAL_DEV": "1", "DEBUG": "1"}
CREATE_PHOTO = """
from django.core.files.base import ContentFile
from welcome.models import Photo
photo = Photo()
photo.image.save("me.png", ContentFile(b"a photo"))
print(photo.image.path)
"""


def test_day_of_work_leaves_no_changes(project, python):
    git(project, "init", "--quiet")
    run_ok(UV, "lock", "--quiet", cwd=project)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Start")
    for command in ("migrate", "collectstatic --noinput"):
        run_ok(python(), "manage.py", *command.split(), cwd=project, **LOCAL)
    photo = Path(shell(python(), project, CREATE_PHOTO, **LOCAL).strip())
    command = f"{python()} manage.py runserver {free_port()}"
    with serving(command, project, os.environ | LOCAL) as client:
        assert f"photos/{photo.name}".encode() in client.get("/").body
    run_ok(python(), "-m", "pytest", "-q", "--deselect", "tests/test_nginx.py", cwd=project)
    run_ok(python().parent / "ruff", "check", cwd=project)
    assert git(project, "status", "--porcelain") == ""

    git(project, "clean", "-fdxq")
    assert photo.read_bytes() == b"a photo"
    count = "from welcome.models import Photo; print(Photo.objects.count())"
    assert shell(python(), project, count, **LOCAL).strip() == "1"
    assert project.with_name("client_site-var").is_dir()


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
def test_parts_can_be_deleted(project, python, deleted):
    for directory in deleted:
        delete(project, directory)
    run_ok(python().parent / "ruff", "check", cwd=project)
    run_ok(python(), "manage.py", "check", "--fail-level", "WARNING", cwd=project, LOCAL_DEV=1)
    tests = run(python(), "-m", "pytest", "-q", cwd=project)
    no_tests = 5 if deleted == PARTS else 0
    assert tests.returncode in {0, no_tests}, tests.stdout
    login = "from django.test import Client; print(Client().get('/admin/login/').status_code)"
    status = shell(python(), project, login, LOCAL_DEV=1, ALLOWED_HOSTS="testserver")
    assert status.strip() == "200"


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "deleted"),
    [
        pytest.param(FILE_SYSTEM, [], id="FileSystemStorage"),
        pytest.param(S3, [], id="S3"),
        pytest.param(WHITENOISE, ["nginx", "deploy"], id="WhiteNoise"),
    ],
)
def test_storages_can_be_exchanged(project, python_with_packages, settings, deleted):
    for directory in deleted:
        delete(project, directory)
    edit(project, ("config/settings.py", settings))
    python = python_with_packages
    check = (python, "manage.py", "check", "--fail-level", "WARNING")
    run_ok(*check, cwd=project, LOCAL_DEV=1)
    run_ok(*check, "--deploy", cwd=project, SECRET_KEY=SECRET_KEY)
    run_ok(python, "-m", "pytest", "-q", cwd=project)
