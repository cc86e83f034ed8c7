"""nginx: for each address of a file it opens the file that Django means, with its protection.

What is compared is what the files mean for a request (`files.nginx`), not how they are written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from .. import layout, nginx
from .base import KINDS, Found, Site, overlap, real, rule

FILE = "files-check"
ENDINGS = ("", ".css", ".js", ".html", ".php", ".py", ".png", ".jpg", ".svg", ".pdf", ".sqlite3")
DOES = {
    "file": "has no location for it",
    "internal": "is closed to visitors",
    "proxied": "hands it to the application",
    "refused": "refuses it",
    "returned": "answers by itself",
}
# What a browser runs on the site's origin.
ACTIVE = re.compile(r"html|xml(?!$)|/xml|javascript|ecmascript|/css$")
# Header of every upload, and the word it must hold.
PROTECTION = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "Content-Disposition": "attachment",
}


def file_location(server: nginx.Chain, url: str) -> nginx.Chain:
    """Return the location that nginx enters for a plain file below a URL."""
    return nginx.answering(server, url + FILE)


def served(site: Site, kind: str) -> Iterator[tuple[nginx.Chain, nginx.Chain, str]]:
    """Yield server, location and path of the URL wherever nginx serves a kind from files."""
    path = nginx_path(site, kind)
    for server in site.servers_of(kind) if path else ():
        location = file_location(server, path)
        if location != server and nginx.kind(location) == "file":
            yield server, location, path


def nginx_path(site: Site, kind: str) -> str:
    """Return the path of a kind's URL on its own host, or "" where E002 speaks."""
    path = urlsplit(site.url(kind)).path
    return path if path.strip("/") else ""


def application(site: Site) -> Iterator[nginx.Chain]:
    """Yield the locations that hand requests to the application."""
    for server in site.servers():
        yield from (c for c in nginx.locations(server) if nginx.kind(c) == "proxied")


def headers(location: nginx.Chain, directive: str) -> dict[str, str]:
    """Return the headers that `add_header` or `proxy_set_header` set in a location."""
    found = nginx.effective(location, directive)
    return {d.words[1].lower(): d.words[2] for d in found if len(d.words) > 2}


@rule("E041")
def nginx_readable(site: Site) -> Found:
    """A configuration that cannot be read cannot be compared, and nginx would not start.

    Seen: an edit left a brace open: a reload keeps the old files, and a reboot has none.
    """
    try:
        for server in nginx.servers(site.nginx):
            for location in nginx.locations(server):
                nginx.matches(location[-1], "/")
        list(body_limits(site))
    except nginx.Unreadable as error:
        yield f"The nginx directory cannot be read: {error}.", "Mend the file; `nginx -t` agrees."


@rule("E042")
def nginx_has_locations(site: Site) -> Found:
    """Without a location of its own, a file's address ends at Django, which answers 404.

    Seen: 7 of 17 templates have no production answer for uploads; a renamed STATIC_URL.
    """
    for kind in KINDS:
        path = nginx_path(site, kind)
        if not site.servers() and path:
            yield (
                f"nginx has no server that could serve {kind}_URL {site.url(kind)!r}.",
                "Compare nginx/site.conf with that of the template.",
            )
        for server in site.servers_of(kind) if path else ():
            location = file_location(server, path)
            does = nginx.kind(location)
            if location == server or does != "file":
                yield (
                    f"nginx serves no files for {kind}_URL {site.url(kind)!r}:"
                    f" {nginx.shown(location)} {DOES[does]}.",
                    f"Add a `location {path}` to nginx/site.conf, or take the URL from"
                    " files/layout.py.",
                )


@rule("E043")
def nginx_serves_the_roots(site: Site) -> Found:
    """nginx must open a file where Django put it.

    Seen: /static/static/ (SO 10631933), an alias onto the source folder, a volume mounted
    elsewhere.
    """
    for kind in KINDS:
        root = site.served(kind)
        for _, location, path in served(site, kind):
            found = nginx.file(location, path + FILE)
            if root and found and real(found) != real(root / FILE):
                yield (
                    f"nginx serves {kind}_URL {path!r} from"
                    f" {os.path.dirname(os.path.normpath(found))!r}, but {kind}_ROOT is"
                    f" {str(root)!r}.",
                    "Set `root` in nginx/site.conf to the web root of files/layout.py.",
                )


@rule("E044")
def locations_end_in_a_slash(site: Site) -> Found:
    """`location /media` also answers for /media../: the folder above lies open.

    Seen: gixy's alias_traversal; proved with nginx 1.22: /media../private/secret.txt is 200.
    """
    for server in nginx.servers(site.nginx):
        for location in nginx.locations(server):
            how, prefix = location[-1].match
            if how not in {"", "^~"} or prefix.endswith("/") or nginx.kind(location) != "file":
                continue
            urls = [site.path(kind) for kind in KINDS]
            if location[-1].one("alias") or f"{prefix}/" in urls:
                yield (
                    f"{nginx.shown(location)} has no slash at the end, so it answers for"
                    f" {prefix + '../'!r} too.",
                    "End the location in a slash, and its alias too; better, use root.",
                )


@rule("E045")
def locations_keep_their_files(site: Site) -> Found:
    """A regex location beats a prefix: files by their ending lose their root and their headers.

    Seen: nginxconfig.io's Django preset (404 for css and png), blog.wbw.im.
    """
    for kind in KINDS:
        for server, location, path in served(site, kind):
            types = nginx.effective(location, "types")
            listed = {f".{ending}" for t in types for line in t.block for ending in line.words[1:]}
            taken = {}
            for ending in sorted({*ENDINGS, *listed}):
                for name in (FILE + ending, f"a/{FILE}.0123456789ab{ending}"):
                    other = nginx.answering(server, path + name)
                    refused = nginx.kind(other) in {"refused", "returned"}
                    if other[: len(location)] != location and (not refused or ending in listed):
                        taken.setdefault(nginx.shown(other), name)
            for other, name in taken.items():
                yield (
                    f"{other} takes {path + name!r} away from {nginx.shown(location)}.",
                    f"Put it inside the location it is meant for, or write `location ^~ {path}`.",
                )


@rule("E046")
def nothing_else_served(site: Site) -> Found:
    """The rest below the served URL must be refused: what lies in the web root is not public.

    Seen: without such a location Django is asked for every file that is missing.
    """
    rest = layout.SERVED_URL
    own = [site.path(kind) for kind in KINDS]
    for server in site.servers() if not any(p and rest.startswith(p) for p in own) else ():
        location = file_location(server, rest)
        if nginx.kind(location) != "refused":
            yield (
                f"{nginx.shown(location)} answers for {rest + FILE!r}, which is neither"
                f" STATIC_URL {site.url('STATIC')!r} nor MEDIA_URL {site.url('MEDIA')!r}.",
                f"Refuse it in nginx/site.conf: `return 404;` in `location {rest}`.",
            )


def tree(location: nginx.Chain) -> tuple[str, str | None]:
    """Return where a location's addresses start, and the folder that its files then lie in."""
    how, prefix = location[-1].match
    start = "/" if how in {"~", "~*"} else prefix or "/"
    gives = nginx.kind(location) == "file" and how != "@"
    return start, nginx.file(location, start) if gives else None


def address(server: nginx.Chain, location: nginx.Chain, file: Path) -> str | None:
    """Return the path of the URL under which a location gives out a file, or None."""
    start, base = tree(location)
    if not base or not real(file).is_relative_to(real(base)):
        return None
    below = real(file).relative_to(real(base)).as_posix()
    url = os.path.normpath(f"{start}/{below}").replace("//", "/")
    return url if nginx.answering(server, url) == location else None


def possible(site: Site, value: str) -> list[str]:
    """Return a header's value, or all that the `map` of its variable may give it."""
    maps = [m for level in (site.nginx, *site.nginx.all("http")) for m in level.all("map")]
    return [value] + [line.value for m in maps if m.words[-1] == value for line in m.block]


def unprotected(site: Site, location: nginx.Chain) -> list[str]:
    """Return the headers that make uploads harmless and that a location does not send."""
    sent = headers(location, "add_header")
    return [
        name
        for name, needed in PROTECTION.items()
        if name.lower() not in sent
        or not any(needed in text for text in possible(site, sent[name.lower()]))
    ]


@rule("E047")
def one_door_to_uploads(site: Site) -> Found:
    """A second address of the uploads serves them without the headers that make them harmless.

    Seen: in Chromium, an uploaded page below a plain `alias` ran its script on the site's origin.
    """
    static, media = (site.served(kind) for kind in KINDS)
    if static and media and overlap(static, media):
        return  # E012 speaks
    own = tuple(path for kind in KINDS if (path := nginx_path(site, kind)))  # E058 speaks
    for server in nginx.servers(site.nginx) if media else ():
        for location in [server, *nginx.locations(server)]:
            _, base = tree(location)
            if not base or not overlap(base, media):
                continue
            inside = Path(base) if real(base).is_relative_to(real(media)) else media
            urls = (address(server, location, inside / f"{FILE}{end}") for end in ENDINGS)
            url = next(filter(None, urls), None)
            if url and not url.startswith(own) and unprotected(site, location):
                yield (
                    f"{nginx.shown(location)} gives out uploads of {str(media)!r} as {url!r}"
                    f" without the headers of MEDIA_URL {site.url('MEDIA')!r}.",
                    "Take the location out, or point it at another folder.",
                )


@rule("E048")
def no_door_to_the_rest(site: Site) -> Found:
    """nginx must not give out the source, the environment, the database or private uploads.

    Seen: `root <checkout>; try_files $uri @app` of deployment examples (smitka.me, 2018:
    thousands of sites served their source).
    """
    private = [layout.CHECKOUT / ".env", layout.CHECKOUT / "manage.py", *site.databases().values()]
    if root := site.root("PRIVATE"):
        private.append(root / FILE)
    for server in nginx.servers(site.nginx):
        for location in [server, *nginx.locations(server)]:
            for file in private:
                if url := address(server, location, file):
                    yield (
                        f"{nginx.shown(location)} gives out {str(file)!r} as {url!r}.",
                        "Set its root to a folder that holds public files only.",
                    )


def body_limits(site: Site) -> Iterator[tuple[nginx.Chain, str, int]]:
    """Yield the location of the site's pages, its limit as written, and in bytes (0: none)."""
    for server in site.servers():
        location = nginx.answering(server, "/")
        limit = nginx.value(location, "client_max_body_size", "1m")
        if not (number := re.fullmatch(r"(\d+)([kmg]?)", limit.lower())):
            raise nginx.Unreadable(f"client_max_body_size {limit!r} is no size")
        if nginx.kind(location) == "proxied":
            yield location, limit, int(number[1]) * 1024 ** " kmg".index(number[2] or " ")


@rule("E049")
def private_uploads_found(site: Site) -> Found:
    """Django hands a private upload to nginx by its address, and nginx must find it there.

    Seen: X-Accel-Redirect to a location of another root: every private file is a 404.
    """
    root, url = site.root("PRIVATE"), getattr(layout, "PRIVATE_URL", "")
    for server in site.servers() if root and url and not site.local_dev else ():
        location = file_location(server, url)
        found = nginx.file(location, url + FILE)
        internal = nginx.kind(location) == "internal"
        if not internal or (found and real(found) != real(root / FILE)):
            yield (
                f"{nginx.shown(location)} answers for {url!r}"
                + (f" from {os.path.dirname(found or '')!r}" if internal else ", not `internal`")
                + f", but PRIVATE_ROOT is {str(root)!r}.",
                f"Give `location {url}` the word `internal;` and the root of files/layout.py.",
            )


@rule("E051")
def body_limit_fits(site: Site) -> Found:
    """nginx cuts off a form that Django would take, with a bare 413.

    Seen: nginx's default of 1m against Django's 2.5 MB (Ouroboros 263, EvalAI 1296).
    """
    accepted = site.get("DATA_UPLOAD_MAX_MEMORY_SIZE", 2621440)
    if accepted is not None:  # None is no limit
        accepted += site.get("UPLOAD_LIMIT", 0)
    for location, limit, size in body_limits(site):
        if size and (accepted is None or size < accepted):
            yield (
                f"{nginx.shown(location)} takes bodies of {limit}, but the application takes"
                f" {accepted} bytes: DATA_UPLOAD_MAX_MEMORY_SIZE and UPLOAD_LIMIT.",
                "Raise client_max_body_size in nginx/proxy.conf, or lower the settings.",
            )


@rule("W051")
def body_limited(site: Site) -> Found:
    """Without a limit one visitor fills the disk.

    Seen: `client_max_body_size 0` and 4G of deployment examples (Wagtail GHSA-33pv-vcgh-jfg9).
    """
    for location, limit, size in body_limits(site):
        if not size:
            yield (
                f"{nginx.shown(location)} takes bodies of any size: client_max_body_size {limit}.",
                "Set client_max_body_size to what the largest upload needs.",
            )


def names(server: nginx.Chain) -> list[str]:
    """Return the names of a server; `.a.example` is both a.example and *.a.example."""
    found = []
    for name in nginx.value(server, "server_name").split():
        found += [name[1:], f"*{name}"] if name.startswith(".") else [name]
    return found


def allowed(host: str, hosts: list[str]) -> bool:
    """Return whether ALLOWED_HOSTS lets a server's name through; `*.x` needs `.x`."""
    host = host.lower()
    return any(
        entry in {"*", host.removeprefix("*")}
        or entry == host
        or (entry.startswith(".") and (host.endswith(entry) or host == entry[1:]))
        for entry in map(str.lower, hosts)
    )


@rule("E052")
def hosts_known_to_django(site: Site) -> Found:
    """nginx lets a host through that Django refuses: visitors read "Bad Request (400)".

    Seen: borfast.com, 2020; SO 25370868.
    """
    hosts = list(site.get("ALLOWED_HOSTS") or ())
    for server in site.servers() if hosts and not site.local_dev else ():
        for name in names(server):
            if name != "_" and not allowed(name, hosts):
                yield (
                    f"nginx passes the host {name!r} on ({nginx.shown(server)}), but ALLOWED_HOSTS"
                    f" is {hosts}.",
                    "Add the name to ALLOWED_HOSTS, or take it from server_name.",
                )


@rule("E053", deploy=True, django="security.W020")
def hosts_stated(site: Site) -> Found:
    """Without a single host Django refuses every request.

    Seen: Django's own check says so; here for the hook, which has no Django.
    """
    if not site.get("ALLOWED_HOSTS"):
        yield "ALLOWED_HOSTS is empty.", "Let it follow DOMAIN, as config/settings.py does."


@rule("W052")
def hosts_known_to_nginx(site: Site) -> Found:
    """Django accepts a host that nginx does not know: the name is dead, or any name gets in.

    Seen: ALLOWED_HOSTS = ["*"] (timmyomahony.com), and a domain added to one side only.
    """
    known = [name for server in nginx.servers(site.nginx) for name in names(server)]
    for host in site.get("ALLOWED_HOSTS") or () if not site.local_dev else ():
        if host in {"localhost", "127.0.0.1", "[::1]"}:  # asked from the server itself
            continue
        wanted = f"*{host}" if host.startswith(".") else host
        if wanted.lower() not in map(str.lower, known):
            yield (
                f"ALLOWED_HOSTS has {host!r}, but nginx knows {', '.join(sorted(set(known)))}.",
                "Add the name to server_name in nginx/site.conf, or take it from ALLOWED_HOSTS.",
            )


@rule("E054")
def no_catch_all(site: Site) -> Found:
    """A server for every name hands forged hosts to Django, which puts them into mails.

    Seen: Django's deployment checklist asks for a server that refuses; gixy's host_spoofing.
    """
    for server in site.servers():
        listens = " ".join(listen.value for listen in server[-1].all("listen"))
        if "default_server" in listens or set(names(server)) <= {"_"}:
            yield (
                f"{nginx.shown(server)} answers for any host (server_name"
                f" {nginx.value(server, 'server_name')!r}, listen {listens}), and hands it on.",
                "Name the site's domain in server_name; nginx/default_server.conf refuses the others.",
            )


@rule("E055")
def host_set(site: Site) -> Found:
    """The Host that Django reads must be the one that nginx chose the server by.

    Seen: without it Django reads the upstream's name (SO 25370868); $http_host is the client's.
    """
    for location in application(site):
        host = headers(location, "proxy_set_header").get("host", "$proxy_host")
        if "$" in host and host not in {"$host", "$server_name"}:
            yield (
                f"{nginx.shown(location)} passes Host {host!r} on, which is not the name that"
                " nginx checked.",
                "Write `proxy_set_header Host $host;` in nginx/proxy.conf.",
            )


def trusted(site: Site) -> dict[str, str]:
    """Return the forwarded headers that Django trusts, and the setting that says so."""
    found = {}
    if header := site.get("SECURE_PROXY_SSL_HEADER"):
        found[header[0].removeprefix("HTTP_").replace("_", "-").lower()] = "SECURE_PROXY_SSL_HEADER"
    for name in ("HOST", "PORT"):
        if site.get(f"USE_X_FORWARDED_{name}"):
            found[f"x-forwarded-{name.lower()}"] = f"USE_X_FORWARDED_{name}"
    return found


@rule("E056")
def trusted_headers_set(site: Site) -> Found:
    """A header that Django trusts and a client can set forges https, the host or the port.

    Seen: Django's warning at SECURE_PROXY_SSL_HEADER; nginxconfig.io passes the client's on.
    """
    for location in application(site):
        sent = headers(location, "proxy_set_header")
        for header, setting in trusted(site).items():
            value = sent.get(header)
            if value is None or re.search(r"\$(http|arg|cookie)_|\$(request|uri|args)", value):
                said = "lets the client set it" if value is None else f"sets it to {value!r}"
                yield (
                    f"Django trusts {header} ({setting}), but {nginx.shown(location)} {said}.",
                    f"Set {header} with proxy_set_header in nginx/proxy.conf, as $scheme or"
                    " $host.",
                )


@rule("E057")
def scheme_agrees(site: Site) -> Found:
    """TLS ends at nginx; if Django does not learn of it, it redirects to https for ever.

    Seen: cookiecutter-django 1173 and 1236, GovReady 934: a loop, or "Origin checking failed".
    """
    header = site.get("SECURE_PROXY_SSL_HEADER")
    for location in application(site) if not site.local_dev else ():
        if not any("ssl" in listen.words for listen in location[1].all("listen")):
            continue
        name = header[0].removeprefix("HTTP_").replace("_", "-").lower() if header else ""
        value = headers(location, "proxy_set_header").get(name, "")
        if not header or (value and "$" not in value and value != header[1]):
            yield (
                f"{nginx.shown(location)} ends TLS and sends {name or 'a scheme'} {value!r}, but"
                f" SECURE_PROXY_SSL_HEADER is {header!r}.",
                "Set it to ('HTTP_X_FORWARDED_PROTO', 'https'), and in nginx"
                " `proxy_set_header X-Forwarded-Proto $scheme;`.",
            )


@rule("E058")
def media_headers_kept(site: Site) -> Found:
    """One `add_header` in an inner block drops all outer ones, and an upload runs as a page.

    Seen: gixy's add_header_redefinition; stored scripts in authentik, integreat-cms 4374 and
    django-filer 1594. A comment in thorgate's file names the trap, and its next block falls in.
    """
    for _, media, path in served(site, "MEDIA"):
        for location in [media, *nginx.locations(media)]:
            if nginx.kind(location) != "file":
                continue
            if missing := unprotected(site, location):
                yield (
                    f"{nginx.shown(location)} sends uploads below {path!r} without"
                    f" {', '.join(missing)}.",
                    "Repeat all of nginx/media.conf's headers wherever one is added.",
                )


@rule("E059")
def media_types_listed(site: Site) -> Found:
    """With the machine's own types an upload named .html is a page of the site.

    Seen: cookiecutter-django's nginx serves x.html as text/html; in Chromium its script ran.
    """
    for _, location, path in served(site, "MEDIA"):
        types = nginx.effective(location, "types")
        kinds = {line.name for block in types for line in block.block}
        kinds.add(nginx.value(location, "default_type", "text/plain"))
        active = sorted(k for k in kinds if ACTIVE.search(k) and k != "image/svg+xml")
        if active or not types:
            yield (
                f"{nginx.shown(location)} gives uploads below {path!r} the types"
                f" {', '.join(active) or 'of the whole machine'}.",
                "List inert types only in nginx/media.conf; the rest is application/octet-stream.",
            )
