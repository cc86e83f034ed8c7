"""What nginx and Django do together for uploads, and with LOCAL_DEV what nginx does alone.

With LOCAL_DEV, Django answers below the served URL as nginx would. Types and headers are read
from nginx's own files, so that the two cannot disagree. On purpose these differ: nothing is
cached, static files come from their sources, ranges are not cut out, and Django's middleware
adds its headers.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from . import layout, nginx

# nginx's default for charset_types, which text/html always belongs to.
CHARSET_TYPES = "text/xml text/plain application/javascript"


def private(request: HttpRequest, name: str) -> HttpResponse:
    """Hand out a private upload, by its name in the storage, to whoever asks.

    Call it from a view of your own that has decided that this visitor may have it. Raises Http404
    where there is no such file, and SuspiciousFileOperation, which Django answers with 400, for a
    name that leads out of the storage.
    """
    storage = storages["private"]
    if hidden(name) or not storage.exists(name):
        raise Http404(f"There is no private upload {name!r}.")
    if settings.LOCAL_DEV:
        return answer(request, Path(storage.path(name)), "private.conf")
    response = HttpResponse(headers={"X-Accel-Redirect": quote(layout.PRIVATE_URL + name)})
    del response["Content-Type"]  # nginx knows it by the name, and trusts no upload's own word
    return response


@csrf_exempt  # nginx knows no tokens: it answers 405
def static(request: HttpRequest, path: str) -> HttpResponse:
    """Answer for one of the site's own files, from its source: nothing needs collecting."""
    found = None if hidden(path) else finders.find(merged(path))
    return answer(request, Path(found) if found else None, "static.conf")


@csrf_exempt
def media(request: HttpRequest, path: str) -> HttpResponse:
    """Answer for an upload."""
    file = None if hidden(path) else Path(settings.MEDIA_ROOT, merged(path))
    return answer(request, file, "media.conf")


@csrf_exempt
def nothing(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answer for the rest below the served URL: there is nothing."""
    return HttpResponse("404 Not Found", status=404)


def merged(path: str) -> str:
    """Return a relative path with slashes merged, as nginx's `merge_slashes` does."""
    return re.sub("/+", "/", path).lstrip("/")


def hidden(path: str) -> bool:
    """Return whether nginx would not look for `path`: dotfiles, folders, what leaves the root."""
    return "/." in f"/{path}" or path.endswith("/")


def answer(request: HttpRequest, file: Path | None, conf: str) -> HttpResponse:
    """Return nginx's answer for `file` in a location that includes nginx/`conf`."""
    location = nginx.read(layout.CHECKOUT / "nginx" / conf)
    try:
        response = found(request, file, location)
    except OSError:  # it may not be read, or its name is too long
        response = HttpResponse("404 Not Found", status=404)
    for header in location.all("add_header"):
        name, value, *always = header.words[1:]
        if always or response.status_code in {200, 206, 304}:
            value = variable(value, response.get("Content-Type", ""))
            if value:
                response[name] = value
    if conf != "private.conf":  # there, nothing is cached on a server either
        response["Cache-Control"] = "no-cache"
    return response


def found(request: HttpRequest, file: Path | None, location: nginx.Directive) -> HttpResponse:
    """Return the answer for `file` without the location's headers. Raises OSError."""
    guarded = location.one("disable_symlinks")
    if file is None or not file.is_file() or (guarded and linked(file)):
        return HttpResponse("404 Not Found", status=404)
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse("405 Not Allowed", status=405)
    modified = int(file.stat().st_mtime)
    response = get_conditional_response(request, last_modified=modified)
    if response is None:
        response = FileResponse(file.open("rb"), content_type=content_type(file, location))
        del response["Content-Disposition"]
    response["Last-Modified"] = http_date(modified)
    return response


def linked(file: Path) -> bool:
    """Return whether a link stands anywhere below the root of uploads on the way to `file`."""
    roots = {Path(settings.MEDIA_ROOT), Path(settings.PRIVATE_ROOT)}
    return any(part.is_symlink() for part in [file, *file.parents] if roots & {*part.parents})


def content_type(file: Path, location: nginx.Directive) -> str:
    """Return the type that nginx's `types`, `default_type` and `charset` give a file."""
    ending = file.suffix.lstrip(".").lower()
    listed = next(location.all("types")).block
    kind = next((t.name for t in listed if ending in t.words[1:]), location.one("default_type"))
    charset_types = ["text/html", *(location.one("charset_types") or CHARSET_TYPES).split()]
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
