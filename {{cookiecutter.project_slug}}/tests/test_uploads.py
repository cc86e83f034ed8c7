from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages

from files import layout, nginx

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(django_user_model, client, png):
    user = django_user_model.objects.create_user("ada")
    user.photo.save("me.png", png)
    client.force_login(user)
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


def test_an_upload_never_replaces_another(settings, monkeypatch):
    names = {default_storage.save("same/file.txt", ContentFile(b"one")) for _ in range(2)}
    assert len(names) == 2
    monkeypatch.setattr("secrets.token_urlsafe", lambda length: "not random")
    name = default_storage.save("same/file.txt", ContentFile(b"first"))
    with pytest.raises(FileExistsError):
        default_storage.save("same/file.txt", ContentFile(b"second"))
    assert Path(default_storage.path(name)).read_bytes() == b"first"


def test_an_upload_appears_whole(settings, monkeypatch):
    folder = Path(settings.MEDIA_ROOT, "whole")
    seen = []

    class Slow(ContentFile):
        def chunks(self, chunk_size=None):
            for part in (b"one", b"two"):
                yield part
                seen.append([file.name for file in folder.iterdir() if file.name[0] != "."])

    monkeypatch.setattr("os.fsync", lambda file: seen.append(list(folder.glob("[!.]*"))))
    name = default_storage.save("whole/file.txt", Slow(b"onetwo"))
    assert seen == [[], [], []]  # the last is from when the bytes reached the disk
    assert [file.name for file in folder.iterdir()] == [Path(name).name]
    assert Path(default_storage.path(name)).read_bytes() == b"onetwo"


@pytest.mark.parametrize(
    ("name", "ending"),
    [("me.PNG", ".png"), ("page.<b>", ""), ("a.b c", ""), ("a.é", ""), ("a." + "b" * 20, "")],
)
def test_of_a_name_only_a_plain_ending_is_kept(name, ending):
    saved = default_storage.save(f"kept/{name}", ContentFile(b""))
    assert Path(saved).suffix == ending and len(Path(saved).stem) == 22


@pytest.mark.parametrize("name", ["/", "..", "a/../../b.png", "/etc/passwd"])
def test_a_name_that_leads_elsewhere_is_refused(name):
    with pytest.raises(SuspiciousFileOperation):
        default_storage.save(name, ContentFile(b""))


def test_a_folder_that_leaves_no_room_for_a_name_is_refused():
    with pytest.raises(SuspiciousFileOperation, match="longer than 30"):
        default_storage.save("a/long/folder/file.txt", ContentFile(b""), max_length=30)


def test_nginx_takes_what_the_forms_take(settings):
    location = nginx.read(layout.CHECKOUT / "nginx/proxy.conf")
    megabytes = int(location.one("client_max_body_size").removesuffix("m"))
    most = settings.UPLOAD_LIMIT + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert most <= megabytes * 1024 * 1024 < most + 1024 * 1024
    errors = layout.CHECKOUT.joinpath("nginx/errors.conf").read_text()
    assert f"up to {settings.UPLOAD_LIMIT // 1024**2} MB" in errors


def test_a_private_upload_is_for_the_admins_users(client, user, fetch, settings):
    name = storages["private"].save("papers/contract.html", ContentFile(b"<b>secret</b>"))
    assert Path(settings.PRIVATE_ROOT, name).is_file()
    address = storages["private"].url(name)
    assert client.get(address).status_code == 302  # to the admin's login
    user.is_staff = True
    user.save()
    answer = fetch(address)
    assert answer.body == b"<b>secret</b>"
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == "attachment"
    assert "no-store" in answer["Cache-Control"]
    settings.LOCAL_DEV = False  # then nginx sends it, and Django only says which
    answer = fetch(address)
    assert answer["X-Accel-Redirect"] == f"/{layout.PRIVATE_URL.strip('/')}/{name}"
    assert answer.body == b"" and "Content-Type" not in answer
    for wrong in ("none.html", ".hidden", "papers/"):
        assert client.get(storages["private"].url(wrong)).status_code == 404
