"""The checks with what only Django knows, as `manage.py check` reports them."""

import re
import shutil

import pytest

from support.commands import SECRET_KEY, run
from support.edits import edited

SETTINGS, URLS = "config/settings.py", "config/urls.py"
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
DEFAULT_STORAGE = 'STORAGES["default"]["BACKEND"]'


def field(location: str, mode: str = "0o644") -> tuple:
    model = FIELD.replace("LOCATION", location).replace("MODE", mode)
    return ("welcome/models.py", model)


# What is changed: the id in the report, and the edits.
CASES = {
    "nothing": ("",),
    "both roots equal": ("files.E001", (SETTINGS, "MEDIA_ROOT = STATIC_ROOT")),
    "a storage inside static": ("files.E001", (SETTINGS, ALIAS.replace("LOCATION", "STATIC_ROOT"))),
    "a storage in the checkout": (
        "files.E004",
        (SETTINGS, ALIAS.replace("LOCATION", "BASE_DIR / 'x'")),
    ),
    "a field's storage in the checkout": ("files.E004", field("CHECKOUT/papers")),
    "a field's relative storage": ("files.E002", field("papers")),
    "a field's storage that nginx cannot read": ("files.W010", field("/tmp/papers", "0o600")),
    "a storage class of the team": (
        "files.E004",
        ("config/storage.py", "from files.storage import UploadStorage as Own"),
        (SETTINGS, f'{DEFAULT_STORAGE} = "config.storage.Own"\nMEDIA_ROOT = BASE_DIR / "media"'),
    ),
    "a page below the URL prefix": (
        "files.W013",
        (URLS, "urlpatterns.append(path('s/about/', admin.site.index))"),
    ),
    "an included page below the URL prefix": (
        "files.W013",
        (URLS, "urlpatterns.append(path('s/', ([path('x/', admin.site.index)], 'x', 'x')))"),
    ),
    "a pattern that serves media without LOCAL_DEV": (
        "files.W014",
        (URLS, SERVE.replace("ROUTE", "s/media/")),
    ),
    "the article's pattern with a leading slash": (
        "urls.W002",
        (URLS, SERVE.replace("ROUTE", "/s/static/")),
    ),
    "a catch-all page": ("", (URLS, "urlpatterns.append(path('<path:slug>', page))")),
    "files served elsewhere": ("", (URLS, SERVE.replace("ROUTE", "docs/"))),
    "a storage that cannot be created": ("", (SETTINGS, f'{DEFAULT_STORAGE} = "missing.Storage"')),
}


@pytest.fixture(scope="module")
def shared(bake, tmp_path_factory):
    """A copy of the default project for all edits that are undone."""
    return shutil.copytree(bake(), tmp_path_factory.mktemp("checks") / "client_site")


def check(project, python, *options: str, local_dev: int = 0) -> tuple[set[str], str]:
    """Return the ids that `manage.py check` reports, and its output."""
    command = [python(), "-W", "error", "manage.py", "check", *options]
    done = run(*command, cwd=project, SECRET_KEY=SECRET_KEY, LOCAL_DEV=local_dev)
    assert "Traceback" not in done.stdout, done.stdout
    return set(re.findall(r"\(((?:files|urls)\.[EW]\d+)\) ", done.stdout)), done.stdout


@pytest.mark.parametrize("name", CASES)
def test_problem_is_reported(shared, python, name):
    id, *edits = CASES[name]
    edits = [(file, text.replace("CHECKOUT", str(shared))) for file, text in edits]
    with edited(shared, edits):
        found, output = check(shared, python)
    assert id in found if id else not found, output


def test_local_dev(shared, python):
    assert check(shared, python, local_dev=1)[0] == set()
    assert check(shared, python, "--deploy", local_dev=1)[0] == {"files.E015"}


@pytest.mark.parametrize("variable", ["APPLICATION_SERVERS", "LISTEN"])
def test_several_servers(shared, python, monkeypatch, variable):
    monkeypatch.setenv(variable, "10.0.0.2:8000")
    found, output = check(shared, python, "--deploy")
    assert found == {"files.E016"}
    assert "its own database" in output and "its own uploads" in output
    assert check(shared, python)[0] == set()
    monkeypatch.setenv("DATABASE_URL", "postgres://site@10.0.0.4/site")
    output = check(shared, python, "--deploy")[1]
    assert "its own database" not in output and "its own uploads" in output
    assert "its own cache" not in output


@pytest.mark.parametrize(
    "setting",
    [
        "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}",
        "SESSION_ENGINE = 'django.contrib.sessions.backends.cached_db'",
    ],
)
def test_several_caches(shared, python, monkeypatch, setting):
    monkeypatch.setenv("LISTEN", "10.0.0.2:8000")
    with edited(shared, [(SETTINGS, setting)]):
        assert "its own cache" in check(shared, python, "--deploy")[1]


@pytest.mark.parametrize("command", ["migrate", "runserver --help", "startapp shop"])
def test_nginx_files_stop_no_command(project, python, command):
    for file in project.glob("nginx/*.conf"):
        file.write_text("nonsense {")
    done = run(python(), "manage.py", *command.split(), cwd=project, LOCAL_DEV="1")
    assert done.returncode == 0, done.stdout


def test_silenced_check_fails_nothing(shared, python):
    edits = [
        (SETTINGS, 'MEDIA_ROOT = BASE_DIR / "media"'),
        (SETTINGS, 'SILENCED_SYSTEM_CHECKS += ["files.E004", "files.W005"]'),
    ]
    with edited(shared, edits):
        assert check(shared, python, "--fail-level", "WARNING")[0] == set()
        tests = run(python(), "-m", "pytest", "-q", "-k", "checks", cwd=shared)
        assert tests.returncode == 0, tests.stdout
    shutil.rmtree(shared / "media", ignore_errors=True)
