from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from files import layout


@pytest.fixture
def upload():
    """Store a file under a name and return its URL."""
    urls = []

    def store(name, content=b"content"):
        urls.append(default_storage.save(name, ContentFile(content)))
        return default_storage.url(urls[-1])

    yield store
    for name in urls:
        default_storage.delete(name)


@pytest.mark.parametrize("debug", [True, False])
def test_local_dev_serves_static_and_media_whatever_debug_is(fetch, settings, upload, debug):
    settings.DEBUG = debug
    answer = fetch(settings.STATIC_URL + "admin/css/base.css")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    answer = fetch(upload("hello.txt"))
    assert answer.body == b"content"


def test_without_local_dev_django_serves_neither(fetch, settings, upload, local_dev):
    url = upload("hello.txt")
    local_dev(False)
    for address in (url, settings.STATIC_URL + "admin/css/base.css"):
        answer = fetch(address)
        assert answer.status_code == 404
        assert "Page not found" in answer.body.decode()


@pytest.mark.parametrize("name", ["page.html", "page.svg", "page.HTML", "page", "page.png.html"])
def test_an_upload_that_a_browser_could_run_is_saved_and_not_opened(fetch, upload, name):
    answer = fetch(upload(name, b"<script>alert(1)</script>"))
    assert answer["Content-Disposition"] == "attachment"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "html" not in answer["Content-Type"]


@pytest.mark.parametrize("address", ["", "static/", "media/", "media/.hidden", "other.txt"])
def test_below_the_served_url_there_is_nothing_else(fetch, settings, address):
    Path(settings.MEDIA_ROOT, ".hidden").write_text("secret")
    answer = fetch(layout.SERVED_URL + address)
    assert answer.status_code == 404
    assert "Page not found" not in answer.body.decode()  # nginx has no pages of the site's


def test_a_link_out_of_the_media_folder_is_refused(fetch, settings):
    link = Path(settings.MEDIA_ROOT, "link.txt")
    link.symlink_to("/etc/passwd")
    assert fetch(settings.MEDIA_URL + "link.txt").status_code == 404
    link.unlink()


def test_an_unchanged_file_is_not_sent_again(client, fetch, upload):
    url = upload("hello.txt")
    modified = fetch(url)["Last-Modified"]
    assert fetch(url, if_modified_since=modified).status_code == 304
    assert client.post(url).status_code == 405
