"""Storages: uploads get random names, derived files keep theirs; all are written atomically."""

import gzip
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import brotli
from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.urls import reverse
from django.utils.deconstruct import deconstructible

HASHED = re.compile(r"\.[0-9a-f]{12}(\.|$)")
# Extensions of files worth compressing: images, video and woff2 are compressed already.
COMPRESSED = re.compile(r".+\.[0-9a-f]{12}\.(css|html|ico|js|json|map|mjs|otf|svg|ttf|txt|wasm)")


def partial_name(name: str) -> str:
    """Return a name beside `name` to write to first; nginx refuses names with a leading dot."""
    return str(PurePosixPath(name).with_name(f".{secrets.token_hex(8)}.part"))


def fsync(path: str) -> None:
    """Write a file's content to the disk: after a power failure its name must not lack it."""
    with Path(path).open("rb") as file:
        os.fsync(file)


class AtomicStorage(FileSystemStorage):
    """Files that appear, or replace an earlier one, only when they are complete."""

    move = staticmethod(os.replace)

    def _save(self, name: str, content: File) -> str:
        partial = partial_name(name)
        try:
            super()._save(partial, content)
            fsync(self.path(partial))
            self.move(self.path(partial), self.path(name))
            return name
        finally:
            self.delete(partial)


@deconstructible(path="files.storage.UploadStorage")
class UploadStorage(AtomicStorage):
    """Files below MEDIA_ROOT, which anyone who has the URL can read.

    An upload keeps its directory (`upload_to`) and its extension. The rest of the name is random,
    so that it cannot be guessed and never replaces another file.
    """

    move = staticmethod(os.link)  # fails rather than replaces a file

    def get_valid_name(self, name: str) -> str:
        return super().get_valid_name(f"x{name}")  # 😀.png keeps its extension

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return the name to store `name` under. Django calls this for every way to save a file.

        Raises SuspiciousFileOperation if the result is longer than `max_length` characters.
        """
        path = PurePosixPath(str(name).replace("\\", "/"))
        if not path.name:
            raise SuspiciousFileOperation(f"{name!r} is not a file name.")
        extension = path.suffix.lower()
        if not re.fullmatch(r"\.[a-z0-9]{1,10}", extension):
            extension = ""
        available = str(path.with_name(secrets.token_urlsafe(16) + extension))
        if max_length and len(available) > max_length:
            raise SuspiciousFileOperation(f"{available!r} is longer than {max_length} characters.")
        return available


@deconstructible(path="files.storage.PrivateStorage")
class PrivateStorage(UploadStorage):
    """Files below PRIVATE_ROOT, which no URL leads to: the view `files.views.private` serves them.

    Use it as `models.FileField(storage=files.storage.private)`. `url` is for users of the admin;
    write a view with a check of its own for others.
    """

    @property
    def base_location(self) -> str:
        return settings.PRIVATE_ROOT

    def url(self, name: str | None) -> str:
        return reverse("private", args=[name])


def private() -> Storage:
    """Return the storage of private uploads; a callable, so that migrations do not contain it."""
    return storages["private"]


@deconstructible(path="files.storage.DerivedStorage")
class DerivedStorage(AtomicStorage):
    """Files below MEDIA_ROOT that the site itself names, such as thumbnails.

    A file keeps the name it is saved under and replaces an earlier file of that name.
    """

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        return not max_length or len(name) <= max_length


class CompressedManifestStaticFilesStorage(AtomicStorage, ManifestStaticFilesStorage):
    """Django's manifest storage, with a .gz and a .br file beside each file worth compressing.

    Releases share STATIC_ROOT while the site runs. So this storage replaces files atomically, never
    deletes one with a hashed name, and writes the manifest to the checkout, one for each release.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(
            *args, manifest_storage=FileSystemStorage(settings.BASE_DIR, "/"), **kwargs
        )

    def delete(self, name: str) -> None:
        """Delete a file, unless its name is hashed: Django would write it again at once."""
        if not HASHED.search(name):
            super().delete(name)

    def _save(self, name: str, content: File) -> str:
        content.seek(0)
        if self.exists(name) and Path(self.path(name)).read_bytes() == content.read():
            return name
        content.seek(0)
        return super()._save(name, content)

    def post_process(self, paths: dict, dry_run: bool = False, **options) -> Iterator[tuple]:
        yield from super().post_process(paths, dry_run, **options)
        if not dry_run:
            for name in self.hashed_files.values():
                if COMPRESSED.fullmatch(name):
                    self.compress(Path(self.path(name)))

    def compress(self, file: Path) -> None:
        """Write the compressed copies of `file` that do not exist yet."""
        for extension, compress in (
            (".gz", lambda content: gzip.compress(content, mtime=0)),
            # Quality 11 takes three times as long and saves 1 %.
            (".br", lambda content: brotli.compress(content, quality=10)),
        ):
            copy = Path(f"{file}{extension}")
            if copy.exists():
                continue
            content = file.read_bytes()
            compressed = compress(content)
            if len(compressed) < len(content):
                partial = copy.with_name(f".{copy.name}.part")
                partial.write_bytes(compressed)
                shutil.copystat(file, partial)
                partial.replace(copy)
