"""Storages of a rendered project. Copied into one and run there."""

import threading
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.db.migrations.writer import MigrationWriter

from files import layout
from files.storage import DerivedStorage, PrivateStorage, UploadStorage


class Failing(ContentFile):
    def chunks(self, chunk_size=None):
        yield b"part"
        raise OSError("the disk is full")


class Slow(ContentFile):
    """A file of which each part is followed by a call of `then`."""

    def __init__(self, *parts: bytes, then):
        super().__init__(b"".join(parts))
        self.parts, self.then = parts, then

    def chunks(self, chunk_size=None):
        for part in self.parts:
            yield part
            self.then()


def test_upload_name_is_random():
    name = default_storage.save("photos/me.png", ContentFile(b""))
    assert Path(name).parent == Path("photos") and Path(name).suffix == ".png"
    assert len(Path(name).stem) == 22 and Path(name).stem != "me"


def test_failed_upload_leaves_no_file(settings):
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

    def look(*args):
        visible.append([file.name for file in directory.iterdir() if file.name[0] != "."])

    monkeypatch.setattr("os.fsync", look)
    name = default_storage.save("atomic/file.txt", Slow(b"one", b"two", then=look))
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


@pytest.mark.parametrize("alias", ["default", "derived"])
@pytest.mark.parametrize("name", ["/", "..", "a/../../b.png", "a\\..\\..\\b.png", "/etc/passwd"])
def test_traversal_is_rejected(alias, name):
    with pytest.raises(SuspiciousFileOperation):
        storages[alias].save(name, ContentFile(b""))


def test_long_directory_is_rejected():
    with pytest.raises(SuspiciousFileOperation, match="longer than 30"):
        default_storage.save("a/long/directory/file.txt", ContentFile(b""), max_length=30)


def test_derived_file_is_replaced():
    storage = storages["derived"]
    for content in (b"first and longer", b"second"):
        assert storage.save("exports/report.csv", ContentFile(content)) == "exports/report.csv"
        file = Path(storage.path("exports/report.csv"))
        assert file.read_bytes() == content and [*file.parent.iterdir()] == [file]
    assert storage.url("exports/report.csv") == f"{layout.MEDIA_URL}exports/report.csv"


def test_derived_files_are_readable(settings):
    name = storages["derived"].save("modes/deep/thumb.png", ContentFile(b""))
    file = Path(settings.MEDIA_ROOT, name)
    modes = [path.stat().st_mode & 0o7777 for path in (file, *file.parents[:2])]
    assert [f"{mode:o}" for mode in modes] == ["644", "755", "755"]


def test_private_files_are_not_readable_for_others(settings):
    name = storages["private"].save("modes/deep/contract.pdf", ContentFile(b""))
    file = Path(settings.PRIVATE_ROOT, name)
    modes = [path.stat().st_mode & 0o7777 for path in (file, *file.parents[:2])]
    assert [f"{mode:o}" for mode in modes] == ["640", "750", "750"]


def test_derived_file_is_atomic(monkeypatch):
    storage = storages["derived"]
    file = Path(storage.path(storage.save("whole/file.txt", ContentFile(b"earlier"))))
    seen = []

    def look(*args):
        seen.append(file.read_bytes())

    monkeypatch.setattr("os.fsync", look)
    storage.save("whole/file.txt", Slow(b"one", b"two", then=look))
    assert seen == [b"earlier"] * 3  # the last is from when the content reached the disk
    assert file.read_bytes() == b"onetwo"


def test_readers_see_complete_files_only():
    storage = storages["derived"]
    versions = [bytes([letter]) * 300_000 for letter in b"ab"]
    file = Path(storage.path(storage.save("read/file.txt", ContentFile(versions[0]))))
    seen, done = [], threading.Event()

    def read():
        while not done.is_set():
            try:
                content = file.read_bytes()
            except FileNotFoundError:
                content = None
            seen.append(versions.index(content) if content in versions else "partial or missing")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(200):
            storage.save("read/file.txt", ContentFile(versions[number % 2]))
    finally:
        done.set()
        reader.join()
    assert set(seen) == {0, 1}


def test_failed_save_keeps_derived_file():
    storage = storages["derived"]
    file = Path(storage.path(storage.save("remains/file.txt", ContentFile(b"earlier"))))
    with pytest.raises(OSError, match="disk is full"):
        storage.save("remains/file.txt", Failing(b"part"))
    assert file.read_bytes() == b"earlier"
    assert [*file.parent.iterdir()] == [file]


def test_derived_file_replaces_symlink(settings, tmp_path):
    target = tmp_path / "target"
    target.write_bytes(b"outside")
    file = Path(settings.MEDIA_ROOT, "links/file.txt")
    file.parent.mkdir(parents=True)
    file.symlink_to(target)
    storages["derived"].save("links/file.txt", ContentFile(b"new"))
    assert not file.is_symlink() and file.read_bytes() == b"new"
    assert target.read_bytes() == b"outside"


def test_long_derived_name_is_shortened():
    name = storages["derived"].save("long/" + "n" * 40 + ".txt", ContentFile(b""), max_length=30)
    assert len(name) == 30 and name.startswith("long/n") and name.endswith(".txt")
    kept = storages["derived"].save("long/" + "n" * 21 + ".txt", ContentFile(b""), max_length=30)
    assert kept == "long/" + "n" * 21 + ".txt"


@pytest.mark.parametrize("storage", [UploadStorage, PrivateStorage, DerivedStorage])
def test_storage_in_a_migration(storage):
    serialized = f"files.storage.{storage.__name__}()", {"import files.storage"}
    assert MigrationWriter.serialize(storage()) == serialized


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
