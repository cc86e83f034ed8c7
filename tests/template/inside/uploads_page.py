"""The apps of docs/uploads.md, as visitors use them. test_uploads_page.py copies this file."""

import contextlib
import io
import re
from pathlib import Path

import pytest
from contracts.models import Contract
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from gallery.exports import export_titles
from gallery.models import Painting
from PIL import Image

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(client, django_user_model):
    user = django_user_model.objects.create_user("ada")
    client.force_login(user)
    return user


def add_painting(client, name: str, content: bytes):
    form = {"title": "The sea", "image": SimpleUploadedFile(name, content)}
    return client.post("/paintings/", form, follow=True)


def body(client, url: str) -> bytes:
    with contextlib.closing(client.get(url)) as response:
        assert response.status_code == 200, url
        return response.getvalue()


def test_image_field(client, visitor):
    file = io.BytesIO()
    Image.new("RGB", (30, 20)).save(file, "PNG")
    page = add_painting(client, "my sea.png", file.getvalue()).text
    assert 'enctype="multipart/form-data"' in page
    src = re.search(r'<img src="(/s/media/paintings/[\w-]+\.png)" alt="The sea">', page)[1]
    assert Image.open(io.BytesIO(body(client, src))).size == (30, 20)
    assert "Upload a valid image" in add_painting(client, "a.png", b"<script>").text
    assert Painting.objects.count() == 1


def test_private_file(client, visitor):
    contract = Contract()
    contract.file.save("contract.pdf", ContentFile(b"content"))
    assert not Path(contract.file.path).is_relative_to(settings.MEDIA_ROOT)
    url = f"/contracts/{contract.pk}/"
    assert client.get(url).status_code == 403
    visitor.user_permissions.add(Permission.objects.get(codename="view_contract"))
    assert body(client, url) == b"content"
    client.logout()
    assert client.get(url).url == f"/accounts/login/?next={url}"


def test_derived_file(client):
    Painting.objects.create(title="The sea", image="a.png")
    assert export_titles() == "/s/media/exports/titles.txt"
    Painting.objects.create(title="A tree", image="b.png")
    assert body(client, export_titles()) == b"A tree\nThe sea"
