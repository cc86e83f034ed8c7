import io

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from .models import Photo

pytestmark = pytest.mark.django_db


def image(image_format="PNG") -> SimpleUploadedFile:
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, image_format)
    return SimpleUploadedFile("me.png", content.getvalue())


def test_upload_is_shown(client):
    if not default_storage.url("upload").startswith("/"):
        pytest.skip("another service stores the uploads")
    assert client.post("/", {"image": image()}).status_code == 302
    assert f'<img src="{Photo.objects.get().image.url}"' in client.get("/").text


@pytest.mark.parametrize("file", [SimpleUploadedFile("me.png", b"<script>"), image("TIFF")])
def test_other_files_are_rejected(client, file):
    page = client.post("/", {"image": file})
    assert 'role="alert"' in page.text
    assert not Photo.objects.exists()


def test_upload_limit(client, settings):
    settings.UPLOAD_LIMIT = 10
    assert 'role="alert"' in client.post("/", {"image": image()}).text


def test_no_demo_on_a_server(client, settings):
    settings.LOCAL_DEV = False
    page = client.get("/").text
    assert "<form" not in page and settings.MEDIA_URL not in page
