import pytest
from django.core.files.storage import default_storage

from .models import Photo


def test_upload_is_shown(client, db):
    if not default_storage.url("upload").startswith("/"):
        pytest.skip("another service stores the uploads")
    page = client.get("/").text
    assert f'<img src="{Photo.objects.get().image.url}"' in page


def test_no_demo_on_a_server(client, settings):
    settings.LOCAL_DEV = False
    page = client.get("/").text
    assert "<form" not in page and settings.MEDIA_URL not in page
