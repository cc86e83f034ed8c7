from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage


@pytest.fixture
def user(django_user_model, db, png):
    user = django_user_model.objects.create_user("ada")
    user.photo.save("me.png", png)
    return user


def test_a_photo_comes_back_from_the_media_url(fetch, user, settings):
    assert user.photo.url.startswith(f"{settings.MEDIA_URL}photos/")
    answer = fetch(user.photo.url)
    assert answer.body == Path(user.photo.path).read_bytes()
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_photo_gets_a_name_that_nobody_chose(user):
    assert len(Path(user.photo.name).stem) >= 20
    assert Path(user.photo.name).stem != "me"


def test_an_upload_that_breaks_off_leaves_nothing(settings):
    class BreaksOff(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"half"
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        default_storage.save("broken/file.txt", BreaksOff(b"half"))
    assert list(Path(settings.MEDIA_ROOT, "broken").iterdir()) == []


def test_an_upload_never_replaces_another():
    # `_save` is where two processes would meet that both found the name free.
    name = default_storage._save("same/file.txt", ContentFile(b"one"))
    with pytest.raises(FileExistsError):
        default_storage._save("same/file.txt", ContentFile(b"another"))
    assert Path(default_storage.path(name)).read_bytes() == b"one"
