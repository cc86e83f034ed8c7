"""System checks: the consistency checks with what only Django knows, storages and URL patterns."""

import os
from collections.abc import Iterator

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core import checks
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, default_storage, storages
from django.db import connection
from django.urls import get_resolver

from . import layout
from .consistency import ROOTS, Problem, Site, Store, as_dict, configured_stores, problems
from .fields import file_fields
from .storage import PrivateStorage

FILE_VIEWS = {
    *("files.views.static", "files.views.media", "files.views.not_found"),
    *("django.views.static.serve", "django.contrib.staticfiles.views.serve"),
}


@checks.register(checks.Tags.staticfiles)
def check_consistency(**kwargs) -> list[checks.CheckMessage]:
    """Report what is inconsistent about static files and media."""
    site = Site(settings, [*stores(), *field_stores()])
    return [
        (checks.Error if id.startswith("E") else checks.Warning)(message, hint, id=f"files.{id}")
        for id, message, hint in [*problems(site), *url_problems()]
    ]


@checks.register(checks.Tags.staticfiles, deploy=True)
def check_deployment(**kwargs) -> Iterator[checks.CheckMessage]:
    """Report LOCAL_DEV, what several servers must share and would not, and an unusable bucket."""
    if settings.LOCAL_DEV:
        message = "LOCAL_DEV is on: the secret key is public, and uploads go beside the checkout."
        yield checks.Error(message, "Remove LOCAL_DEV from the environment.", id="files.E015")
    if os.environ.get("APPLICATION_SERVERS") or os.environ.get("LISTEN"):
        message = "APPLICATION_SERVERS or LISTEN is set, but each server would have its own {}."
        if connection.vendor == "sqlite":
            hint = "Set DATABASE_URL to a PostgreSQL server."
            yield checks.Error(message.format("database"), hint, id="files.E016")
        if any(store.kind != "staticfiles" for store in stores()):
            hint = "Set MEDIA_BUCKET. If all mount one file system, silence this check."
            yield checks.Error(message.format("uploads"), hint, id="files.E016")
        used = settings.is_overridden("CACHES") or "cache" in settings.SESSION_ENGINE
        if used and "locmem" in str(settings.CACHES):
            yield checks.Error(message.format("cache"), "Use a cache server.", id="files.E016")
    if bucket := getattr(settings, "MEDIA_BUCKET", ""):
        try:
            default_storage.delete(default_storage.save("check.txt", ContentFile(b"")))
        except Exception as error:
            message = f"The bucket {bucket!r} stores no file: {error}"
            yield checks.Error(message, "Correct the MEDIA_ and AWS_ variables.", id="files.E017")


def stores() -> Iterator[Store]:
    """Yield the storages of STORAGES that write to a directory."""
    for alias in as_dict(settings.STORAGES):
        name = ROOTS.get(alias, f"STORAGES[{alias!r}]")
        try:
            storage = storages[alias]
        except Exception:  # Django refuses to create it; the settings still say where it writes
            yield from (s for s in configured_stores(settings) if s.name == name)
            continue
        if isinstance(storage, FileSystemStorage):
            yield store(name, storage)


def field_stores() -> Iterator[Store]:
    """Yield the storages of file fields that have one of their own."""
    for field in file_fields():
        # The default storage is lazy: isinstance would create it.
        known = field.storage is default_storage or isinstance(field.storage, PrivateStorage)
        if not known and isinstance(field.storage, FileSystemStorage):
            yield store(f"The storage of {field}", field.storage)


def store(name: str, storage: Storage) -> Store:
    kinds = {StaticFilesStorage: "staticfiles", PrivateStorage: "private"}
    kind = next((kind for cls, kind in kinds.items() if isinstance(storage, cls)), "default")
    modes = storage.file_permissions_mode, storage.directory_permissions_mode
    return Store(name, storage.base_location, *modes, kind)


def url_problems() -> Iterator[Problem]:
    """Yield pages that nginx hides, and files that Django serves although nginx should."""
    raw = settings._wrapped  # without Django's script prefix
    urls = [getattr(raw, name, None) for name in ("STATIC_URL", "MEDIA_URL")]
    urls = [url for url in [*urls, layout.URL_PREFIX] if str(url).startswith("/") and len(url) > 1]
    for route, view in routes(get_resolver().url_patterns):
        for url in [url for url in urls if route.startswith(url)][:1]:
            if view not in FILE_VIEWS:
                hint = "Move the page to another URL."
                yield "W013", f"{route!r} ({view}) is below {url!r}, which nginx serves.", hint
            elif not settings.LOCAL_DEV:
                hint = "Take the patterns from files.views.local_dev_patterns()."
                yield "W014", f"LOCAL_DEV is off, but Django serves {route!r} ({view}).", hint


def routes(patterns: list, start: str = "/") -> Iterator[tuple[str, str]]:
    """Yield the route and the view's dotted name of all URL patterns."""
    for entry in patterns:
        route = start + str(entry.pattern).lstrip("^")
        if hasattr(entry, "url_patterns"):
            yield from routes(entry.url_patterns, route)
        else:
            view = getattr(entry.callback, "view_class", entry.callback)
            name = getattr(view, "__qualname__", type(view).__qualname__)
            yield route, f"{view.__module__}.{name}"
