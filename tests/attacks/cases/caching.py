"""Caching: for a year only if the name contains a hash; errors never."""

import re
import time

from attacks.expect import OCTET_STREAM, cache, header, status
from attacks.files import SCRIPT, files
from attacks.sites import Site
from attacks.table import case, send
from support.http import request

HOUR = "max-age=3600"
YEAR = "max-age=31536000, immutable"
HASHED = "/s/static/lib/app.0123456789ab.js"
for name, path, wanted in (
    ("hashed", "lib/app.0123456789ab.js", YEAR),
    ("unhashed", "lib/app.js", HOUR),
    ("hash-too-short", "lib/app.0123456789a.js", HOUR),
    ("hash-too-long", "lib/app.0123456789abc.js", HOUR),
    ("hash-upper-case", "lib/app.0123456789AB.js", HOUR),
    ("hash-in-a-directory", "lib.0123456789ab.d/app.js", HOUR),
    ("hash-no-extension", "lib/app.0123456789ab", HOUR),
    ("query-is-no-hash", "lib/app.js?.0123456789ab.js", HOUR),
):
    files[f"static/{path.split('?')[0]}"] = b"1"
    send(f"cache-{name}", request(f"/s/static/{path}"), status(200), header("Cache-Control", wanted))
send("cache-missing-hashed", request("/s/static/lib/none.0123456789ab.js"), status(404),
     header("Cache-Control", None))
send("cache-wrong-range-of-hashed", request(HASHED, headers=["Range: bytes=99-"]), status(416),
     header("Cache-Control", HOUR))
send("cache-refused-hashed", request(HASHED, "POST"), status(405), header("Cache-Control", None))
files["media/u/app.0123456789ab.js"] = SCRIPT
send("cache-hashed-below-media", request("/s/media/u/app.0123456789ab.js"), OCTET_STREAM, cache(HOUR),
     local=True)
send("cache-missing-upload", request("/s/media/none.png"), status(404), cache(None), local=True)
send("cache-missing-upload-is-no-download", request("/s/media/none.png"), status(404),
     header("Content-Disposition", None))
send("cache-error-keeps-security-headers", request("/s/media/none.html"), status(404),
     header("X-Content-Type-Options", "nosniff"),
     header("Content-Security-Policy", re.compile(".*sandbox.*")), local=True)


def not_modified(target: str, wanted: str):
    def run(site: Site) -> None:
        modified = site.raw(request(target))["Last-Modified"]
        response = site.raw(request(target, headers=[f"If-Modified-Since: {modified}"]))
        assert response.status == 304
        cache(wanted)(response, site)
        assert response["Content-Disposition"] is None

    return run


case("cache-unchanged-upload", not_modified("/s/media/u/a.png", HOUR), local=True)
case("cache-unchanged-hashed", not_modified(HASHED, YEAR))


def requested_too_early(site: Site):
    """An upload is served as soon as it is written, even if it was requested before."""
    file = site.media / f"u/early-{time.monotonic_ns()}.txt"
    target = f"/s/media/u/{file.name}"
    assert site.raw(request(target)).status == 404
    partial = file.with_name(f".{file.name}")
    partial.write_bytes(b"there")
    partial.rename(file)
    assert site.raw(request(target)).body == b"there"


def deleted(site: Site):
    """A deleted upload is 404 after a second at most."""
    file = site.media / f"u/late-{time.monotonic_ns()}.txt"
    file.write_bytes(b"there")
    assert site.raw(request(f"/s/media/u/{file.name}")).body == b"there"
    file.unlink()
    time.sleep(2.1)
    assert site.raw(request(f"/s/media/u/{file.name}")).status == 404


case("cache-upload-requested-too-early", requested_too_early, local=True)
case("cache-deleted-upload", deleted, local=True, slow=True)
