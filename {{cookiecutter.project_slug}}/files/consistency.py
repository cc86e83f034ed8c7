"""What must be consistent about static files and media, as pure functions over the settings.

Standard library only: the template's hook runs them before Django is installed. `manage.py check`
reports them as `files.E001` … (`files/checks.py`). Errors would lose or publish uploads or secrets;
everything else is a warning. What only a web server can tell, `manage.py probe` requests.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import layout

Problem = tuple[str, str, str]  # id, a sentence with both values, what to change

# Storages of these packages write to a directory. For others, only Django can tell.
LOCAL_BACKENDS = ("django.", "files.storage.", "servestatic.", "whitenoise.")
ROOTS = {"default": "MEDIA_ROOT", "derived": "MEDIA_ROOT"}
ROOTS |= {"staticfiles": "STATIC_ROOT", "private": "PRIVATE_ROOT"}
LAYOUT = "Set it from files/layout.py, as the template's config/settings.py does."
# Settings that earlier versions of Django read.
REMOVED = {
    "DEFAULT_FILE_STORAGE": "Move its value to STORAGES['default'].",  # 5.1
    "STATICFILES_STORAGE": "Move its value to STORAGES['staticfiles'].",  # 5.1
    "ADMIN_MEDIA_PREFIX": "Delete it: the admin's files are static files.",  # 1.4
}
NOT_PUBLIC = re.compile(r"BACKUP|CACHE|DUMP|EXPORT|KEY|LOG|MAIL|SECRET|SESSION|TEMP")


class Place(NamedTuple):
    """A directory or file, with the name of the setting that it comes from."""

    name: str
    path: Path

    def __str__(self):
        return f"{self.name} {str(self.path)!r}"

    @property
    def real(self) -> Path:
        return Path(os.path.realpath(str(self.path).replace("\0", "")))  # which would raise

    def is_inside(self, other: "Place") -> bool:
        return self.real.is_relative_to(other.real)


class Store(NamedTuple):
    """A storage that writes to a directory; the values are as the settings have them."""

    name: str
    location: Any
    mode: Any
    directory_mode: Any
    kind: str = "default"  # or "derived", "staticfiles" or "private"

    @property
    def place(self) -> Place | None:
        """The directory, or None if the location is not an absolute path."""
        path = as_path(self.location)
        return Place(self.name, path) if path and path.is_absolute() else None


class Site:
    """The settings (a module or `django.conf.settings`) and the storages that follow from them."""

    def __init__(self, settings: Any, stores: list[Store] | None = None):
        self.settings = settings
        self.stores = configured_stores(settings) if stores is None else stores
        self.checkout = Place("the checkout", layout.CHECKOUT)
        self.static = next((s.place for s in self.stores if s.name == "STATIC_ROOT"), None)
        self.media = next((s.place for s in self.stores if s.name == "MEDIA_ROOT"), None)
        self.uploads = [s.place for s in self.stores if s.kind != "staticfiles" and s.place]

    def get(self, name: str) -> Any:
        return getattr(self.settings, name, None)

    def secrets(self) -> list[Place]:
        """Return what no visitor may download: private uploads and SQLite databases."""
        found = [s.place for s in self.stores if s.kind == "private" and s.place]
        for alias, database in as_dict(self.get("DATABASES")).items():
            name = as_path(as_dict(database).get("NAME"))
            sqlite = str(as_dict(database).get("ENGINE")).endswith("sqlite3")
            if sqlite and name and not str(name).startswith((":", "file:")):
                found.append(Place(f"DATABASES[{alias!r}]", layout.CHECKOUT / name))
        return found

    def sources(self) -> list[Place]:
        """Return the directories that collectstatic copies from: STATICFILES_DIRS."""
        listed, found = self.get("STATICFILES_DIRS"), []
        for entry in listed if isinstance(listed, (list, tuple)) else ():
            path = as_path(entry[-1] if isinstance(entry, tuple) and entry else entry)
            found += [Place("STATICFILES_DIRS", path)] if path else []
        return found


def as_path(value: Any) -> Path | None:
    """Return a setting as a path, or None if it is empty or not a path."""
    return Path(value) if value and isinstance(value, (str, Path)) else None


def as_dict(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def configured_stores(settings: Any) -> list[Store]:
    """Return the storages of STORAGES that write to a directory; OPTIONS override settings."""
    found = []
    for alias, entry in as_dict(getattr(settings, "STORAGES", None)).items():
        name, options = ROOTS.get(alias, "MEDIA_ROOT"), as_dict(as_dict(entry).get("OPTIONS"))
        if str(as_dict(entry).get("BACKEND")).startswith(LOCAL_BACKENDS):
            values = (
                options.get(option) or getattr(settings, setting, default)
                for option, setting, default in (
                    ("location", name, None),
                    ("file_permissions_mode", "FILE_UPLOAD_PERMISSIONS", 0o644),
                    ("directory_permissions_mode", "FILE_UPLOAD_DIRECTORY_PERMISSIONS", None),
                )
            )
            name = name if alias in ROOTS else f"STORAGES[{alias!r}]"
            found.append(Store(name, *values, alias if alias in ROOTS else "default"))
    return found


def roots_apart(site: Site) -> Iterator[Problem]:
    """`collectstatic --clear` deletes uploads inside STATIC_ROOT, and nginx trusts them there."""
    for uploads in site.uploads if site.static else ():
        if uploads.is_inside(site.static) or site.static.is_inside(uploads):
            yield "E001", f"{uploads} and {site.static} overlap.", LAYOUT


def roots_absolute(site: Site) -> Iterator[Problem]:
    """An empty or relative root is a directory of wherever the process was started."""
    for store in site.stores:
        if not store.place:
            id = "W003" if store.kind == "staticfiles" else "E002"
            yield id, f"{store.name} is {store.location!r}, which is not an absolute path.", LAYOUT


def checkout_not_written(site: Site) -> Iterator[Problem]:
    """Files written to the checkout are committed by mistake, or lost with the next release."""
    for place in dict.fromkeys([*site.uploads, *site.secrets()]):
        if place.is_inside(site.checkout):
            id = "W005" if site.get("LOCAL_DEV") else "E004"
            yield id, f"{place} is inside {site.checkout}.", LAYOUT


def sources_are_static_files(site: Site) -> Iterator[Problem]:
    """collectstatic publishes whatever is in its sources."""
    hint = "Remove the directory from STATICFILES_DIRS, or move the files out of it."
    for source in site.sources():
        for place in dict.fromkeys([site.checkout, *site.uploads, *site.secrets()]):
            if place.is_inside(source) or (place in site.uploads and source.is_inside(place)):
                yield "E006", f"collectstatic publishes {source}, which overlaps {place}.", hint


def secrets_not_served(site: Site) -> Iterator[Problem]:
    """A web server that serves a directory serves everything below it."""
    roots = [place for place in (site.static, site.media) if place]
    web_root = as_path(site.get("WEB_ROOT"))
    for place in [*site.secrets(), site.checkout]:
        served = [Place("WEB_ROOT", web_root)] if web_root and place != site.checkout else []
        for root in [root for root in [*roots, *served] if place.is_inside(root)][:1]:
            yield "E007", f"{place} is below {root}, which is served.", LAYOUT


def media_is_public(site: Site) -> Iterator[Problem]:
    """Logs, mails, dumps and caches below MEDIA_ROOT can be downloaded by anyone."""
    values = vars(getattr(site.settings, "_wrapped", site.settings))  # without deprecation warnings
    names = sorted(filter(str.isupper, {*values} - {"DATABASES", "STORAGES"}))
    for name in names if site.media else ():
        for place in places(name, values[name]):
            if NOT_PUBLIC.search(place.name.upper()) and place.is_inside(site.media):
                yield "W008", f"{place} is below {site.media}.", "Write it below STATE_DIR instead."


def places(key: str, value: Any) -> Iterator[Place]:
    """Yield all absolute paths in a setting, such as LOGGING['handlers']['file']['filename']."""
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from places(f"{key}[{inner!r}]", item)
    elif (path := as_path(value)) and path.is_absolute():
        yield Place(key, path)


def no_removed_settings(site: Site) -> Iterator[Problem]:
    """Django ignores removed settings silently: uploads go to the default location."""
    for name, hint in REMOVED.items():
        if site.get(name) is not None:
            yield "W009", f"Django no longer reads {name} {site.get(name)!r}.", hint


def modes_readable(site: Site) -> Iterator[Problem]:
    """nginx returns 403 for files it cannot read; executable uploads help an attacker."""
    for store in site.stores:
        for name, mode, others, group, forbidden, example in (
            ("file_permissions_mode", store.mode, 0o004, 0o040, 0o7111, "0o644"),
            ("directory_permissions_mode", store.directory_mode, 0o005, 0o050, 0o7000, "0o755"),
        ):
            ok, shown = mode is None and others == 0o005, repr(mode)  # the umask decides
            if type(mode) is int:
                # nginx is in the application's group, but not in that of who collects static files.
                by_group = store.kind != "staticfiles" and mode & group == group
                ok = (mode & others == others or by_group) and not mode & forbidden
                shown = f"0o{mode:o}"
            if not ok:
                told = f"{store.name} has {name} {shown}: nginx must be able to read"
                told += " files and directories, and uploads must not be executable."
                yield "W010", told, f"Set it to {example} in STORAGES or FILE_UPLOAD_PERMISSIONS."


def urls_plain(site: Site) -> Iterator[Problem]:
    """A URL of "" or "/" hides all pages; an untidy one never matches in nginx."""
    raw = getattr(site.settings, "_wrapped", site.settings)  # without Django's script prefix
    for name, place in (("STATIC_URL", site.static), ("MEDIA_URL", site.media)):
        url = getattr(raw, name, None) if place else None
        if not isinstance(url, str):
            continue
        path = re.sub(r"^https?://[^/]+", "", url)
        if not path.strip("/") and path == url:
            hint = f"Set it to a path of its own, such as {layout.URL_PREFIX}."
            yield "W011", f"{name} is {url!r}, which is the URL of the whole site.", hint
        elif not path.startswith("/") or re.search(r"//|/\.{1,2}(/|$)|[\\%?#;\s]", path):
            hint = "Use letters, digits, - and _ between single slashes, the first included."
            yield "W012", f"{name} {url!r} is not a plain path.", hint


def problems(site: Site) -> list[Problem]:
    """Return what is inconsistent, each problem once: two storages share MEDIA_ROOT."""
    checks = (
        *(roots_apart, roots_absolute, checkout_not_written, sources_are_static_files),
        *(secrets_not_served, media_is_public, no_removed_settings, modes_readable, urls_plain),
    )
    return list(dict.fromkeys(problem for check in checks for problem in check(site)))
