"""What a team does in its first week: .env, startapp, translations, make check."""

import os
import re
import shutil
from pathlib import Path

import pytest

from support.commands import PROJECT, UV, run, run_ok, shell, skip_or_fail
from support.edits import edit

IN_THE_GALLERY = """
class Picture(models.Model):
    title = models.CharField(max_length=100)

    def __str__(self):
        return self.title"""
FAILING = """
class GalleryTests(TestCase):
    def test_it(self):
        self.fail()"""


@pytest.fixture
def make(project, python):
    """Return a function that runs a target of the project's Makefile in the shared environment."""

    def make(*arguments):
        environment = {"UV_PROJECT_ENVIRONMENT": python().parent.parent, "UV": UV}
        path = f"{Path(shutil.which(UV) or UV).parent}:{os.environ['PATH']}"
        return run("make", *arguments, cwd=project, PATH=path, **environment)

    return make


def test_env_file(project, make, python):
    check = (python(), "manage.py", "check")
    refused = run(*check, cwd=project)
    assert refused.returncode == 1 and "`make .env`" in refused.stdout
    assert make(".env").returncode == 0
    assert run(*check, cwd=project).returncode == 0
    edit(project, (".env", f"LOCAL_VAR={project.parent}/elsewhere\nEMAIL_URL=imap://x"))
    assert "EMAIL_URL must start with" in run(*check, cwd=project).stdout
    code = "from django.conf import settings as s; print(s.DEBUG, s.STATE_DIR)"
    shown = shell(python(), project, code, DEBUG=0, EMAIL_URL="")
    assert shown == f"False {project.parent}/elsewhere\n"


def test_site_tests_ignore_env_file(project, make, python):
    make(".env")
    run_ok(python(), "-m", "pytest", "-q", "tests/test_site.py", cwd=project)


def test_python_is_pinned_once(project, make, python):
    pin = project / ".python-version"
    assert make(".python-version").returncode == 0
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    assert pin.read_text() == run_ok(python(), "-c", code, cwd=project)
    os.utime(pin, (0, 0))  # older than uv
    assert make(".python-version").returncode == 0
    assert pin.stat().st_mtime == 0


def test_startapp_passes_make_check(project, make, python):
    def manage(*arguments):
        run_ok(python(), "manage.py", *arguments, cwd=project, LOCAL_DEV=1)

    manage("startapp", "gallery")
    edit(project, ("config/settings.py", '    "accounts",\n', '    "accounts",\n    "gallery",\n'))
    edit(project, ("gallery/models.py", IN_THE_GALLERY))
    manage("makemigrations", "gallery")
    done = make("check")
    assert done.returncode == 0, done.stdout

    edit(project, ("gallery/tests.py", FAILING))
    tests = run(python(), "-m", "pytest", "-q", "gallery", cwd=project)
    assert "gallery/tests.py::GalleryTests::test_it" in tests.stdout and tests.returncode == 1
    (project / "gallery/views.py").write_text("import os\nx = 'y'\n")
    done = make("check")
    assert done.returncode != 0 and "Run `make format`" in done.stdout
    assert make("format").returncode == 0
    assert make("check").returncode == 0


@pytest.mark.slow
def test_another_language(project, make, python):
    if not shutil.which("msgfmt"):
        skip_or_fail("gettext is not installed")
    edit(project, ("config/settings.py", 'LANGUAGE_CODE = "en-us"', 'LANGUAGE_CODE = "de"'))
    tests = (python(), "-m", "pytest", "-q", "--deselect", "tests/test_nginx.py")
    run_ok(*tests, cwd=project)
    assert make("messages", "LOCALE=de").returncode == 0
    catalog = project / "locale/de/LC_MESSAGES/django.po"
    text = catalog.read_text().replace("#, fuzzy\n", "", 1)
    for sentence in ("Go to the home page", "Coming soon.", "The form has expired"):
        assert sentence in text
    text = re.sub(r'^(msgid "The page you requested does not exist."\n)msgstr ""',
                  r'\1msgstr "Diese Seite gibt es nicht."', text, flags=re.MULTILINE)  # fmt: skip
    too_large = r'\1msgstr "Zu groß: %(size)s, %(limit)s."'
    text = re.sub(r'(msgid ""\n"The file is (?:.*\n)+?)msgstr ""', too_large, text)
    catalog.write_text(text)
    assert make("messages").returncode == 0
    run_ok(*tests, cwd=project)
    code = "from django.test import Client; print(Client().get('/none/').text)"
    page = shell(python(), project, code, DEBUG=0, ALLOWED_HOSTS="testserver")
    assert '<html lang="de">' in page and "<h1>Seite nicht gefunden</h1>" in page
    assert "Diese Seite gibt es nicht." in page


def test_sentences_of_nginx_are_in_one_file():
    files = (PROJECT / "nginx").glob("*.conf")
    assert [file.name for file in files if "<h1>" in file.read_text()] == ["errors.conf"]
