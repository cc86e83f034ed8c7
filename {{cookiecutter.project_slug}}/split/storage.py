"""Where files are written: uploads under names nobody can guess; all files whole or not at all."""

import os
import re
import secrets
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible

HASHED = re.compile(r"\.[0-9a-f]{12}(\.|$)")


@deconstructible(path="split.storage.UploadStorage")
class UploadStorage(FileSystemStorage):
    """Files below MEDIA_ROOT, which strangers may read by address but never choose or guess.

    An upload keeps its folder (`upload_to`) and the ending of its name; the rest is random,
    so it can neither be guessed nor take another file's place.
    """

    def generate_filename(self, filename: str) -> str:
        """Return the name to store `filename` under: same folder, same ending, random stem."""
        name = PurePosixPath(super().generate_filename(filename))
        ending = name.suffix.lower()
        if not re.fullmatch(r"\.[a-z0-9]{1,10}", ending):
            ending = ""
        return str(name.with_name(secrets.token_urlsafe(16) + ending))

    def _save(self, name: str, content: File) -> str:
        # nginx refuses names with a leading dot, so nobody reads a file that is half there.
        partial = str(PurePosixPath(name).with_name(f".{secrets.token_hex(8)}.part"))
        try:
            super()._save(partial, content)
            with Path(self.path(partial)).open("rb") as file:
                os.fsync(file)  # else a power cut can leave the name without the bytes
            while True:
                try:
                    os.link(self.path(partial), self.path(name))  # never replaces a file
                    return name
                except FileExistsError:
                    name = self.get_available_name(name)
        finally:
            self.delete(partial)


class ReleaseStaticFilesStorage(ManifestStaticFilesStorage):
    """Django's storage of hashed names, for releases that follow one another in one folder.

    What a page of the release before names stays; no file is ever missing or half there; and the
    list of names lies in the checkout, so that each release, the one before too, reads its own.
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
        partial = super()._save(f"{name}.{secrets.token_hex(8)}.part", content)
        with Path(self.path(partial)).open("rb") as file:
            os.fsync(file)
        os.replace(self.path(partial), self.path(name))
        return name
