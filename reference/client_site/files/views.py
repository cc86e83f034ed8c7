"""Views that serve files: private uploads, and with LOCAL_DEV everything below the URL prefix.

With LOCAL_DEV the responses are those of nginx on a server, except that nothing is cached, static
files come from their sources, and ranges are ignored.
"""

import re
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import PermissionDenied
from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from . import layout
from .fields import fields_naming
from .storage import PrivateUrls

# For LOCAL_DEV, as in nginx/upload_headers.conf. All other types are application/octet-stream.
UPLOAD_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "avif": "image/avif", "svg": "image/svg+xml",
    "mp3": "audio/mpeg", "m4a": "audio/mp4", "mp4": "video/mp4", "webm": "video/webm",
    "txt": "text/plain; charset=utf-8", "pdf": "application/pdf",
}  # fmt: skip
# As in nginx/static.conf, whatever mime.types the host has.
STATIC_TYPES = UPLOAD_TYPES | {
    "css": "text/css; charset=utf-8", "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8",
    "json": "application/json; charset=utf-8", "map": "application/json; charset=utf-8",
    "webmanifest": "application/manifest+json; charset=utf-8", "xml": "text/xml; charset=utf-8",
    "ico": "image/x-icon", "wasm": "application/wasm", "woff2": "font/woff2", "woff": "font/woff",
    "ttf": "font/ttf", "otf": "font/otf",
}  # fmt: skip
# Types that browsers display without running script. SVG is a document with script of its own.
INLINE = re.compile(r"(image/(?!svg)|audio/|video/|text/plain)")
UPLOAD_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self';"
    " style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def private(request: HttpRequest, name: str) -> HttpResponse:
    """Serve a private upload, by its name in the storage.

    Call it from a view that has checked that this visitor may read the file. Raises Http404 if
    there is none, and SuspiciousFileOperation (status 400) for a name outside the storage.
    """
    storage = storages["private"]
    if is_hidden(name) or not storage.exists(name):
        raise Http404(f"There is no private upload {name!r}.")
    if settings.LOCAL_DEV:
        response = serve_upload(request, Path(settings.PRIVATE_ROOT), name)
    elif hasattr(storage, "signed_url"):  # object storage
        response = HttpResponseRedirect(storage.signed_url(name))
    else:
        response = HttpResponse(headers={"X-Accel-Redirect": quote(layout.PRIVATE_URL + name)})
        del response["Content-Type"]  # nginx sets it from the name
        return response
    response["Cache-Control"] = "private, no-store"
    return response


def private_in_admin(request: HttpRequest, name: str) -> HttpResponse:
    """Serve a private upload to superusers, and to users who may view an object that it is of."""
    allowed = request.user.is_superuser
    for field in fields_naming(name):
        if isinstance(field.storage, PrivateUrls):
            app, model = field.model._meta.app_label, field.model._meta.model_name
            codenames = (f"{app}.view_{model}", f"{app}.change_{model}")
            allowed = allowed or any(map(request.user.has_perm, codenames))
    if not allowed:
        raise PermissionDenied
    return private(request, name)


@csrf_exempt  # nginx responds to POST with 405, not 403
def static(request: HttpRequest, name: str) -> HttpResponse:
    """Serve a static file from its source, so nothing has to be collected."""
    found = None if is_hidden(name) else finders.find(merge_slashes(name))
    content_type = STATIC_TYPES.get(Path(name).suffix[1:].lower(), "application/octet-stream")
    response = serve(request, Path(found) if found else None, content_type)
    response["Cache-Control"] = "no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    response["Access-Control-Allow-Origin"] = "*"
    return response


@csrf_exempt
def media(request: HttpRequest, name: str) -> HttpResponse:
    """Serve an upload."""
    response = serve_upload(request, Path(settings.MEDIA_ROOT), merge_slashes(name))
    response["Cache-Control"] = "no-cache"
    return response


@csrf_exempt
def not_found(request: HttpRequest, name: str = "") -> HttpResponse:
    """Return nginx's 404: below the URL prefix there are no pages."""
    return HttpResponse("404 Not Found", status=404)


def local_dev_patterns() -> list[URLPattern]:
    """Return the URL patterns below the URL prefix: without LOCAL_DEV none, nginx serves them."""
    if not settings.LOCAL_DEV:
        return []
    # A pattern with a leading slash would never match.
    urls = (settings.STATIC_URL, settings.MEDIA_URL, layout.URL_PREFIX)
    static_url, media_url, prefix = (url.lstrip("/") for url in urls)
    return [
        path(f"{static_url}<path:name>", static),
        path(f"{media_url}<path:name>", media),
        path(prefix, not_found),
        path(f"{prefix}<path:name>", not_found),
    ]


def merge_slashes(name: str) -> str:
    """Return a relative path with repeated slashes merged, as nginx does."""
    return re.sub("/+", "/", name).lstrip("/")


def is_hidden(name: str) -> bool:
    """Return whether nginx refuses a path by its name: dotfiles, `..` and directories."""
    return "/." in f"/{name}" or name.endswith("/")


def upload_type(name: str) -> tuple[str, str]:
    """Return the Content-Type and the Content-Disposition of an upload, by its extension."""
    content_type = UPLOAD_TYPES.get(Path(name).suffix[1:].lower(), "application/octet-stream")
    return content_type, "inline" if INLINE.match(content_type) else "attachment"


def serve_upload(request: HttpRequest, root: Path, name: str) -> HttpResponse:
    """Return nginx's response for an upload below `root`: never anything that runs in a browser."""
    content_type, disposition = upload_type(name)
    response = serve(request, None if is_hidden(name) else root / name, content_type, root)
    for header, value in UPLOAD_HEADERS.items():
        response[header] = value
    if response.status_code == 200:
        response["Content-Disposition"] = disposition
    return response


def serve(request, file: Path | None, content_type: str, root: Path | None = None) -> HttpResponse:
    """Return the file, or the status that nginx would return: 304, 404 or 405.

    Below `root` symlinks are refused, as by nginx's disable_symlinks: one could name any file.
    """
    try:
        if file is None or not file.is_file():
            return not_found(request)
        if root and file.resolve() != root.resolve() / file.relative_to(root):
            return not_found(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponse("405 Not Allowed", status=405)
        modified = int(file.stat().st_mtime)
        response = get_conditional_response(request, last_modified=modified)
        if response is None:
            response = FileResponse(file.open("rb"), content_type=content_type)
            del response["Content-Disposition"]
    except OSError:  # unreadable, or the name is too long
        return not_found(request)
    response["Last-Modified"] = http_date(modified)
    return response
