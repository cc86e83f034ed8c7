"""The server's folders: there, and open to those who must write and read, and to nobody else.

Only `manage.py check --deploy` asks, and only where the site is installed: without a web root or
a database's folder there is nothing to compare.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from .. import layout, nginx
from .base import KINDS, Found, Site, real, rule
from .services import text
from .web import served

READ, WRITE, ENTER = 4, 2, 1


def installed(site: Site) -> bool:
    """Return whether this machine has the web root or the database's folder of files/layout.py."""
    places = (site.get("WEB_ROOT") or "", os.path.dirname(layout.DATABASE))
    return not site.local_dev and any(map(os.path.isdir, places))


def user(name: str) -> tuple[int, set[int]] | None:
    """Return the user and the groups of an account, or None if this machine has none such."""
    try:
        import pwd  # not on Windows, where the hook imports this module

        account = pwd.getpwnam(name)
    except (ImportError, KeyError):
        return None
    return account.pw_uid, set(os.getgrouplist(name, account.pw_gid))


def may(who: tuple[int, set[int]], path: Path, bit: int) -> bool:
    """Return whether an account may read, write or enter a path, by its owner, group and mode."""
    status = path.stat()
    uid, groups = who
    shift = 6 if uid == status.st_uid else 3 if status.st_gid in groups else 0
    return uid == 0 or bool(status.st_mode >> shift & bit)


def application_user() -> tuple[str, tuple[int, set[int]]] | None:
    """Return name and account of the application: the unit's User=, else who runs this."""
    for file in sorted(layout.CHECKOUT.glob("deploy/systemd/*.service")):
        for name in re.findall(r"^User\s*=\s*(\S+)", text(file), re.MULTILINE):
            if account := user(name):
                return name, account
    if hasattr(os, "getuid") and os.getuid():  # root may do anything, so there is nothing to see
        return "this user", (os.getuid(), {os.getgid(), *os.getgroups()})
    return None


def nginx_user() -> tuple[str, tuple[int, set[int]]] | None:
    """Return name and account that nginx reads files as: www-data on Debian, nginx elsewhere."""
    return next(((n, account) for n in ("www-data", "nginx") if (account := user(n))), None)


def folders(site: Site) -> Iterator[tuple[str, Path]]:
    """Yield the roots of this machine by name."""
    yield from ((f"{kind}_ROOT", root) for kind in KINDS if (root := site.root(kind)))


@rule("E071", deploy=True, needs="server")
def folders_exist(site: Site) -> Found:
    """A missing media root fails the first upload; a missing mount point fills the wrong disk.

    Seen: Django makes a missing folder itself, on whatever disk its path then names.
    """
    for name, folder in folders(site) if installed(site) else ():
        if not os.path.isdir(folder):
            yield (
                f"{name} {str(folder)!r} is no folder of this machine.",
                "Run the installation again; it makes the folders with the right owners.",
            )


@rule("E072", deploy=True, needs="server")
def written_by_the_application(site: Site) -> Found:
    """The application must be able to write uploads and the database, with its journal beside it.

    Seen: cookiecutter-django 4209, 4478 and 5728: a media folder of root's, so that the first
    upload ends in a PermissionError.
    """
    if not installed(site) or not (found := application_user()):
        return
    name, account = found
    written = {"MEDIA_ROOT": site.root("MEDIA")}
    written |= {f"The database's folder ({a})": p.parent for a, p in site.databases().items()}
    for place, folder in written.items():
        if folder and os.path.isdir(folder) and not may(account, folder, WRITE):
            yield (
                f"{place} {str(folder)!r} cannot be written by {name}, as whom the application"
                " runs.",
                f"Make {name} its owner: chown {name} {folder}.",
            )


@rule("E073", deploy=True, needs="server")
def not_written_by_the_application(site: Site) -> Found:
    """A stolen application must not be able to change the scripts that every visitor runs.

    Seen: the contract: static files are written at a release, by who releases.
    """
    found = application_user()
    if not installed(site) or not found or found[0] == "this user":
        return
    name, account = found
    for place, folder in (("STATIC_ROOT", site.root("STATIC")), ("The checkout", layout.CHECKOUT)):
        if folder and os.path.isdir(folder) and may(account, folder, WRITE):
            yield (
                f"{place} {str(folder)!r} can be written by {name}, as whom the application runs.",
                "Give the folder to the account that releases: the installation does.",
            )


@rule("E074", deploy=True, needs="server")
def entered_by_nginx(site: Site) -> Found:
    """nginx answers 403 or 404 for all files below a folder that its user cannot enter.

    Seen: a site below a home folder of mode 0750 (technetexperts.com).
    """
    found = nginx_user()
    if not installed(site) or not found:
        return
    name, account = found
    for root, folder in folders(site):
        for part in [*reversed(real(folder).parents), real(folder)]:
            if os.path.isdir(part) and not may(account, part, ENTER):
                yield (
                    f"{name}, as whom nginx runs, cannot enter {str(part)!r} on the way to {root}"
                    f" {str(folder)!r}.",
                    f"Let it: chmod o+x {part}, or add {name} to the folder's group.",
                )
                break


@rule("E075", deploy=True, needs="server")
def no_links_that_nginx_refuses(site: Site) -> Found:
    """With `disable_symlinks`, nginx answers 403 for all uploads behind a link below its root.

    Seen: tried with nginx 1.22 and a media root that links to another disk; a bind mount works.
    """
    for _, location, path in served(site, "MEDIA") if installed(site) else ():
        guard = nginx.value(location, "disable_symlinks", "off")
        found = nginx.file(location, path)
        if guard.split()[0] == "off" or not found:
            continue
        start = nginx.value(location, "root") if "from=$document_root" in guard else "/"
        for part in [Path(found), *Path(found).parents]:
            if part.is_relative_to(start) and part != Path(start) and part.is_symlink():
                yield (
                    f"{str(part)!r} is a link to {os.readlink(part)!r}, and {nginx.shown(location)}"
                    f" follows none: disable_symlinks {guard}.",
                    "Mount the folder there (`mount --bind`) instead of linking it.",
                )
