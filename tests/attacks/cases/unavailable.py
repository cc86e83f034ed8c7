"""The application is stopped: a page of nginx's own, and uploads are still served."""

import re

from attacks.expect import body, header, no_versions, status
from attacks.table import send
from support.http import request
from support.images import PNG


def says_when_to_come_back(response, site):
    assert b"<h1>Back in a moment" in response.body


for method in ("GET", "POST"):
    send(f"unavailable-{method}", request("/", method), status(503), says_when_to_come_back,
         header("Retry-After", re.compile(r"\d+")), header("Cache-Control", "no-store"),
         header("Content-Type", "text/html; charset=utf-8"), no_versions, stopped=True)
send("unavailable-upload", request("/s/media/u/a.png"), body(PNG), stopped=True)
send("unavailable-private", request("/s/private/paper.html"), status(404), stopped=True)
