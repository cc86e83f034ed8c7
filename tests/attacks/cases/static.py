"""Static files: types, and no access to the manifest."""

from attacks.expect import NOT_FOUND, by_nginx, header, status
from attacks.files import files
from attacks.table import send
from support.http import request

for extension, content_type in {
    "mjs": "text/javascript; charset=utf-8", "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8", "webmanifest": "application/manifest+json; charset=utf-8",
    "map": "application/json; charset=utf-8", "json": "application/json; charset=utf-8",
    "woff2": "font/woff2", "woff": "font/woff", "ttf": "font/ttf", "otf": "font/otf",
    "wasm": "application/wasm", "svg": "image/svg+xml", "ico": "image/x-icon",
    "png": "image/png", "html": "text/html; charset=utf-8", "weird": "application/octet-stream",
}.items():
    files[f"static/lib/file.{extension}"] = b"x" * 30
    send(f"static-type-{extension}", request(f"/s/static/lib/file.{extension}"), status(200), by_nginx,
         header("Content-Type", content_type), header("X-Content-Type-Options", "nosniff"),
         header("Content-Disposition", None), local=True)
send("static-404-has-nosniff", request("/s/static/none.js"), status(404),
     header("X-Content-Type-Options", "nosniff"), header("Cache-Control", None))
for name, target in {
    "plain": "/s/static/staticfiles.json",
    "encoded": "/s/static/staticfiles%2ejson",
    "two-slashes": "/s/static//staticfiles.json",
    "dot": "/s/static/./staticfiles.json",
    "query": "/s/static/staticfiles.json?a",
    "compressed": "/s/static/staticfiles.json.gz",
    "through-media": "/s/media/../static/staticfiles.json",
}.items():
    send(f"static-manifest-{name}", request(target), *NOT_FOUND, local=True)
