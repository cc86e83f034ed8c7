"""Fixtures that render projects, each set of answers once, and serve them."""

import os
import shutil
from pathlib import Path

import pytest

from support.commands import CACHE, DJANGO, TEMPLATE, UV, cache_locked, run_ok, skip_or_fail
from support.environments import interpreters, supports, with_packages
from support.site import deployed, rendered_for, server_directory

collect_ignore = ["template/inside"]  # these tests run in a rendered project


@pytest.fixture(scope="session")
def bake(cookies_session):
    """Return a function that renders the template with some answers, each set of them once.

    Nothing may run in what it returns; `copy_of` returns a copy for that.
    """
    baked = {}

    def bake(**answers) -> Path:
        answers = {"django_version": DJANGO} | answers
        key = tuple(sorted(answers.items()))
        if key not in baked:
            result = cookies_session.bake(extra_context=answers, template=str(TEMPLATE))
            assert result.exception is None
            baked[key] = result.project_path
        return baked[key]

    return bake


@pytest.fixture
def project(bake, tmp_path) -> Path:
    """A copy of the default project, for one test."""
    return shutil.copytree(bake(), tmp_path / "client_site")


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

    def python(series: str = DJANGO, interpreter: str = "") -> Path:
        environment = CACHE / f"django-{series}{interpreter.replace('/', '-')}"
        with cache_locked():
            run_ok(
                *(UV, "sync", "--quiet"),
                cwd=copy_of(django_version=series),
                UV_PROJECT_ENVIRONMENT=environment,
                UV_PYTHON=interpreter or os.environ.get("UV_PYTHON", ""),
            )
        return environment / "bin" / "python"

    return python


@pytest.fixture(scope="session")
def environment(python):
    """Return a function that returns the Python of an environment for a Django series."""

    def environment(series: str) -> Path:
        chosen = os.environ.get("UV_PYTHON")
        found = {chosen: chosen} if chosen else interpreters()
        version = next((v for v in found if supports(series, v)), None)
        if not version:
            pytest.skip(f"Django {series} runs on none of the Pythons: {', '.join(found)}")
        return python(series, found[version])

    return environment


PACKAGES = ["django-storages", "whitenoise", "boto3", "botocore", "jmespath", "python-dateutil"]
PACKAGES += ["s3transfer", "six", "urllib3"]


@pytest.fixture(scope="session")
def python_with_packages(python) -> Path:
    """The Python of an environment that also has packages a team may add."""
    return with_packages(python(), f"django-{DJANGO}-packages", PACKAGES)


@pytest.fixture(scope="module")
def directory():
    """A directory for a module's own server."""
    with server_directory() as path:
        yield path


@pytest.fixture(scope="session")
def server(copy_of, python):
    """The default project behind nginx and gunicorn, with a superuser."""
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
            executable_path=found, args=[*options, f"--host-resolver-rules={', '.join(rules)}"]
        )


def pytest_addoption(parser):
    parser.addoption("--update-docs", action="store_true", help="write generated parts of docs/")


@pytest.fixture(scope="session")
def check_generated(request):
    """Return a function that compares a generated part of a page of docs/ with what it must be.

    A part is between `<!-- part -->` and `<!-- end of part -->`. Only `--update-docs` writes it:
    `make docs`.
    """

    def check_generated(page: str, part: str, expected: str) -> None:
        path = TEMPLATE / "docs" / page
        before, start, rest = path.read_text().partition(f"<!-- {part} -->\n")
        found, end, after = rest.partition(f"<!-- end of {part} -->\n")
        assert start and end, f"docs/{page} has no part {part!r}"
        if request.config.getoption("update_docs"):
            path.write_text(f"{before}{start}{expected}{end}{after}")
        else:
            assert found == expected, f"docs/{page} is out of date: run `make docs`"

    return check_generated
