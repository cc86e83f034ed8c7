"""With LOCAL_DEV, Django answers below the served URL as nginx would.

Types and headers are read from nginx's own files, so that the two cannot disagree. On purpose
these differ: nothing is cached, static files come from their sources, and Django's middleware
adds its headers.
"""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils._os import safe_join
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from . import layout, nginx

# nginx's default for charset_types.
CHARSET_TYPES = ("text/html", "text/xml", "text/plain", "application/javascript")


def static(request: HttpRequest, path: str) -> HttpResponse:
    """Answer for one of the site's own files, from its source: nothing needs collecting."""
    found = None if hidden(path) else finders.find(path)
    return answer(request, Path(found) if found else None, "static.conf")


def media(request: HttpRequest, path: str) -> HttpResponse:
    """Answer for an upload."""
    file = None if hidden(path) else Path(safe_join(settings.MEDIA_ROOT, path))
    return answer(request, file, "media.conf")


def nothing(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answer for the rest below the served URL: there is nothing."""
    return HttpResponse("404 Not Found", status=404)


def hidden(path: str) -> bool:
    """Return whether nginx would not look for `path`: dotfiles, and what would leave the root."""
    return "/." in f"/{path}" or "\0" in path


def answer(request: HttpRequest, file: Path | None, conf: str) -> HttpResponse:
    """Return nginx's answer for `file` in a location that includes nginx/`conf`."""
    location = nginx.read(layout.CHECKOUT / "nginx" / conf)
    if file is None or not file.is_file():
        response = HttpResponse("404 Not Found", status=404)
    elif request.method not in {"GET", "HEAD"}:
        response = HttpResponse("405 Not Allowed", status=405)
    elif location.one("disable_symlinks") and linked(file):
        response = HttpResponse("403 Forbidden", status=403)
    else:
        modified = int(file.stat().st_mtime)
        response = get_conditional_response(request, last_modified=modified)
        if response is None:
            response = FileResponse(file.open("rb"), content_type=content_type(file, location))
            del response["Content-Disposition"]
        elif response.status_code == 304:
            del response["Content-Type"]
        response["Last-Modified"] = http_date(modified)
    for header in location.all("add_header"):
        name, value, *always = header.words[1:]
        if always or response.status_code in {200, 206, 304}:
            value = variable(value, response.get("Content-Type", ""))
            if value:
                response[name] = value
    response["Cache-Control"] = "no-cache"
    return response


def linked(file: Path) -> bool:
    """Return whether a link stands anywhere between the media root and `file`."""
    root = Path(settings.MEDIA_ROOT)
    return any(part.is_symlink() for part in [file, *file.parents] if root in part.parents)


def content_type(file: Path, location: nginx.Directive) -> str:
    """Return the type that nginx's `types`, `default_type` and `charset` give a file."""
    ending = file.suffix.lstrip(".").lower()
    listed = next(location.all("types")).block
    kind = next((t.name for t in listed if ending in t.words[1:]), location.one("default_type"))
    charset_types = (location.one("charset_types") or "").split() or CHARSET_TYPES
    return f"{kind}; charset={location.one('charset')}" if kind in charset_types else kind


def variable(value: str, kind: str) -> str:
    """Return a header's value; a variable is that of a `map` of the response's type."""
    if not value.startswith("$"):
        return value
    site = nginx.read(layout.CHECKOUT / "nginx" / "site.conf")
    table = next(m for m in site.all("map") if m.words[2] == value)
    for key in table.block:
        if key.name == kind or (key.name.startswith("~") and re.search(key.name[1:], kind)):
            return key.value
    return table.one("default") or ""
