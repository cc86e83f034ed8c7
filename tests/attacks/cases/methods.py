"""Methods: only GET and HEAD on files."""

import json

from attacks.expect import OCTET_STREAM, body, by_nginx, refused
from attacks.files import SCRIPT
from attacks.table import send
from support.http import request
from support.images import PNG

METHODS = "POST PUT DELETE PATCH OPTIONS PROPFIND MKCOL MOVE COPY LOCK SEARCH DEBUG ANYTHING"


def not_allowed(response, site):
    if response:
        assert response.status in {400, 405, 501}
        assert "max-age=31" not in (response["Cache-Control"] or "")
    assert site.path("media/u/a.png").read_bytes() == PNG


for name, target in {"media": "/s/media/u/a.png", "static": "/s/static/welcome/welcome.css"}.items():
    for method in METHODS.split():
        send(f"method-{method}-{name}", request(target, method, ["Destination: /s/media/u/b.png"]),
             not_allowed, by_nginx, local=True)


def not_traced(response, site):
    if response:
        assert response.status in {400, 403, 405, 501}
        assert b"X-Mine" not in response.body


def not_written(response, site):
    assert not site.path("media/u/new.html").exists()


def echoes_get(response, site):
    assert json.loads(response.body)["method"] == "GET"


for method in ("TRACE", "CONNECT", "TRACK"):
    send(f"method-{method}", request("/", method, ["X-Mine: 1"]), not_traced)
send("method-CONNECT-elsewhere", request("evil.example:443", "CONNECT"), refused, by_nginx)
send("method-PUT-new-file", request("/s/media/u/new.html", "PUT", body=SCRIPT), refused, by_nginx, not_written)
send("method-HEAD-has-no-body", request("/s/media/u/page.html", "HEAD"), OCTET_STREAM, body(b""), local=True)
send("method-override", request("/echo/", headers=["X-HTTP-Method-Override: DELETE"]), echoes_get)
