"""Where files are written: uploads under names nobody can guess; all files whole or not at all."""

import gzip
import os
import re
import secrets
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
# Endings of files that shrink. Pictures, video and woff2 are compressed already.
COMPRESSED = re.compile(r".+\.[0-9a-f]{12}\.(css|html|ico|js|json|map|mjs|otf|svg|ttf|txt|wasm)")


@deconstructible(path="files.storage.UploadStorage")
class UploadStorage(FileSystemStorage):
    """Files below MEDIA_ROOT, which strangers may read by address but never choose or guess.

    An upload keeps its folder (`upload_to`) and the ending of its name; the rest is random,
    so it can neither be guessed nor take another file's place.
    """

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return the name to store `name` under: same folder, same ending, random stem.

        Every way to save a file asks for it. Raises SuspiciousFileOperation where the folder
        leaves no room for the stem in `max_length` characters.
        """
        path = PurePosixPath(str(name).replace("\\", "/"))
        if not path.name:
            raise SuspiciousFileOperation(f"{name!r} names no file.")
        ending = path.suffix.lower()
        if not re.fullmatch(r"\.[a-z0-9]{1,10}", ending):
            ending = ""
        available = str(path.with_name(secrets.token_urlsafe(16) + ending))
        if max_length and len(available) > max_length:
            raise SuspiciousFileOperation(f"{available!r} is longer than {max_length} characters.")
        return available

    def _save(self, name: str, content: File) -> str:
        # nginx refuses names with a leading dot, so nobody reads a file that is half there.
        partial = str(PurePosixPath(name).with_name(f".{secrets.token_hex(8)}.part"))
        try:
            super()._save(partial, content)
            with Path(self.path(partial)).open("rb") as file:
                os.fsync(file)  # else a power cut can leave the name without the bytes
            os.link(self.path(partial), self.path(name))  # fails rather than replace a file
            return name
        finally:
            self.delete(partial)


@deconstructible(path="files.storage.PrivateStorage")
class PrivateStorage(UploadStorage):
    """Files below PRIVATE_ROOT, which no address leads to: `files.views.private` hands them out.

    A field uses it as `models.FileField(storage=files.storage.private)`. `url` is the address at
    which the admin's users read a file; give others a view of your own that decides.
    """

    @property
    def base_location(self) -> str:
        return settings.PRIVATE_ROOT

    def url(self, name: str | None) -> str:
        return reverse("private", args=[name])


def private() -> Storage:
    """Return the storage of private uploads, as a field's `storage` wants it: a callable."""
    return storages["private"]


class CompressedManifestStaticFilesStorage(ManifestStaticFilesStorage):
    """Django's storage of hashed names, with a .gz and a .br beside each file that shrinks.

    Only hashed names: they never change, so what is compressed once is never looked at again.

    Releases follow one another in STATIC_ROOT while the site runs: what a page of the release
    before names stays, no file is ever missing or half there, and the list of names lies in the
    checkout, so that each release reads its own and going back needs no collecting.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(
            *args, manifest_storage=FileSystemStorage(settings.BASE_DIR, "/"), **kwargs
        )

    def delete(self, name: str) -> None:
        """Delete a file; a hashed name stays, for Django would write it anew the next moment."""
        if not HASHED.search(name):
            super().delete(name)

    def _save(self, name: str, content: File) -> str:
        content.seek(0)
        if self.exists(name) and Path(self.path(name)).read_bytes() == content.read():
            return name
        content.seek(0)
        partial = str(PurePosixPath(name).with_name(f".{secrets.token_hex(8)}.part"))
        super()._save(partial, content)
        with Path(self.path(partial)).open("rb") as file:
            os.fsync(file)  # else a power cut can leave the name without the bytes
        os.replace(self.path(partial), self.path(name))
        return name

    def post_process(self, paths: dict, dry_run: bool = False, **options) -> Iterator[tuple]:
        yield from super().post_process(paths, dry_run, **options)
        if not dry_run:
            for name in self.hashed_files.values():
                if COMPRESSED.fullmatch(name):
                    self.compress(Path(self.path(name)))

    def compress(self, file: Path) -> None:
        """Write `file`'s compressed twins, each whole and with its time, unless they are there."""
        for ending, pack in (
            (".gz", lambda content: gzip.compress(content, mtime=0)),
            # Quality 11 takes three times as long for 1 % fewer bytes.
            (".br", lambda content: brotli.compress(content, quality=10)),
        ):
            twin = Path(f"{file}{ending}")
            if twin.exists():
                continue
            content = file.read_bytes()
            packed = pack(content)
            if len(packed) < len(content):
                partial = twin.with_name(f".{twin.name}.part")
                partial.write_bytes(packed)
                partial.chmod(self.file_permissions_mode or 0o644)
                modified = file.stat().st_mtime_ns
                os.utime(partial, ns=(modified, modified))
                partial.replace(twin)
