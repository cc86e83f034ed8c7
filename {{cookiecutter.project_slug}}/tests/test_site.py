"""The site with LOCAL_DEV, and its settings as a server sees them."""

import os
import shutil
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import path


def get(client, url: str):
    response = client.get(url)
    response.body = response.getvalue()
    return response


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run Python with a server's environment, whatever .env has, and `environment`."""
    command = [sys.executable, *arguments]
    environment = {
        "PATH": os.environ["PATH"],
        "LOCAL_DEV": "0",
        "DEBUG": "0",
        "SECRET_KEY": "for tests, long and random: " + "8d7a5b1c9e3f" * 3,
    } | environment
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True
    )


def test_system_checks():
    assert [message for message in run_checks() if not message.is_silenced()] == []


def test_deployment_checks():
    check = python("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert check.returncode == 0, check.stderr


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_git_ignores_no_source():
    names = ("static/css/x.css", "static/img/x.png", "static/lib/x.js", "templates/media/x.html")
    command = ["git", "check-ignore", "--no-index", *names, "nginx/media.conf", "files/storage.py"]
    ignored = subprocess.run(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True)
    assert ignored.stdout == ""


def test_static_file(client):
    response = get(client, settings.STATIC_URL + "admin/css/base.css")
    assert (response.status_code, response["Content-Type"]) == (200, "text/css; charset=utf-8")


@pytest.mark.parametrize("extension", ["txt", "png", "html", "svg"])
def test_upload(client, extension):
    if not default_storage.url("upload").startswith("/"):
        pytest.skip("another service stores the uploads")
    name = default_storage.save(f"tests/upload.{extension}", ContentFile(b"<script>"))
    response = get(client, default_storage.url(name))
    default_storage.delete(name)
    assert (response.status_code, response.body) == (200, b"<script>")
    assert response["X-Content-Type-Options"] == "nosniff"
    inert = response["Content-Type"].startswith(("text/plain", "image/png"))
    assert inert or response["Content-Disposition"].startswith("attachment")


def test_page_not_found(client, db):
    response = client.get("/no-such-page/")
    assert response.status_code == 404
    assert "404.html" in [template.name for template in response.templates]


@pytest.mark.urls(__name__)
def test_server_error_page(client):
    client.raise_request_exception = False
    response = client.get("/broken/")
    assert response.status_code == 500
    assert "500.html" in [template.name for template in response.templates]


urlpatterns = [path("broken/", lambda request: 1 / 0)]
