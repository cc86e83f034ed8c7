"""The checks with what only Django knows, as `manage.py check` reports them."""

import re
import shutil

import pytest

from support.commands import run
from support.edits import edited

SETTINGS, URLS = "config/settings.py", "config/urls.py"
SECRET_KEY = "for tests only, and long: 0c41d5a7e2b94f6f8d3b1a5c7e9f0d2b4a6c8e0f"
FIELD = """
from django.core.files.storage import FileSystemStorage
class Paper(models.Model):
    file = models.FileField(storage=FileSystemStorage("LOCATION", file_permissions_mode=MODE))
"""
SERVE = "from django.views.static import serve\nurlpatterns.append(path('ROUTE<path:path>', serve))"
ALIAS = (
    'STORAGES["exports"] = {"BACKEND": "django.core.files.storage.FileSystemStorage",'
    ' "OPTIONS": {"location": LOCATION}}'
)


def field(location: str, mode: str = "0o644") -> tuple:
    model = FIELD.replace("LOCATION", location).replace("MODE", mode)
    return ("welcome/models.py", model)


# What is changed: the ids of the report, the edits, and LOCAL_DEV.
CASES = {
    "nothing": ("", [], "0"),
    "nothing, with LOCAL_DEV": ("", [], "1"),
    "both roots equal": ("E001", [(SETTINGS, "MEDIA_ROOT = STATIC_ROOT")], "0"),
    "a storage inside static": (
        "E001",
        [(SETTINGS, ALIAS.replace("LOCATION", "STATIC_ROOT"))],
        "0",
    ),
    "a storage in the checkout": (
        "E004",
        [(SETTINGS, ALIAS.replace("LOCATION", "BASE_DIR / 'x'"))],
        "0",
    ),
    "a field's storage in the checkout": ("E004", [field("CHECKOUT/papers")], "0"),
    "a field's relative storage": ("E002", [field("papers")], "0"),
    "a field's storage that nginx cannot read": ("W010", [field("/tmp/papers", "0o600")], "0"),
    "a storage class of the team": (
        "E004",
        [
            ("config/storage.py", "from files.storage import UploadStorage as Own"),
            (SETTINGS, 'STORAGES["default"]["BACKEND"] = "config.storage.Own"'),
            (SETTINGS, 'MEDIA_ROOT = BASE_DIR / "media"'),
        ],
        "0",
    ),
    "a page below the URL prefix": (
        "W013",
        [(URLS, "urlpatterns.append(path('s/about/', admin.site.index))")],
        "0",
    ),
    "an included page below the URL prefix": (
        "W013",
        [(URLS, "urlpatterns.append(path('s/', ([path('x/', admin.site.index)], 'x', 'x')))")],
        "0",
    ),
    "a pattern that serves media without LOCAL_DEV": (
        "W014",
        [(URLS, SERVE.replace("ROUTE", "s/media/"))],
        "0",
    ),
    "the article's pattern with a leading slash": (
        "urls.W002",
        [(URLS, SERVE.replace("ROUTE", "/s/static/"))],
        "0",
    ),
    "LOCAL_DEV in a deployment": ("E015", [], "1 --deploy"),
    "a catch-all page": ("", [(URLS, "urlpatterns.append(path('<path:slug>', page))")], "0"),
    "files served elsewhere": ("", [(URLS, SERVE.replace("ROUTE", "docs/"))], "0"),
    "a storage that cannot be created": (
        "",
        [(SETTINGS, 'STORAGES["default"]["BACKEND"] = "missing.Storage"')],
        "0",
    ),
}


@pytest.fixture(scope="module")
def project(bake, tmp_path_factory):
    project = tmp_path_factory.mktemp("checks") / "client_site"
    return shutil.copytree(bake(), project)


def check(project, python, mode: str = "0", *options: str) -> tuple[set[str], str]:
    """Return the ids that `manage.py check` reports, and its output."""
    local, *deploy = mode.split()
    command = [python(), "-W", "error", "manage.py", "check", *deploy, *options]
    done = run(*command, cwd=project, SECRET_KEY=SECRET_KEY, LOCAL_DEV=local)
    assert "Traceback" not in done.stdout, done.stdout
    return set(re.findall(r"\(((?:files|urls)\.[EW]\d+)\) ", done.stdout)), done.stdout


@pytest.mark.parametrize("name", CASES)
def test_problem_is_reported(project, python, name):
    ids, edits, mode = CASES[name]
    edits = [(file, text.replace("CHECKOUT", str(project)), *rest) for file, text, *rest in edits]
    with edited(project, edits):
        found, output = check(project, python, mode)
    wanted = {id if "." in id else f"files.{id}" for id in ids.split()}
    assert wanted <= found if wanted else not found, output


@pytest.mark.parametrize("command", ["migrate", "runserver --help", "startapp shop"])
def test_no_file_of_the_web_server_stops_a_command(bake, python, tmp_path, command):
    project = shutil.copytree(bake(), tmp_path / "client_site")
    for file in project.glob("nginx/*.conf"):
        file.write_text("nonsense {")
    done = run(python(), "manage.py", *command.split(), cwd=project, LOCAL_DEV="1")
    assert done.returncode == 0, done.stdout


def test_silenced_check_fails_nothing(project, python):
    edits = [
        (SETTINGS, 'MEDIA_ROOT = BASE_DIR / "media"'),
        (SETTINGS, 'SILENCED_SYSTEM_CHECKS += ["files.E004", "files.W005"]'),
    ]
    with edited(project, edits):
        assert check(project, python, "0", "--fail-level", "WARNING")[0] == set()
        tests = run(python(), "-m", "pytest", "-q", "tests/test_site.py", cwd=project)
        assert tests.returncode == 0, tests.stdout
    shutil.rmtree(project / "media", ignore_errors=True)
