"""The first page of a new project, and with a MEDIA_ROOT that cannot be written."""

from pathlib import Path

import pytest
from django.conf import settings

from welcome.models import Photo

pytestmark = pytest.mark.django_db


def test_sample_is_stored_once_and_served(client):
    client.get("/")
    page = client.get("/").text
    photo = Photo.objects.get()
    assert f'<img src="{photo.image.url}"' in page
    response = client.get(photo.image.url)
    assert response["Content-Type"] == "image/png"
    assert response.getvalue() == Path(photo.image.path).read_bytes()


def test_unwritable_media_root_is_reported(client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "file"
    settings.MEDIA_ROOT.touch()
    response = client.get("/")
    assert response.status_code == 200 and "<img" not in response.text
    assert "welcome.E001: The sample was not stored: " in response.text
    assert "None" not in response.text and "checks passed" not in response.text
    assert "<form" in response.text


def test_server_stores_no_sample(client, settings):
    settings.LOCAL_DEV = False
    assert "Coming soon" in client.get("/").text
    assert not Photo.objects.exists()


def test_title_is_the_name_of_the_site(client):
    assert f"<title>{settings.SITE_NAME}</title>" in client.get("/").text
