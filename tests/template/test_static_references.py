"""The rendered project's tests find references to static files that do not exist, and no others."""

import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.commands import PROJECT, run
from support.edits import edited

SETTINGS, TEST = "config/settings.py", "tests/test_static_files.py"
BASE, PAGE = "templates/base.html", "welcome/templates/welcome/page.html"
PACKAGES = ".venv/lib/python3/site-packages"
STYLESHEET = """
@import "data:text/css,b{}"; @import url("https://fonts.example/x.css"); @import "reset.css";
b { background: url(data:image/gif;base64,R0lGOD) url(//cdn.example/x.png) url(/s/media/x.png) }
b { background: url("../img/sprite.svg#icon") url(../img/sprite.svg?v=1) url(#icon) }
/*# sourceMappingURL=site.css.map */
"""
TEMPLATE = """
{% load static %}
{% static 'img/sprite.svg#icon' %} {% static "js/site.js?v=1" %} {% static 'img/' %}
{% static 'css/site.css' as style %} {% static path %} {% static path as style %}
{% static 'gone.'|add:x %} {% static path|default:'gone.css' %} {% static _('css/site.css') %}
{# {% static 'gone.css' %} #} {% comment %}{% static 'gone.css' %}{% endcomment %}
{% verbatim %}{% static 'gone.css' %}{% endverbatim %}
"""
# What projects may contain.
LEGITIMATE = [
    ("static/css/site.css", STYLESHEET),
    *((f"static/{name}", "") for name in ("css/reset.css", "css/site.css.map", "js/site.js")),
    ("static/img/sprite.svg", "<svg/>"),
    ("templates/legitimate.html", TEMPLATE),
    ("templates/jinja.html", "{% set gone = static('gone.css') %} {% static 'gone.css' %}"),
    ("templates/unknown.html", "{% load gone %}{% load static %}{% static 'gone.css' %}"),
    ("templates/v1.0/mail.txt", "{% load static %}{% static 'css/site.css' %}"),
    (f"{PACKAGES}/shop/__init__.py", ""),
    (f"{PACKAGES}/shop/templates/shop.html", "{% load static %}{% static 'gone.css' %}"),
    ("../packages/market/__init__.py", ""),
    ("../packages/market/templates/market.html", "{% load static %}{% static 'gone.css' %}"),
    (
        SETTINGS,
        f'import sys; sys.path += [f"{{BASE_DIR}}/{PACKAGES}", f"{{BASE_DIR.parent}}/packages"]',
    ),
    (SETTINGS, 'INSTALLED_APPS += ["shop", "market"]'),
]
HEAD = """{% block head %}{% load static %}
  {% if user %}{% else %}<link href="{% static 'css/sit.css' %}">{% endif %}
  {% endblock %}
"""
LOOP = """{% for photo in photos %}{% empty %}
  {% with x=1 %}{% static "css/Site.css#top" %}{% endwith %}{% endfor %}
{% static 'js/site.min.js' as script %}{% static 'css/site.css' %}
{% static 'django_htmx/htmx.min.js' %}{% static '/css/site.css' %}"""
CART = """{% load static %}
{% spaceless %}{% filter upper %}{% static 'wellcome.css' %}{% endfilter %}{% endspaceless %}"""
MISTAKES = [
    (BASE, r"{% block head %}{% endblock %}\n", HEAD),
    (PAGE, LOOP),
    ("apps/cart/__init__.py", ""),
    ("apps/cart/templates/cart/cart.html", CART),
    (SETTINGS, 'INSTALLED_APPS.append("apps.cart")'),
]


def line(file: str, offset: int) -> str:
    """Return a place in a template of the project: a line after what the mistake is added to."""
    text = (PROJECT / file).read_text()
    before = text.partition("{% block head %}")[0] if file == BASE else text
    return f"{file}:{before.count(chr(10)) + offset}"


MISSING = [
    "apps/cart/templates/cart/cart.html:3: There is no static file 'wellcome.css'."
    " Did you mean 'welcome/welcome.css'?",
    f"{line(BASE, 2)}: There is no static file 'css/sit.css'. Did you mean 'css/site.css'?",
    f"{line(PAGE, 3)}: There is no static file 'css/Site.css#top'. Did you mean 'css/site.css'?",
    f"{line(PAGE, 4)}: There is no static file 'js/site.min.js'. Did you mean 'js/site.js'?",
    f"{line(PAGE, 5)}: There is no static file 'django_htmx/htmx.min.js'.",
    f"{line(PAGE, 5)}: There is no static file '/css/site.css'. Did you mean 'css/site.css'?",
]
# Text in static/css/site.css, and the file that is missing.
STYLESHEETS = {
    "url": ("b { background: url('../img/gone.png') }", "img/gone.png"),
    "url in the URL prefix": ("b { background: url(/s/static/gone.png) }", "gone.png"),
    "import": ('@import "rest.css";', "css/rest.css"),
    "source map": ("/*# sourceMappingURL=gone.css.map */", "css/gone.css.map"),
}


def storage(backend: str) -> str:
    return f'if not LOCAL_DEV:\n    STORAGES["staticfiles"] = {{"BACKEND": "{backend}"}}'


NOT_STRICT = """
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
class NotStrict(ManifestStaticFilesStorage):
    manifest_strict = False
"""
WHITENOISE = storage("whitenoise.storage.CompressedManifestStaticFilesStorage")
S3 = 'AWS_STORAGE_BUCKET_NAME, AWS_S3_CUSTOM_DOMAIN = "site", "static.client.example"'
BROKEN = ("static/css/broken.css", "b { background: url(gone.png) }")
# Storages of a server. Those without a manifest accept a broken stylesheet.
STORAGES = {
    "plain": [(SETTINGS, storage("django.contrib.staticfiles.storage.StaticFilesStorage")), BROKEN],
    "not strict": [
        (SETTINGS, storage("config.storage.NotStrict")),
        ("config/storage.py", NOT_STRICT),
    ],
    "WhiteNoise": [(SETTINGS, WHITENOISE)],
    "WhiteNoise, hashed": [(SETTINGS, f"{WHITENOISE}\nWHITENOISE_KEEP_ONLY_HASHED_FILES = True")],
    "S3": [(SETTINGS, f"{storage('storages.backends.s3.S3StaticStorage')}\n    {S3}"), BROKEN],
    "S3 with a manifest": [
        (SETTINGS, f"{storage('storages.backends.s3.S3ManifestStaticStorage')}\n    {S3}")
    ],
}


@contextmanager
def legitimate(rendered: Path, directory: Path):
    """Copy a rendered project and add what projects may contain."""
    project = shutil.copytree(rendered, directory / "client_site")
    with edited(project, LEGITIMATE):
        (project / "templates/logo.png").write_bytes(b"\x89PNG\r\n")
        yield project


@pytest.fixture(scope="module")
def project(bake, tmp_path_factory):
    with legitimate(bake(), tmp_path_factory.mktemp("static")) as project:
        yield project


def failures(project: Path, python: Path) -> list[str]:
    """Return the lines that the project's test fails with."""
    done = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", TEST, cwd=project)
    if done.returncode == 0:
        assert "1 passed" in done.stdout, done.stdout
        return []
    message = re.search(r"_ test_static_files_exist _+\n(.+?)\n+=+ short", done.stdout, re.DOTALL)
    return (message[1] if message else done.stdout).splitlines()


def files(project: Path) -> dict[Path, bytes]:
    """Return the content of each file that Python does not compile."""
    files = (file for file in project.rglob("*") if file.is_file() and file.suffix != ".pyc")
    return {file: file.read_bytes() for file in files}


def broken(name: str) -> str:
    return f"Post-processing 'css/site.css' failed! The file '{name}' could not be found."


def test_legitimate_references(project, python):
    assert failures(project, python()) == []


def test_templates(project, python):
    with edited(project, MISTAKES):
        assert failures(project, python()) == MISSING


@pytest.mark.parametrize(
    "case", ["url", *(pytest.param(c, marks=pytest.mark.slow) for c in STYLESHEETS if c != "url")]
)
def test_stylesheets(project, python, case):
    text, name = STYLESHEETS[case]
    with edited(project, [("static/css/site.css", text)]):
        assert failures(project, python()) == [broken(name)]


@pytest.mark.slow
@pytest.mark.parametrize("case", STORAGES)
def test_exchanged_storages(project, python_with_packages, case):
    with edited(project, STORAGES[case]):
        assert failures(project, python_with_packages) == []
        with edited(project, MISTAKES):
            assert failures(project, python_with_packages) == MISSING


@pytest.mark.slow
def test_checkout_is_unchanged(project, python):
    inside = 'STATIC_ROOT = BASE_DIR / "collected"'
    with edited(project, [(SETTINGS, inside), ("staticfiles.json", "of a release")]):
        before = files(project)
        assert failures(project, python()) == []
        assert files(project) == before


@pytest.mark.slow
def test_error_of_the_settings(project, python):
    """Whatever else goes wrong is shown as it is."""
    with edited(project, [(SETTINGS, "if not LOCAL_DEV:\n    1 / 0")]):
        assert failures(project, python())[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.slow
def test_django_6_1(bake, environment, tmp_path):
    python = environment("6.1")
    partial = "{% load static %}{% partialdef x %}{% static 'css/sit.css' %}{% endpartialdef %}"
    with legitimate(bake(django_version="6.1"), tmp_path) as project:
        assert failures(project, python) == []
        with edited(project, MISTAKES):
            assert failures(project, python) == MISSING
        with edited(project, [("templates/partial.html", partial)]):
            assert [line.split(":")[:2] for line in failures(project, python)] == [
                ["templates/partial.html", "2"]
            ]
        for text, name in STYLESHEETS.values():
            with edited(project, [("static/css/site.css", text)]):
                assert failures(project, python) == [broken(name)]
