"""Forwarded headers: nginx replaces what a client sends."""

import json

from attacks.expect import status
from attacks.table import send
from support.http import request


def sees(name: str, wanted: str | None):
    """Django sees this value in request.META, and a request that is otherwise as sent."""

    def check(response, site):
        assert response and response.status == 200
        seen = json.loads(response.body)
        assert seen["meta"].get(name) == wanted
        assert seen["secure"] and seen["meta"]["HTTP_HOST"] == site.domain
        assert seen["meta"]["PATH_INFO"] == "/echo/" and seen["meta"]["SCRIPT_NAME"] == ""

    return check


for name, wanted in {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "127.0.0.1",
    "X-Real-IP": "127.0.0.1",
    "X-Forwarded-Host": None,
    "X-Forwarded-Port": None,
    "X-Forwarded-Prefix": None,
    "X-Forwarded-Protocol": None,
    "X-Forwarded-Ssl": None,
    "Forwarded": None,
    "Proxy": None,
}.items():
    meta = f"HTTP_{name.upper().replace('-', '_')}"
    send(f"forwarded-{name}", request("/echo/", headers=[f"{name}: http"]), sees(meta, wanted))


def sees_https_or_rejected(response, site):
    if response and response.status != 400:
        sees("HTTP_X_FORWARDED_PROTO", "https")(response, site)


for name, lines in {
    "proto-twice": ["X-Forwarded-Proto: http", "X-Forwarded-Proto: http"],
    "proto-list": ["X-Forwarded-Proto: http, https"],
    "proto-mixed-case": ["x-FORWARDED-pRoTo: http"],
    "proto-underscores": ["X_Forwarded_Proto: http"],
    "proto-mixed-underscore": ["X-Forwarded_Proto: http"],
    "proto-hop-by-hop": ["Connection: close, X-Forwarded-Proto"],
    "proto-space-before-colon": ["X-Forwarded-Proto : http"],
}.items():
    send(f"forwarded-{name}", request("/echo/", headers=lines), sees_https_or_rejected)
send("forwarded-for-list", request("/echo/", headers=["X-Forwarded-For: 10.0.0.1, 10.0.0.2"]),
     sees("HTTP_X_FORWARDED_FOR", "127.0.0.1"))
for name, line, meta, wanted in (
    ("script-name", "SCRIPT_NAME: /evil", "HTTP_SCRIPT_NAME", None),
    ("path-info", "PATH_INFO: /admin/", "HTTP_PATH_INFO", None),
    ("remote-user", "REMOTE_USER: admin", "HTTP_REMOTE_USER", None),
    ("underscored-host", "HTTP_HOST: evil.example", "HTTP_HTTP_HOST", None),
    ("original-url", "X-Original-URL: /admin/", "REQUEST_METHOD", "GET"),
    ("rewrite-url", "X-Rewrite-URL: /admin/", "REQUEST_METHOD", "GET"),
):
    send(f"forwarded-{name}", request("/echo/", headers=[line]), sees(meta, wanted))
send("forwarded-upgrade-h2c", request("/echo/", headers=["Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]),
     sees("REQUEST_METHOD", "GET"))
send("forwarded-websocket", request("/echo/", headers=["Upgrade: websocket", "Connection: Upgrade"]),
     status(200, 400))
