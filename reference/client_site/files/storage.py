"""Storages: uploads get random names, derived files keep theirs; all are written atomically."""

import gzip
import os
import re
import secrets
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

import brotli
from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.urls import reverse

# Extensions of files worth compressing: images, video and woff2 are compressed already.
COMPRESSED = re.compile(r".+\.[0-9a-f]{12}\.(css|html|ico|js|json|map|mjs|otf|svg|ttf|txt|wasm)")


class AtomicStorage(FileSystemStorage):
    """Files that appear, or replace an earlier one, only when they are complete."""

    move = staticmethod(os.replace)

    def sync(self, path: str) -> None:
        """Write a file's content to the disk: after a power failure its name must not lack it."""
        with Path(path).open("rb") as file:
            os.fsync(file)

    def _save(self, name: str, content: File) -> str:
        # Written to first; nginx refuses names with a leading dot.
        partial = str(PurePosixPath(name).with_name(f".{secrets.token_hex(8)}.part"))
        try:
            super()._save(partial, content)
            self.sync(self.path(partial))
            self.move(self.path(partial), self.path(name))
            return name
        finally:
            Path(self.path(partial)).unlink(missing_ok=True)


class RandomNames:
    """Names that cannot be guessed and replace no other file; directory and extension are kept."""

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


class PrivateUrls:
    """`url` is for users of the admin; write a view with a check of its own for others."""

    def url(self, name: str | None) -> str:
        return reverse("private", args=[name])


class UploadStorage(RandomNames, AtomicStorage):
    """Files below MEDIA_ROOT, which anyone who has the URL can read."""

    move = staticmethod(os.link)  # fails rather than replaces a file


class PrivateStorage(PrivateUrls, UploadStorage):
    """Files below PRIVATE_ROOT, which have no URL: the view `files.views.private` serves them."""

    @property
    def base_location(self) -> str:
        return settings.PRIVATE_ROOT


def private() -> Storage:
    """Return the storage for `FileField(storage=private)`, which migrations so do not contain."""
    return storages["private"]


class DerivedStorage(AtomicStorage):
    """Files below MEDIA_ROOT that the site itself names, such as thumbnails.

    A file keeps the name it is saved under and replaces an earlier file of that name.
    """

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        return not max_length or len(name) <= max_length


class CompressedManifestStaticFilesStorage(AtomicStorage, ManifestStaticFilesStorage):
    """Django's manifest storage, with a .gz and a .br file beside each file worth compressing.

    Releases share STATIC_ROOT while the site runs. So this storage replaces files atomically,
    deletes none, and writes the manifest to the checkout, one for each release.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(
            *args, manifest_storage=FileSystemStorage(settings.BASE_DIR, "/"), **kwargs
        )
        self.saved: set[str] = set()
        self.compressed: dict[str, Future] = {}
        self.threads = ThreadPoolExecutor()  # to compress on all processors while Django goes on
        self.path = cache(self.path)  # a fifth of the time of a run that changes nothing

    @cached_property
    def started(self) -> Path:
        """A file that exists while files are written that may not be on the disk."""
        return Path(self.path(".collectstatic"))

    @cached_property
    def interrupted(self) -> bool:
        """Whether the last run did not finish: after a power failure files may be truncated."""
        return self.started.exists()

    def exists(self, name: str) -> bool:
        return (not self.interrupted or name in self.saved) and super().exists(name)

    def sync(self, path: str) -> None:
        """Do nothing: save_manifest syncs all files at once."""

    def delete(self, name: str) -> None:
        """Do nothing: Django deletes files that it writes again at once, mostly the same."""

    def save(self, name: str, content: File, max_length: int | None = None) -> str:
        return self._save(name, content)  # without a search for a free name

    def _save(self, name: str, content: File) -> str:
        content.seek(0)
        if self.exists(name) and Path(self.path(name)).read_bytes() == content.read():
            return name
        self.started.parent.mkdir(parents=True, exist_ok=True)
        self.started.touch()
        self.saved.add(name)
        content.seek(0)
        super()._save(name, content)
        self.compress_later(name)
        return name

    def save_manifest(self) -> None:
        """Write the manifest when the files that it names are complete and on the disk."""
        for name in self.hashed_files.values():
            self.compress_later(name)
        for future in self.compressed.values():
            future.result()  # raises what the thread raised
        if self.started.exists():
            os.sync()
            self.started.unlink()
        super().save_manifest()

    def compress_later(self, name: str) -> None:
        if COMPRESSED.fullmatch(name) and name not in self.compressed:
            self.compressed[name] = self.threads.submit(self.compress, name)

    def compress(self, name: str) -> None:
        """Write the compressed copies of a file that do not exist yet."""
        content = Path(self.path(name)).read_bytes()
        window = max(10, min(len(content).bit_length(), 24))  # the file's size: 24 is slower
        for extension, compress in (
            (".gz", lambda: gzip.compress(content, mtime=0)),
            # Quality 10 takes three times as long and saves 8 %.
            (".br", lambda: brotli.compress(content, quality=9, lgwin=window)),
        ):
            if self.exists(name + extension):
                continue
            compressed = compress()
            if len(compressed) < len(content):
                self._save(name + extension, ContentFile(compressed))
                shutil.copystat(self.path(name), self.path(name + extension))
