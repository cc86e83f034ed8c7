"""Storages of a rendered project. Copied into one and run there: see `project_tests`."""

from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages

from files import layout


def test_upload_name_is_random():
    name = default_storage.save("photos/me.png", ContentFile(b""))
    assert Path(name).parent == Path("photos") and Path(name).suffix == ".png"
    assert len(Path(name).stem) == 22 and Path(name).stem != "me"


def test_failed_upload_leaves_no_file(settings):
    class Failing(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"part"
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        default_storage.save("failed/file.txt", Failing(b"part"))
    assert list(Path(settings.MEDIA_ROOT, "failed").iterdir()) == []


def test_upload_never_replaces_another(monkeypatch):
    monkeypatch.setattr("secrets.token_urlsafe", lambda length: "not random")
    name = default_storage.save("same/file.txt", ContentFile(b"first"))
    with pytest.raises(FileExistsError):
        default_storage.save("same/file.txt", ContentFile(b"second"))
    assert Path(default_storage.path(name)).read_bytes() == b"first"


def test_upload_is_atomic(settings, monkeypatch):
    directory = Path(settings.MEDIA_ROOT, "atomic")
    visible = []

    class Slow(ContentFile):
        def chunks(self, chunk_size=None):
            for part in (b"one", b"two"):
                yield part
                visible.append([file.name for file in directory.iterdir() if file.name[0] != "."])

    monkeypatch.setattr("os.fsync", lambda file: visible.append(list(directory.glob("[!.]*"))))
    name = default_storage.save("atomic/file.txt", Slow(b"onetwo"))
    assert visible == [[], [], []]  # the last is from when the content reached the disk
    assert [file.name for file in directory.iterdir()] == [Path(name).name]
    assert Path(default_storage.path(name)).read_bytes() == b"onetwo"


@pytest.mark.parametrize(
    ("name", "extension"),
    [("me.PNG", ".png"), ("page.<b>", ""), ("a.b c", ""), ("a.é", ""), ("a." + "b" * 20, "")],
)
def test_upload_keeps_only_safe_extension(name, extension):
    saved = default_storage.save(f"kept/{name}", ContentFile(b""))
    assert Path(saved).suffix == extension and len(Path(saved).stem) == 22


@pytest.mark.parametrize("name", ["/", "..", "a/../../b.png", "/etc/passwd"])
def test_traversal_is_rejected(name):
    with pytest.raises(SuspiciousFileOperation):
        default_storage.save(name, ContentFile(b""))


def test_long_directory_is_rejected():
    with pytest.raises(SuspiciousFileOperation, match="longer than 30"):
        default_storage.save("a/long/directory/file.txt", ContentFile(b""), max_length=30)


def test_private_upload_in_the_admin(client, django_user_model, settings, db):
    user = django_user_model.objects.create_user("ada")
    client.force_login(user)
    name = storages["private"].save("papers/contract.html", ContentFile(b"<b>secret</b>"))
    assert Path(settings.PRIVATE_ROOT, name).is_file()
    url = storages["private"].url(name)
    assert client.get(url).status_code == 302  # to the admin's login
    user.is_staff = user.is_superuser = True
    user.save()
    response = client.get(url)
    assert response.getvalue() == b"<b>secret</b>"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == "attachment"
    assert "no-store" in response["Cache-Control"]
    settings.LOCAL_DEV = False  # then nginx sends the file, and Django only names it
    response = client.get(url)
    assert response["X-Accel-Redirect"] == f"/{layout.PRIVATE_URL.strip('/')}/{name}"
    assert response.content == b"" and "Content-Type" not in response
    for wrong in ("none.html", ".hidden", "papers/"):
        Path(settings.PRIVATE_ROOT, ".hidden").touch()
        assert client.get(storages["private"].url(wrong)).status_code == 404
