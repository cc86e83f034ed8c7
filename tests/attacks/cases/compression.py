"""Compression: of static files only; for uploads there is no content negotiation."""

from pathlib import Path

from attacks.expect import NOT_FOUND, OCTET_STREAM, body, untrusted_upload
from attacks.files import SCRIPT, files
from attacks.sites import Site
from attacks.table import case, send
from support.http import request
from support.images import PNG

files["media/u/long.txt"] = b"a" * 9000
for name in ("a.png.gz", "a.png.br", "a.png.zst", "long.txt.gz", "long.txt.br"):
    files[f"media/u/{name}"] = SCRIPT
for coding in ("gzip", "br", "zstd", "deflate", "*", "gzip, br", "identity;q=0, gzip"):
    send(f"negotiation-{coding.replace(', ', '-')}", request("/s/media/u/a.png", headers=[f"Accept-Encoding: {coding}"]),
         untrusted_upload("image/png", "inline"), body(PNG), local=True)
send("negotiation-text-is-not-compressed",
     request("/s/media/u/long.txt", headers=["Accept-Encoding: gzip, br"]),
     untrusted_upload("text/plain; charset=utf-8", "inline"), local=True)
send("negotiation-compressed-copy-is-octet-stream", request("/s/media/u/a.png.gz"), OCTET_STREAM, local=True)
send("negotiation-language", request("/s/media/u/a", headers=["Accept-Language: png"]), *NOT_FOUND,
     local=True)


def compressed(lines: list[str], wanted: str | None, without_brotli: str | None):
    """The Content-Encoding of a static file, with and without nginx's brotli module."""

    def run(site: Site) -> None:
        file = next(site.static.glob("admin/css/base.*.css"))
        response = site.raw(request(f"/s/static/admin/css/{file.name}", headers=lines))
        coding = response["Content-Encoding"]
        assert response.status == 200 and response["Vary"] == "Accept-Encoding"
        assert coding == (wanted if site.brotli else without_brotli)
        suffix = {"gzip": ".gz", "br": ".br", None: ""}[coding]
        assert response.body == Path(f"{file}{suffix}").read_bytes()
        assert response["Content-Type"] == "text/css; charset=utf-8"
        assert response["Cache-Control"] == "max-age=31536000, immutable"

    return run


case("static-compressed-gzip", compressed(["Accept-Encoding: gzip"], "gzip", "gzip"))
case("static-compressed-brotli", compressed(["Accept-Encoding: br"], "br", None))
case("static-compressed-both", compressed(["Accept-Encoding: gzip, br"], "br", "gzip"))
case("static-compressed-refused", compressed(["Accept-Encoding: gzip;q=0"], None, None))
case("static-compressed-not-requested", compressed([], None, None))
case("static-compressed-unknown", compressed(["Accept-Encoding: compress"], None, None))
