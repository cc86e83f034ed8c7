import io

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from .models import Photo

pytestmark = pytest.mark.django_db


def test_upload_is_shown(client):
    if not default_storage.url("upload").startswith("/"):
        pytest.skip("another service stores the uploads")
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "PNG")
    file = SimpleUploadedFile("me.png", content.getvalue())
    assert client.post("/", {"image": file}).status_code == 302
    assert f'<img src="{Photo.objects.get().image.url}"' in client.get("/").text


def test_no_demo_on_a_server(client, settings):
    settings.LOCAL_DEV = False
    page = client.get("/").text
    assert "<form" not in page and settings.MEDIA_URL not in page
