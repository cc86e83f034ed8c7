"""What must agree so that static and media never share a place.

Standard library only, and pure: the template's hook runs these rules before Django is installed
(`python -m split`), `manage.py check` runs the same ones (`split.checks`). They say nothing that
Django's own checks say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import layout, nginx


@dataclass(frozen=True)
class Problem:
    """Something that disagrees: the rule's id, a sentence with both values, and the way out."""

    id: str
    message: str
    hint: str


Found = Iterator[tuple[str, str]]
RULES: dict[str, Callable[[Any], Found]] = {}


def rule(id: str) -> Callable:
    """Register a rule: a function of the settings that yields (message, hint)."""

    def register(function: Callable[[Any], Found]) -> Callable[[Any], Found]:
        RULES[id] = function
        return function

    return register


def problems(settings: Any) -> Iterator[Problem]:
    """Yield what is wrong with `settings`: a settings module or `django.conf.settings`."""
    for id, function in RULES.items():
        for message, hint in function(settings):
            yield Problem(id, message, hint)


def real(path: os.PathLike | str) -> Path:
    """Return a path with its links followed, so that two names of one folder are equal."""
    return Path(os.path.realpath(path))


def overlap(one: os.PathLike | str, other: os.PathLike | str) -> bool:
    """Return whether two folders are one, or one lies in the other."""
    one, other = real(one), real(other)
    return one.is_relative_to(other) or other.is_relative_to(one)


def roots(settings: Any) -> dict[str, Path]:
    """Return the roots that are usable by name; `absolute_roots` reports the others."""
    named = {name: getattr(settings, name, None) for name in ("STATIC_ROOT", "MEDIA_ROOT")}
    return {name: Path(root) for name, root in named.items() if root and Path(root).is_absolute()}


@rule("split.E001")
def urls_apart(settings: Any) -> Found:
    """A file must have one address. Django notices equal URLs only when collectstatic runs."""
    static, media = settings.STATIC_URL or "", settings.MEDIA_URL or ""
    if static.startswith(media) or media.startswith(static):
        yield (
            f"STATIC_URL {static!r} and MEDIA_URL {media!r} share addresses.",
            f"Give each a path of its own: {layout.STATIC_URL} and {layout.MEDIA_URL}.",
        )


@rule("split.E002")
def urls_below_the_served_url(settings: Any) -> Found:
    """A URL of "" or "/" hides the whole site behind its files."""
    for name in ("STATIC_URL", "MEDIA_URL"):
        url = getattr(settings, name) or ""
        if not url.startswith(("https://", "http://", "//")) and url.strip("/") == "":
            yield (
                f"{name} is {url!r}, which is the address of the whole site.",
                f"Set it to a path of its own: {layout.SERVED_URL}{name.split('_')[0].lower()}/.",
            )


@rule("split.E011")
def absolute_roots(settings: Any) -> Found:
    """A relative or empty root is a folder of wherever the process was started."""
    for name in ("STATIC_ROOT", "MEDIA_ROOT"):
        root = getattr(settings, name, None)
        if not root or not Path(root).is_absolute():
            yield (
                f"{name} is {str(root or '')!r}, which is no absolute folder.",
                "Take it from split/layout.py, as config/settings.py of the template does.",
            )


@rule("split.E012")
def roots_apart(settings: Any) -> Found:
    """With media inside static, `collectstatic --clear` deletes uploads; Django is silent."""
    found = roots(settings)
    if len(found) == 2 and overlap(*found.values()):
        yield (
            f"STATIC_ROOT {str(found['STATIC_ROOT'])!r} and MEDIA_ROOT"
            f" {str(found['MEDIA_ROOT'])!r} share a folder.",
            "Keep them beside each other, as split/layout.py does.",
        )


@rule("split.E013")
def roots_outside_the_checkout(settings: Any) -> Found:
    """What the site writes into a checkout is committed by mistake or lost at a release."""
    for name, root in roots(settings).items():
        if overlap(root, layout.CHECKOUT):
            yield (
                f"{name} {str(root)!r} shares a folder with the checkout {str(layout.CHECKOUT)!r}.",
                "Move it out of the checkout: split/layout.py names the places.",
            )


@rule("split.E014")
def media_apart_from_sources(settings: Any) -> Found:
    """collectstatic would publish uploads as the site's own, trusted files."""
    media = roots(settings).get("MEDIA_ROOT")
    for source in getattr(settings, "STATICFILES_DIRS", ()):
        folder = source[1] if isinstance(source, (list, tuple)) else source
        if media and overlap(media, folder):
            yield (
                f"MEDIA_ROOT {str(media)!r} shares a folder with {str(folder)!r} of"
                " STATICFILES_DIRS.",
                "Take the folder out of STATICFILES_DIRS, or MEDIA_ROOT from split/layout.py.",
            )


@rule("split.E015")
def database_out_of_reach(settings: Any) -> Found:
    """A database below a folder that nginx serves can be downloaded."""
    served = {"WEB_ROOT": getattr(settings, "WEB_ROOT", None)} | roots(settings)
    for alias, database in getattr(settings, "DATABASES", {}).items():
        if not database["ENGINE"].endswith("sqlite3"):
            continue
        for name, root in served.items():
            if root and real(database["NAME"]).is_relative_to(real(root)):
                yield (
                    f"The database {alias!r} {str(database['NAME'])!r} lies below {name}"
                    f" {str(root)!r}.",
                    "Move it to a folder that no web server reads: split/layout.py names one.",
                )
                break


@rule("split.E021")
def storages_named(settings: Any) -> Found:
    """Without "default" every upload fails; Django's checks only ask for "staticfiles"."""
    if "default" not in settings.STORAGES:
        yield (
            f"STORAGES has {', '.join(map(repr, settings.STORAGES)) or 'nothing'}, but no"
            " 'default', so no upload can be stored.",
            'Add "default": setting STORAGES replaces Django\'s own value as a whole.',
        )


@rule("split.E022")
def storages_obeyed(settings: Any) -> Found:
    """Django 5.1 stopped reading these, without a word."""
    for name in ("DEFAULT_FILE_STORAGE", "STATICFILES_STORAGE"):
        if hasattr(settings, name):
            alias = "default" if name.startswith("DEFAULT") else "staticfiles"
            yield (
                f"{name} is {getattr(settings, name)!r}, but Django no longer reads it.",
                f"Move its value to STORAGES[{alias!r}].",
            )


@rule("split.E041")
def nginx_readable(settings: Any) -> Found:
    """A configuration that cannot be read cannot be compared."""
    try:
        site()
    except nginx.Unreadable as error:
        yield (f"The nginx directory cannot be read: {error}.", "Mend the file; `nginx -t` agrees.")


@rule("split.E042")
def nginx_serves_the_roots(settings: Any) -> Found:
    """nginx must look for the file of a URL where Django put it."""
    try:
        servers = list(site().all("server"))
    except nginx.Unreadable:
        return
    for name in ("STATIC", "MEDIA"):
        url = getattr(settings, f"{name}_URL") or ""
        root = roots(settings).get(f"{name}_ROOT")
        if not url.startswith("/") or url == "/" or not root:
            continue
        if settings.LOCAL_DEV:  # the server's folders, not this machine's
            root = Path(layout.WEB_ROOT, root.relative_to(settings.WEB_ROOT))
        trees = [
            tree(server, location, url)
            for server in servers
            for location in server.all("location")
            if location.words[1:] in {(url,), ("^~", url)}
        ]
        if not trees:
            yield (
                f"nginx has no location for {name}_URL {url!r}.",
                f"Add a `location {url}` to nginx/site.conf.",
            )
        for folder in trees:
            if folder != str(root):
                yield (
                    f"nginx serves {name}_URL {url!r} from {folder!r}, but {name}_ROOT is"
                    f" {str(root)!r}.",
                    "Set `root` in nginx/site.conf to the web root of split/layout.py.",
                )


def site() -> nginx.Directive:
    """Return the site's nginx configuration. Raises nginx.Unreadable."""
    return nginx.read(layout.CHECKOUT / "nginx" / "site.conf")


def tree(server: nginx.Directive, location: nginx.Directive, url: str) -> str:
    """Return the folder that nginx reads the files of a location from."""
    if alias := location.one("alias"):
        return alias.rstrip("/")
    root = location.one("root") or server.one("root") or ""
    return str(layout.folder(root, url))
