from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(django_user_model, client):
    user = django_user_model.objects.create_user("ada", password="a long password")
    client.force_login(user)
    return user


def test_a_photo_comes_back_from_the_media_url(client, fetch, user, png, settings):
    client.post("/", {"photo": png})
    user.refresh_from_db()
    assert user.photo.url.startswith(f"{settings.MEDIA_URL}photos/")
    assert user.photo.url in client.get("/").text
    answer = fetch(user.photo.url)
    assert answer.body == Path(user.photo.path).read_bytes()
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_photo_gets_a_name_that_nobody_chose(client, user, png):
    client.post("/", {"photo": png})
    user.refresh_from_db()
    assert len(Path(user.photo.name).stem) >= 20
    assert Path(user.photo.name).stem != "me"


def test_what_is_no_picture_is_refused_with_a_sentence(client, user):
    page = client.post("/", {"photo": SimpleUploadedFile("me.png", b"<script>alert(1)</script>")})
    assert page.status_code == 200
    assert "Upload a valid image" in page.text
    user.refresh_from_db()
    assert not user.photo


def test_an_upload_that_breaks_off_leaves_nothing(settings):
    class BreaksOff(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"half"
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        default_storage.save("broken/file.txt", BreaksOff(b"half"))
    assert list(Path(settings.MEDIA_ROOT, "broken").iterdir()) == []


def test_an_upload_never_replaces_another(settings):
    names = {default_storage.save("same/file.txt", ContentFile(b"one")) for _ in range(2)}
    assert len(names) == 2
