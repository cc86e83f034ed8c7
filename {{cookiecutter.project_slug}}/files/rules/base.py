"""What a rule is, and what it is given: a site."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import layout, nginx

Found = Iterator[tuple[str, str]]
KINDS = ("STATIC", "MEDIA")


@dataclass(frozen=True)
class Problem:
    """Something that disagrees: the rule's id, a sentence with both values, and the way out."""

    id: str
    message: str
    hint: str


@dataclass(frozen=True)
class Rule:
    """A pure function of a site that yields (message, hint), and who runs it.

    Attributes:
        id: "files.E…", an error, or "files.W…", a warning.
        deploy: about a deployment, so `manage.py check` runs it only with --deploy.
        needs: "django" for its URL patterns, "server" for the server's folders, or "": those
            are what the template's hook runs.
        django: the id under which Django says the same; then ours is the hook's alone.
    """

    id: str
    find: Callable[[Site], Found]
    deploy: bool = False
    needs: str = ""
    django: str = ""


RULES: list[Rule] = []


def rule(id: str, **options: Any) -> Callable[[Callable], Callable]:
    """Register a rule; for the options see `Rule`."""

    def register(find: Callable[[Site], Found]) -> Callable[[Site], Found]:
        RULES.append(Rule(f"files.{id}", find, **options))
        return find

    return register


def problems(site: Site, chosen: Iterable[Rule] | None = None) -> Iterator[Problem]:
    """Yield what is wrong with a site, by the chosen rules or by all that are not for a server."""
    if chosen is None:
        chosen = [rule for rule in RULES if not rule.deploy]
    for rule in chosen:
        try:
            for message, hint in rule.find(site):
                yield Problem(rule.id, message, hint)
        except nginx.Unreadable:
            pass  # reported once, by E041


class Site:
    """The settings, and what follows from them: each file is read once.

    Args:
        settings: a settings module or `django.conf.settings`.
        routes: the URL patterns (`files.checks.Routes`), or None without Django.
    """

    def __init__(self, settings: Any, routes: Any = None):
        self.settings = settings
        self.routes = routes

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting, or `default` if it is not set."""
        return getattr(self.settings, name, default)

    @property
    def local_dev(self) -> bool:
        return bool(self.get("LOCAL_DEV"))

    def storage(self, kind: str) -> tuple[str, dict]:
        """Return the dotted name and the options of the storage for a kind of file."""
        alias = {"STATIC": "staticfiles", "MEDIA": "default"}.get(kind, kind.lower())
        storage = (self.get("STORAGES") or {}).get(alias) or {}
        return storage.get("BACKEND", ""), storage.get("OPTIONS") or {}

    def stated_url(self, kind: str) -> str:
        """Return the URL below which files are found, as the settings say it."""
        stated = getattr(self.settings, "_wrapped", self.settings)  # without Django's own prefix
        url = self.storage(kind)[1].get("base_url") or getattr(stated, f"{kind}_URL", "")
        return str(url or "")

    def url(self, kind: str) -> str:
        """Return the URL below which files are found, as Django completes it."""
        url = self.stated_url(kind)
        return url if url.startswith(("/", "http://", "https://")) else f"/{url}"

    def path(self, kind: str) -> str | None:
        """Return the path of the URL, or None if another host serves it."""
        url = urlsplit(self.url(kind))
        return url.path if url.netloc in {"", self.get("DOMAIN")} else None

    def remote(self, kind: str) -> bool:
        """Return whether files are kept by another machine: no storage of ours, no host of ours."""
        known = ("django.", "files.", "whitenoise.")
        return self.path(kind) is None and not self.storage(kind)[0].startswith(known)

    def stated_root(self, kind: str) -> str:
        """Return the folder that files are written to as the settings say it; "" if they do not."""
        root = not self.remote(kind) and self.storage(kind)[1].get("location")
        return str(root or self.get(f"{kind}_ROOT") or "")

    def root(self, kind: str) -> Path | None:
        """Return the folder that files are written to, or None where E011 says it is unusable."""
        root = Path(self.stated_root(kind))
        return root if root.is_absolute() and not self.remote(kind) else None

    def served(self, kind: str) -> Path | None:
        """Return the root on the server: that of the settings, but for LOCAL_DEV's own."""
        root = self.root(kind)
        if root and self.local_dev and root.is_relative_to(self.get("WEB_ROOT", "")):
            return Path(layout.WEB_ROOT, root.relative_to(self.get("WEB_ROOT")))
        return root

    def databases(self) -> dict[str, Path]:
        """Return the databases that are files, by alias; a relative one is made in the checkout."""
        return {
            alias: Path(layout.CHECKOUT, database["NAME"])
            for alias, database in (self.get("DATABASES") or {}).items()
            if database.get("ENGINE", "").endswith("sqlite3")
            and not str(database.get("NAME") or ":").startswith((":", "file:"))
        }

    @cached_property
    def nginx(self) -> nginx.Directive:
        """The site's nginx configuration. Raises nginx.Unreadable."""
        return nginx.read(layout.CHECKOUT / "nginx" / "site.conf")

    def servers(self) -> list[nginx.Chain]:
        """Return the servers that hand requests to the application, or without one all."""
        found = [s for s in nginx.servers(self.nginx) if nginx.kind(s) == "file"]
        proxying = [
            server
            for server in found
            if any(nginx.kind(chain) == "proxied" for chain in nginx.locations(server))
        ]
        return proxying or found

    def servers_of(self, kind: str) -> list[nginx.Chain]:
        """Return the servers that must serve a kind of file: those of its URL's host."""
        if self.path(kind) is not None:
            return self.servers()
        folder, host = layout.CHECKOUT / "nginx", urlsplit(self.url(kind)).hostname
        optional = [nginx.read(file, folder) for file in sorted(folder.glob("optional/*.conf"))]
        found = [server for tree in (self.nginx, *optional) for server in nginx.servers(tree)]
        return [server for server in found if host in nginx.value(server, "server_name").split()]


def real(path: os.PathLike | str) -> Path:
    """Return a path with its links followed, so that two names of one folder are equal."""
    return Path(os.path.realpath(path))


def overlap(one: os.PathLike | str, other: os.PathLike | str) -> bool:
    """Return whether two folders are one, or one lies in the other."""
    one, other = real(one), real(other)
    return one.is_relative_to(other) or other.is_relative_to(one)
