"""LOCAL_DEV's views of a rendered project. Copied into one and run there: see `project_tests`."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from files import layout, views


@pytest.fixture
def get(client):
    """Return a function that requests a URL and reads the whole response."""

    def get(url: str, **headers: str):
        response = client.get(url, headers=headers)
        response.body = response.getvalue()
        return response

    return get


@pytest.fixture
def upload():
    """Store a file and return its URL."""
    return lambda name, content=b"x": default_storage.url(
        default_storage.save(name, ContentFile(content))
    )


def test_no_patterns_without_local_dev(settings):
    assert len(views.local_dev_patterns()) == 4
    settings.LOCAL_DEV = False
    assert views.local_dev_patterns() == []


@pytest.mark.parametrize("debug", [True, False])
def test_files_do_not_depend_on_debug(get, settings, upload, debug):
    settings.DEBUG = debug
    assert get(settings.STATIC_URL + "admin/css/base.css").status_code == 200
    assert get(upload("hello.txt")).body == b"x"


@pytest.mark.parametrize("name", ["page.html", "page.svg", "page.HTML", "page", "page.png.html"])
def test_active_upload_is_an_attachment(get, upload, name):
    response = get(upload(name, b"<script>alert(1)</script>"))
    assert response["Content-Disposition"] == "attachment"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "html" not in response["Content-Type"]


@pytest.mark.parametrize("path", ["", "static/", "media/", "media/.hidden", "other.txt"])
def test_rest_of_the_url_prefix_is_not_found(client, settings, path):
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
    Path(settings.MEDIA_ROOT, ".hidden").write_text("secret")
    response = client.get(layout.URL_PREFIX + path)
    assert response.status_code == 404
    assert "Page not found" not in response.text  # nginx's page, not the site's


def test_symlink_is_refused(client, settings):
    link = Path(settings.MEDIA_ROOT, "link.txt")
    link.symlink_to("/etc/passwd")
    assert client.get(settings.MEDIA_URL + "link.txt").status_code == 404
    link.unlink()


def test_unchanged_file_is_not_sent_again(client, get, upload):
    url = upload("hello.txt")
    modified = get(url)["Last-Modified"]
    assert get(url, if_modified_since=modified).status_code == 304
    assert client.post(url).status_code == 405
