"""Attacks on a running site over raw sockets: a table of cases, each a name and a function.

Requests are sent byte for byte; a browser or a client library would normalize them. A case gets
the site and raises AssertionError if the attack succeeds.

To add a case: `send("name", request("/path"), status(404))`, with `local=True` if the development
server must withstand it too. Files that it needs are created in `create_test_files`. To run it:
`pytest tests/test_attacks.py -k name`.
"""

import json
import os
import re
import socket
import ssl
import stat
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from support.http import Response, form, read, request
from support.images import GIF, PNG, png

SECRET = b"THE-CONTENT-OF-A-SECRET-FILE"
SCRIPT = b"<!doctype html><script>document.title='run'</script>"
CSRF = "a" * 32

# Intended differences of the development server; docs/nginx.md lists them.
DIFFERENCES = """
Nothing is cached: every response below the URL prefix has `Cache-Control: no-cache`.
Static files are served from their source directories: no hashed names, no compressed copies, no manifest.
Range requests return the complete file.
Dot segments in a URL are rejected, not resolved.
Malformed requests get 400 or 404 from Python's HTTP server, with its own message.
Unknown hosts, TLS, forwarded headers and request size limits: nginx only.
""".strip().splitlines()


@dataclass
class Site:
    """A site under attack."""

    domain: str
    https: int
    http: int | None
    media: Path
    static: Path
    private: Path
    local: bool = False
    brotli: bool = False  # whether nginx has the module
    cookie: str = ""  # session of a user without staff status
    staff: str = ""  # session of a user who can upload in the admin
    log: Callable[[], str] = lambda: ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def media_domain(self) -> str:
        """The optional separate domain for uploads."""
        return self.domain.replace(".", "-uploads.", 1)

    def expand(self, text: str) -> str:
        """Replace the placeholders that cases use for the site's domains."""
        text = text.replace("$DOMAIN", self.domain).replace("$UPPER", self.domain.upper())
        return text.replace("$MEDIA_DOMAIN", self.media_domain)

    def encode(self, data: bytes) -> bytes:
        """Replace the same placeholders in the bytes of a request."""
        return self.expand(data.decode("latin-1")).encode("latin-1")

    def connect(self, sni="$DOMAIN", tls=True, alpn=(), timeout=5, versions=None):
        """Return a connection to nginx or runserver; without SNI if it is None."""
        port = self.https if tls else self.http
        plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.local or not tls:
            return plain
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if versions:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings(action="ignore"):  # these versions are deprecated
                context.minimum_version, context.maximum_version = versions
        if alpn:
            context.set_alpn_protocols(list(alpn))
        try:
            return context.wrap_socket(plain, server_hostname=sni and self.expand(sni))
        except BaseException:
            plain.close()
            raise

    def raw(self, data: bytes, sni: str | None = "$DOMAIN", tls: bool = True) -> Response | None:
        """Send bytes and return the response, or None if the connection is closed without one."""
        try:
            with self.connect(sni, tls) as connection:
                connection.sendall(self.encode(data))
                return read(connection, data.startswith(b"HEAD "))
        except (ssl.SSLError, ConnectionError):
            return None


# Cases ------------------------------------------------------------------------------------------

CASES: dict[str, Callable[[Site], None]] = {}
LOCAL: set[str] = set()  # cases that the development server must withstand too


def case(name: str, run: Callable[[Site], None], local: bool = False) -> None:
    """Add a case to the table."""
    assert name not in CASES, name
    CASES[name] = run
    if local:
        LOCAL.add(name)


def send(name: str, data: bytes, *checks, local: bool = False, **connection) -> None:
    """Add a case of one request to the table: each check gets the response and the site."""

    def run(site: Site) -> None:
        response = site.raw(data, **connection)
        for check in checks:
            check(response, site)

    case(name, run, local)


def by_django(response: Response) -> bool:
    return response["X-Django"] is not None


def describe(response: Response | None) -> str:
    return "no response" if response is None else f"{response.status} {response.headers} {response.body[:200]}"


def refused(response, site):
    """No response, or an error."""
    assert response is None or 400 <= response.status < 500 or response.status == 501, describe(response)
    assert response is None or SECRET not in response.raw


def by_nginx(response, site):
    assert response is None or site.local or not by_django(response), describe(response)


def connection_closed(response, site):
    assert response is None, describe(response)


def status(*wanted):
    def check(response, site):
        assert response is not None and response.status in wanted, describe(response)

    return check


def header(name, wanted):
    """A header's value: equal to `wanted`, matching a pattern, or absent if `wanted` is None."""

    def check(response, site):
        value = response[name]
        if isinstance(wanted, re.Pattern):
            assert value is not None and wanted.fullmatch(value), f"{name}: {value}"
        else:
            assert value == wanted, f"{name}: {value}"

    return check


def cache(wanted):
    check = header("Cache-Control", wanted)
    return lambda response, site: site.local or check(response, site)


def body(wanted: bytes):
    def check(response, site):
        assert response.body == wanted, response.body[:200]

    return check


def no_versions(response, site):
    assert response["Server"] == "nginx" and response["X-Powered-By"] is None, response.headers
    assert not re.search(rb"nginx/\d|unicorn|Django/", response.raw), describe(response)


def untrusted_upload(content_type: str, disposition: str, corp: str = "same-origin"):
    """The headers of every upload: a known type, and nothing that a browser would execute."""

    def check(response, site):
        assert response is not None and response.status in {200, 206}, describe(response)
        assert response["Content-Type"] == content_type, describe(response)
        assert response["Content-Disposition"] == disposition, describe(response)
        assert response["X-Content-Type-Options"] == "nosniff", describe(response)
        policy = (response["Content-Security-Policy"] or "").split("; ")
        assert {"sandbox", "default-src 'none'", "frame-ancestors 'self'"} <= {*policy}, policy
        assert response["Cross-Origin-Resource-Policy"] == corp, describe(response)
        assert response["Content-Encoding"] is None, describe(response)
        assert response["Set-Cookie"] is None, describe(response)
        assert "immutable" not in (response["Cache-Control"] or ""), describe(response)
        by_nginx(response, site)

    return check


OCTET_STREAM = untrusted_upload("application/octet-stream", "attachment")
NOT_FOUND = (status(404), by_nginx)

# 1. Path traversal in every encoding. Secrets: www/secret.txt, var/secret.txt, the checkout.

for prefix in ("media", "static"):
    for name, path in {
        "dots": "../../secret.txt",
        "encoded-slash": "..%2f..%2fsecret.txt",
        "encoded-dots": "%2e%2e/%2e%2e/secret.txt",
        "all-encoded": "%2e%2e%2f%2e%2e%2fsecret.txt",
        "partly-encoded": ".%2e/%2e./secret.txt",
        "twice-encoded": "%252e%252e%252f%252e%252e%252fsecret.txt",
        "thrice-encoded": "%25252e%25252e%25252fsecret.txt",
        "overlong-slash": "..%c0%af..%c0%afsecret.txt",
        "overlong-dots": "%c0%ae%c0%ae/%c0%ae%c0%ae/secret.txt",
        "overlong-three-bytes": "%e0%80%ae%e0%80%ae/secret.txt",
        "fullwidth-slash": "..%ef%bc%8f..%ef%bc%8fsecret.txt",
        "percent-u": "%u002e%u002e/%u2215secret.txt",
        "backslash": "..\\..\\secret.txt",
        "encoded-backslash": "..%5c..%5csecret.txt",
        "four-dots": "....//....//secret.txt",
        "semicolon": "..;/..;/secret.txt",
        "nul": "..%00/..%00/secret.txt",
        "through-a-file": "u/a.png/../../../../secret.txt",
        "deep": "../" * 12 + "etc/passwd",
        "deep-encoded": "..%2f" * 12 + "etc/passwd",
        "absolute": "/etc/passwd",
        "absolute-encoded": "%2fetc%2fpasswd",
    }.items():
        send(f"traversal-{prefix}-{name}", request(f"/s/{prefix}/{path}"), refused, local=True)
for name, path in {
    "off-by-slash-media": "/s/media../secret.txt",
    "off-by-slash-static": "/s/static../secret.txt",
    "off-by-slash-served": "/s../secret.txt",
    "prefix-without-slash": "/s/mediasecret.txt",
    "from-the-root": "/../secret.txt",
    "from-the-root-encoded": "/%2e%2e/secret.txt",
    "the-web-root-itself": "/secret.txt",
    "encoded-prefix": "/s%2fmedia%2f..%2f..%2fsecret.txt",
    "the-rest-of-served": "/s/secret.txt",
    "the-database": "/s/media/../../../var/db.sqlite3",
    "the-source": "/config/settings.py",
    "the-environment": "/.env",
    "git": "/.git/config",
}.items():
    send(f"traversal-{name}", request(path), refused, local=True)

# 2. Invalid bytes in a URL.

for name, target in {
    "raw-nul": b"/s/media/u/a.png\0.html",
    "raw-control": b"/s/media/u/\x01.png",
    "raw-delete": b"/s/media/u/\x7f.png",
    "raw-tab": b"/s/media/u/a\t.png",
    "raw-space": b"/s/media/u/a .png",
    "raw-return": b"/s/media/u/a\r.png",
    "raw-nul-for-django": b"/\0",
    "raw-control-for-django": b"/\x02",
}.items():
    send(f"bytes-{name}", request(target), refused, by_nginx)
for name, target in {
    "encoded-nul": "/s/media/u/a.png%00",
    "encoded-nul-and-extension": "/s/media/u/page.html%00.png",
    "encoded-newline": "/s/media/u/a.png%0a",
    "encoded-return-newline": "/s/media/u/a.png%0d%0aX-Evil:%201",
    "encoded-high-byte": "/s/media/u/%ff%fe.png",
    "encoded-surrogate": "/s/media/u/%ed%a0%80.png",
    "broken-percent": "/s/media/u/%zz.png",
    "truncated-percent": "/s/media/u/a.png%",
    "truncated-percent-digit": "/s/media/u/a.png%2",
    "encoded-space": "/s/media/u/a.png%20",
    "encoded-tab": "/s/media/u/a.png%09",
}.items():
    send(f"bytes-{name}", request(target), refused, by_nginx, local=True)
send("bytes-high-byte-unencoded", request(b"/s/media/u/\xff.png"), refused, by_nginx)

# 3. Redirects to HTTPS: no host and no header from the client.


def redirects_to_the_site(response, site):
    assert response.status == 301, describe(response)
    assert response["Location"].startswith(f"https://{site.domain}/"), describe(response)
    assert response["Set-Cookie"] is None and response["X-Evil"] is None, describe(response)


for name, target in {
    "plain": "/",
    "newline": "/%0d%0aSet-Cookie:%20evil=1",
    "bare-newline": "/%0aX-Evil:%201",
    "body": "/%0d%0a%0d%0a<script>1</script>",
    "unicode-newline": "/%E5%98%8A%E5%98%8DSet-Cookie:%20evil=1",
    "two-slashes": "//evil.example/",
    "backslash": "/\\evil.example/",
    "query": "/?next=https://evil.example/%0d%0aSet-Cookie:evil=1",
    "userinfo": "/@evil.example/",
    "dots": "/.evil.example",
}.items():
    send(f"redirect-{name}", request(target), redirects_to_the_site, tls=False)
    send(f"redirect-www-{name}", request(target, host="www.$DOMAIN"), redirects_to_the_site, sni="www.$DOMAIN")
send("redirect-with-a-port", request("/", host="$DOMAIN:8080"), redirects_to_the_site, tls=False)
send("redirect-from-www", request("/", host="www.$DOMAIN"), redirects_to_the_site, tls=False)
send("redirect-www-with-a-port", request("/", host="www.$DOMAIN:8080"), redirects_to_the_site, sni="www.$DOMAIN")
send("redirect-unknown-host", request("/", host="evil.example"), connection_closed, tls=False)
send(
    "redirect-absolute-url", request("http://evil.example/", host="$DOMAIN"), connection_closed, tls=False
)
send("redirect-www-keeps-https", request("/", host="www.$DOMAIN"),
     header("Strict-Transport-Security", re.compile(r"max-age=\d{7,}")), sni="www.$DOMAIN")


def stays_on_the_site(response, site):
    location = response["Location"] or "/"
    assert location.startswith(("/", f"https://{site.domain}/")), describe(response)
    assert not location.startswith(("//", "/\\")), describe(response)


for name, target in {
    "two-slashes": "//evil.example/admin",
    "backslash": "/\\evil.example/admin",
    "encoded": "/%2f%2fevil.example/admin",
    "absolute-path": "///evil.example/%2e%2e",
}.items():
    send(f"redirect-by-django-{name}", request(target), stays_on_the_site)

# 4. Long and malformed requests.

send("long-url", request("/" + "a" * 9000), status(414))
send("long-url-of-an-upload", request("/s/media/" + "a" * 9000), status(414))
send("long-name", request("/s/media/" + "a" * 300), *NOT_FOUND, local=True)
send("long-path", request("/s/media/" + "a/" * 2000), *NOT_FOUND, local=True)
send("long-header", request("/", headers=["X-Long: " + "a" * 9000]), status(400))
send("long-headers", request("/", headers=[f"X-{n}: " + "a" * 4000 for n in range(12)]), status(400))
send("long-cookie", request("/", headers=["Cookie: sessionid=" + "a" * 9000]), status(400))
send("long-method", request("/", method="A" * 9000), refused, by_nginx)
for name, data in {
    "no-slash": b"GET s/media/ HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n",
    "no-version": b"GET /s/media/u/page.html\r\n\r\n",
    "future-version": b"GET / HTTP/9.9\r\nHost: $DOMAIN\r\n\r\n",
    "no-target": b"GET HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n",
    "lower-case-method": b"get / HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n",
    "star": b"GET * HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n",
    "header-without-colon": b"GET / HTTP/1.1\r\nHost $DOMAIN\r\n\r\n",
    "not-http": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    "http2-in-http1": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "smtp": b"EHLO $DOMAIN\r\nMAIL FROM:<a@b>\r\n\r\n",
}.items():

    def malformed(response, site):
        assert response is None or response.status >= 400 or not response.status, describe(response)
        assert response is None or SCRIPT not in response.raw

    send(f"malformed-{name}", data, malformed, by_nginx)

# 5. Methods: only GET and HEAD on files.

for path in ("media/u/a.png", "static/welcome/welcome.css"):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "MKCOL", "MOVE",
                   "COPY", "LOCK", "SEARCH", "DEBUG", "ANYTHING"):

        def check(response, site, path=path):
            assert response is None or response.status in {400, 405, 501}, describe(response)
            assert "max-age=31" not in ((response and response["Cache-Control"]) or "")
            if path.startswith("media"):
                assert (site.media / "u/a.png").read_bytes() == PNG

        send(f"method-{method}-{path.split('/')[0]}",
             request(f"/s/{path}", method, ["Destination: /s/media/u/b.png"]),
             check, by_nginx, local=True)
for method in ("TRACE", "CONNECT", "TRACK"):

    def check(response, site):
        assert response is None or response.status in {400, 403, 405, 501}, describe(response)
        assert response is None or b"X-Mine" not in response.body

    send(f"method-{method}", request("/", method, ["X-Mine: 1"]), check)
send("method-CONNECT-elsewhere", request("evil.example:443", "CONNECT"), refused, by_nginx)
send("method-PUT-new-file", request("/s/media/u/new.html", "PUT", body=SCRIPT), refused, by_nginx,
     lambda _, site: _assert(not (site.media / "u/new.html").exists()))
send("method-HEAD-has-no-body", request("/s/media/u/page.html", "HEAD"), OCTET_STREAM, body(b""), local=True)
send("method-override", request("/echo/", headers=["X-HTTP-Method-Override: DELETE"]),
     lambda response, site: _assert(json.loads(response.body)["method"] == "GET"))


def _assert(holds, text=""):
    assert holds, text


# 6. Host and SNI: Django sees only the site's own name.


def own_host_or_rejected(response, site):
    """The request did not reach Django, or with the site's own name."""
    if response is not None and by_django(response) and response.status == 200:
        assert json.loads(response.body)["meta"]["HTTP_HOST"] == site.domain, describe(response)
    else:
        assert response is None or 300 <= response.status < 500, describe(response)
        if response is not None and response["Location"]:
            assert response["Location"].startswith(f"https://{site.domain}/"), describe(response)


for name, host in {
    "unknown": "evil.example",
    "empty": "",
    "localhost": "localhost",
    "ipv4": "127.0.0.1",
    "ipv6": "[::1]",
    "subdomain": "evil.$DOMAIN",
    "suffix": "$DOMAIN.evil.example",
    "prefix": "evil-$DOMAIN",
    "leading-dot": ".$DOMAIN",
    "underscore": "_",
    "wildcard": "*.example",
}.items():
    send(f"host-{name}", request("/echo/", host=host), own_host_or_rejected, by_nginx)
    send(f"host-{name}-without-tls", request("/echo/", host=host), own_host_or_rejected, by_nginx, tls=False)
for name, host in {
    "port": "$DOMAIN:1234",
    "port-of-text": "$DOMAIN:evil.example",
    "trailing-dot": "$DOMAIN.",
    "upper-case": "$UPPER",
    "userinfo": "$DOMAIN@evil.example",
    "userinfo-before": "evil.example@$DOMAIN",
    "port-and-userinfo": "$DOMAIN:443@evil.example",
    "path": "$DOMAIN/evil.example",
    "path-before": "evil.example/$DOMAIN",
    "space": "$DOMAIN evil.example",
    "tab": "$DOMAIN\tevil.example",
    "comma": "$DOMAIN, evil.example",
    "backslash": "$DOMAIN\\evil.example",
    "query": "$DOMAIN?evil.example",
    "fragment": "$DOMAIN#evil.example",
    "script": "<script>alert(1)</script>",
    "nul": b"$DOMAIN\0evil.example",
    "newline": b"$DOMAIN\r\n evil.example",
}.items():
    send(f"host-{name}", request("/echo/", host=host), own_host_or_rejected)
for name, lines in {
    "twice": ["Host: evil.example"],
    "twice-the-same": ["Host: $DOMAIN"],
    "twice-upper-case": ["HOST: evil.example"],
    "space-before-colon": ["Host : evil.example"],
}.items():
    send(f"host-{name}", request("/echo/", headers=lines), refused, by_nginx)
send("host-twice-unknown-first", request("/echo/", host="evil.example", headers=["Host: $DOMAIN"]),
     refused, by_nginx)
send("host-missing", request("/echo/", host=None), status(400), by_nginx)
send("host-missing-1.0", request("/echo/", host=None, version="1.0"), own_host_or_rejected)
send("host-missing-1.0-without-tls", request("/", host=None, version="1.0"), connection_closed, tls=False)
send("host-absolute-url-unknown", request("https://evil.example/echo/"), connection_closed)
send("host-absolute-url-known", request("https://$DOMAIN/echo/", host="evil.example"), own_host_or_rejected)
send("host-absolute-url-userinfo", request("https://$DOMAIN@evil.example/echo/"), own_host_or_rejected)
send("host-absolute-url-other-scheme", request("file:///etc/passwd"), refused, by_nginx)
send("sni-unknown", request("/echo/"), connection_closed, sni="evil.example")
send("sni-none", request("/echo/"), connection_closed, sni=None)
send("sni-unknown-with-unknown-host", request("/", host="evil.example"), connection_closed, sni="evil.example")
send("sni-known-with-unknown-host", request("/echo/", host="evil.example"), connection_closed)


def shows_no_certificate(site):
    try:
        with site.connect("evil.example") as connection:
            raise AssertionError(connection.getpeercert(True))
    except (ssl.SSLError, ConnectionError):
        pass


case("sni-unknown-gets-no-certificate", shows_no_certificate)
for name in ("TLSv1", "TLSv1_1"):

    def old_tls(site, name=name):
        with warnings.catch_warnings(action="ignore"):
            version = ssl.TLSVersion[name]
        try:
            with site.connect(versions=(version, version)) as connection:
                raise AssertionError(connection.version())
        except (ssl.SSLError, ConnectionError):
            pass

    case(f"tls-{name}", old_tls)


def tickets(site):
    version = ssl.TLSVersion.TLSv1_2
    with site.connect(versions=(version, version)) as connection:
        connection.sendall(site.encode(request("/s/")))
        read(connection)
        assert not connection.session.has_ticket


case("tls-session-tickets", tickets)

# 7. Forwarded headers: nginx replaces what a client sends.


def sees(name: str, wanted: str | None):
    def check(response, site):
        assert response is not None and response.status == 200, describe(response)
        seen = json.loads(response.body)
        assert seen["meta"].get(name) == wanted, f"{name}: {seen['meta'].get(name)}"
        assert seen["secure"] and seen["meta"]["HTTP_HOST"] == site.domain, seen
        assert seen["meta"]["PATH_INFO"] == "/echo/" and seen["meta"]["SCRIPT_NAME"] == "", seen

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
for name, lines in {
    "proto-twice": ["X-Forwarded-Proto: http", "X-Forwarded-Proto: http"],
    "proto-list": ["X-Forwarded-Proto: http, https"],
    "proto-mixed-case": ["x-FORWARDED-pRoTo: http"],
    "proto-underscores": ["X_Forwarded_Proto: http"],
    "proto-mixed-underscore": ["X-Forwarded_Proto: http"],
    "proto-hop-by-hop": ["Connection: close, X-Forwarded-Proto"],
    "proto-space-before-colon": ["X-Forwarded-Proto : http"],
}.items():

    def check(response, site):
        if response is not None and response.status != 400:
            sees("HTTP_X_FORWARDED_PROTO", "https")(response, site)

    send(f"forwarded-{name}", request("/echo/", headers=lines), check)
send("forwarded-for-list", request("/echo/", headers=["X-Forwarded-For: 10.0.0.1, 10.0.0.2"]),
     sees("HTTP_X_FORWARDED_FOR", "127.0.0.1"))
for name, line, meta in (
    ("script-name", "SCRIPT_NAME: /evil", "HTTP_SCRIPT_NAME"),
    ("path-info", "PATH_INFO: /admin/", "HTTP_PATH_INFO"),
    ("remote-user", "REMOTE_USER: admin", "HTTP_REMOTE_USER"),
    ("underscored-host", "HTTP_HOST: evil.example", "HTTP_HTTP_HOST"),
):
    send(f"forwarded-{name}", request("/echo/", headers=[line]), sees(meta, None))
send("forwarded-original-url", request("/echo/", headers=["X-Original-URL: /admin/"]),
     sees("REQUEST_METHOD", "GET"))
send("forwarded-rewrite-url", request("/echo/", headers=["X-Rewrite-URL: /admin/"]),
     sees("REQUEST_METHOD", "GET"))
send("forwarded-upgrade-h2c", request("/echo/", headers=["Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]),
     sees("REQUEST_METHOD", "GET"))
send("forwarded-websocket", request("/echo/", headers=["Upgrade: websocket", "Connection: Upgrade"]),
     status(200, 400))

# 8. Request smuggling.


def smuggle(name: str, lines: list[str | bytes], content: bytes, *checks) -> None:
    """Add a case: a request that hides a second one, which must not reach Django."""
    hidden = f"/smuggled-{name}/".encode()

    def run(site: Site) -> None:
        inner = b"GET " + hidden + b" HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n"
        data = request("/echo/", "POST", lines, content.replace(b"$HIDDEN", inner))
        response = site.raw(data.replace(b"Connection: close\r\n", b""))
        for check in checks:
            check(response, site)
        time.sleep(0.02)
        assert hidden.decode() not in site.log(), "the hidden request reached Django"

    case(f"smuggling-{name}", run)


CHUNKED = b"0\r\n\r\n$HIDDEN"
for name, lines, content in (
    ("length-and-chunked", ["Content-Length: 70", "Transfer-Encoding: chunked"], CHUNKED),
    ("chunked-and-length", ["Transfer-Encoding: chunked", "Content-Length: 4"], b"5c\r\n$HIDDEN"),
    ("two-lengths", ["Content-Length: 0", "Content-Length: 70"], b"$HIDDEN"),
    ("two-lengths-the-same", ["Content-Length: 5", "Content-Length: 5"], b"hello"),
    ("length-list", ["Content-Length: 5, 5"], b"hello$HIDDEN"),
    ("length-negative", ["Content-Length: -1"], b"$HIDDEN"),
    ("length-plus", ["Content-Length: +0"], b"$HIDDEN"),
    ("length-hexadecimal", ["Content-Length: 0x0"], b"$HIDDEN"),
    ("length-fraction", ["Content-Length: 0.0"], b"$HIDDEN"),
    ("length-empty", ["Content-Length: "], b"$HIDDEN"),
    ("length-overflow", ["Content-Length: 18446744073709551616"], b"$HIDDEN"),
    ("chunked-misspelt", ["Transfer-Encoding: xchunked"], CHUNKED),
    ("chunked-identity", ["Transfer-Encoding: chunked, identity"], CHUNKED),
    ("chunked-twice", ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], CHUNKED),
    ("chunked-vertical-tab", [b"Transfer-Encoding: \x0bchunked"], CHUNKED),
    ("chunked-quoted", ['Transfer-Encoding: "chunked"'], CHUNKED),
    ("chunked-space-before-colon", ["Transfer-Encoding : chunked"], CHUNKED),
    ("chunk-size-negative", ["Transfer-Encoding: chunked"], b"-1\r\n$HIDDEN"),
    ("chunk-size-prefixed", ["Transfer-Encoding: chunked"], b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("chunk-size-overflow", ["Transfer-Encoding: chunked"], b"fffffffffffffffff\r\n$HIDDEN"),
    ("chunk-size-missing", ["Transfer-Encoding: chunked"], b"\r\n$HIDDEN"),
    ("header-with-nul", [b"X-A: 1\0", "Content-Length: 0"], b"$HIDDEN"),
):
    smuggle(name, lines, content, refused, by_nginx)
for name, lines in {
    "folded-header": ["X-A: 1", " Transfer-Encoding: chunked"],
    "bare-return": [b"X-A: 1\rTransfer-Encoding: chunked"],
}.items():
    smuggle(name, [*lines, "Content-Length: 0"], b"", own_host_or_rejected)


def chunked_10(site):
    response = site.raw(
        request("/echo/", "POST", ["Transfer-Encoding: chunked"], b"0\r\n\r\n", version="1.0")
    )
    assert response is None or response.status in {200, 400}, describe(response)


case("smuggling-chunked-in-1.0", chunked_10)


def chunked_body(response, site):
    seen = json.loads(response.body)
    assert seen["length"] == 5 and "HTTP_TRANSFER_ENCODING" not in seen["meta"], seen


send("smuggling-chunks-are-decoded",
     request("/echo/", "POST", ["Transfer-Encoding: chunked"], b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-Forwarded-Proto: http\r\n\r\n"),
     status(200), chunked_body)

# 9. Request sizes: rejected before the body is read, with an explanation.

MEGABYTE = 1024 * 1024


def explains_the_limit(response, site):
    assert b"choose a smaller file" in response.body and b"<h1>" in response.body, describe(response)


def too_large(name: str, lines: list[str], content: bytes = b"") -> None:
    send(f"size-{name}", request("/echo/", "POST", lines, content), status(413), explains_the_limit,
         by_nginx)


too_large("declared", [f"Content-Length: {101 * MEGABYTE}"])
too_large("declared-enormous", ["Content-Length: 999999999999999"])
too_large("declared-continue", [f"Content-Length: {101 * MEGABYTE}", "Expect: 100-continue"])
too_large("one-byte-over", [f"Content-Length: {100 * MEGABYTE + 1}"])


def chunked_flood(site):
    with site.connect() as connection:
        head = request("/echo/", "POST", ["Transfer-Encoding: chunked"])
        connection.sendall(site.encode(head))
        chunk = b"100000\r\n" + b"a" * MEGABYTE + b"\r\n"
        try:
            for _ in range(105):
                connection.sendall(chunk)
        except OSError:
            pass
        response = read(connection)
    assert response is None or response.status == 413, describe(response)


case("size-chunked", chunked_flood)


def accepted(site):
    content = b"a" * (12 * MEGABYTE)
    head = ["Content-Type: multipart/form-data; boundary=b"]
    response = site.raw(request("/", "POST", head, content))
    assert by_django(response) and response.status == 403, describe(response)  # no token, but it reached Django


case("size-within-limit-reaches-django", accepted)


def fields_flood(site, fields: bytes):
    lines = ["Content-Type: application/x-www-form-urlencoded", f"Cookie: csrftoken={CSRF}"]
    lines += [f"Referer: https://{site.domain}/"]
    response = site.raw(request("/admin/login/", "POST", lines, fields))
    # Django stops reading; nginx may find the connection closed while it still sends.
    assert response is None or response.status in {400, 413, 503}, describe(response)


case("size-fields-in-bytes", lambda site: fields_flood(site, b"a=" + b"a" * (3 * MEGABYTE)))
case("size-fields-in-number", lambda site: fields_flood(site, b"a=1&" * 1200))
send("size-body-on-a-file", request("/s/media/u/a.png", "POST", body=b"a" * 2 * MEGABYTE), refused,
     by_nginx)
send("size-body-of-a-get", request("/s/media/u/a.png", headers=["Content-Length: 99999999"]),
     lambda response, site: _assert(response is None or response.status in {200, 413}))

# 10. Range requests: a single range, for video.

VIDEO = bytes(range(256)) * 8


def ranged(name: str, value: str, *checks, target="/s/media/u/v.mp4", local=False) -> None:
    send(f"range-{name}", request(target, headers=[f"Range: {value}"]), *checks, local=local)


def complete(response, site):
    untrusted_upload("video/mp4", "inline")(response, site)
    assert response.status == 200 and response.body == VIDEO, describe(response)


def part(response, site):
    untrusted_upload("video/mp4", "inline")(response, site)
    assert site.local or (response.status == 206 and response.body == VIDEO[10:20]), describe(response)


ranged("one", "bytes=10-19", part, local=True)
ranged("two", "bytes=0-9,20-29", complete, local=True)
ranged("hundreds", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 600, 2)), complete, local=True)
ranged("overlapping", "bytes=" + ",".join(["0-"] * 300), complete, local=True)
ranged("suffixes", "bytes=-1,-2,-3", complete, local=True)
ranged("backwards", "bytes=20-10", status(200, 416), local=True)
ranged("beyond", "bytes=999999-", status(200, 416), local=True)
ranged("overflow", "bytes=0-18446744073709551615", status(200, 206, 416), local=True)
ranged("another-unit", "lines=1-2", complete, local=True)
ranged("static-overlapping", "bytes=" + ",".join(["0-"] * 300), status(200),
       target="/s/static/welcome/welcome.css")

# 11. File types: only regular files below the root are served.

NOT_SERVED = {
    "symlink-to-a-file": "symlink-out.txt",
    "symlink-to-a-directory": "symlink-directory/secret.txt",
    "symlink-within": "symlink-within.png",
    "symlink-relative": "symlink-relative.txt",
    "symlink-dangling": "symlink-dangling.txt",
    "symlink-loop": "symlink-loop.txt",
    "symlink-to-private": "symlink-private.html",
    "fifo": "fifo.png",
    "socket": "socket.png",
    "directory": "directory",
    "directory-with-slash": "directory/",
    "directory-with-index": "directory/index/",
    "directory-named-like-an-image": "directory.png",
    "directory-named-like-an-image-with-slash": "directory.png/",
    "file-with-slash": "u/a.png/",
    "file-as-a-directory": "u/a.png/b.png",
    "path-info": "u/page.html/a.png",
    "root": "",
    "partial-upload": f".{'0' * 16}.part",
}
for name, path in NOT_SERVED.items():

    def run(site, path=path):
        response = site.raw(request(f"/s/media/{path}"))  # raises if it blocks
        assert response is not None and response.status == 404, describe(response)
        assert SECRET not in response.raw and b"Index of" not in response.raw, describe(response)
        assert response["Location"] is None, describe(response)
        by_nginx(response, site)

    case(f"disk-{name}", run, local=True)
send("disk-unreadable", request("/s/media/unreadable.txt"), *NOT_FOUND)
send("disk-unreadable-directory", request("/s/media/closed/secret.txt"), *NOT_FOUND)
send("disk-listing-of-served", request("/s/"), *NOT_FOUND, local=True)
send("disk-listing-of-static", request("/s/static/"), *NOT_FOUND, local=True)
send("disk-listing-of-static-directory", request("/s/static/admin/"), *NOT_FOUND, local=True)
send("disk-listing-without-slash", request("/s/static/admin"), *NOT_FOUND, local=True)
send("disk-prefix-without-slash", request("/s/media"), *NOT_FOUND, local=True)
send("disk-static-index", request("/s/static/admin/index.html"), *NOT_FOUND, local=True)
send("disk-empty-file", request("/s/media/u/empty.txt"),
     untrusted_upload("text/plain; charset=utf-8", "inline"), body(b""), local=True)

# 12. Dotfiles.

for name in (".env", ".htaccess", ".htpasswd", ".git/config", ".DS_Store", "..hidden", "...",
             ".well-known/a.txt", "u/.hidden.png", ".directory/a.png"):
    send(f"dotfile-{name}", request(f"/s/media/{name}"), *NOT_FOUND, local=True)
send("dotfile-encoded", request("/s/media/%2eenv"), *NOT_FOUND, local=True)
send("dotfile-after-two-slashes", request("/s/media//.env"), *NOT_FOUND, local=True)
send("dotfile-static", request("/s/static/.gitkeep"), *NOT_FOUND, local=True)
send("dotfile-static-encoded", request("/s/static/%2egitkeep"), *NOT_FOUND, local=True)

# 13. Active types, in every spelling of the extension: application/octet-stream, attachment.

ACTIVE = [
    "html", "htm", "xhtml", "xht", "shtml", "shtm", "stm", "mht", "mhtml", "hta", "htc", "htt",
    "xml", "xsl", "xslt", "xsd", "rdf", "rss", "atom", "dtd", "ent", "mathml", "mml", "svgz",
    "js", "mjs", "cjs", "jsx", "ts", "css", "less", "json", "jsonld", "webmanifest", "manifest",
    "wasm", "appcache", "vbs", "vbe", "wsf", "wsh", "swf", "jar", "class", "jnlp", "php",
    "php3", "phtml", "phar", "py", "pl", "cgi", "rb", "jsp", "asp", "aspx", "cfm", "sh", "bat",
    "cmd", "exe", "msi", "dll", "scr", "com", "pif", "lnk", "url", "desktop", "reg", "ps1",
    "vcf", "ics", "eml", "doc", "docx", "xls", "xlsm", "rtf", "zip", "tar", "7z", "gz", "br",
    "iso", "dmg", "apk", "ttf", "woff2", "ico", "bmp", "tif", "psd", "eps", "ps", "heic", "md",
    "csv", "log", "conf", "sql",
]
NAMES = {f"extension-{extension}": f"page.{extension}" for extension in ACTIVE}
NAMES |= {
    "upper-case": "PAGE.HTML",
    "mixed-case": "page.hTmL",
    "mixed-case-svgz": "page.SvGz",
    "no-extension": "page",
    "double-extension": "page.png.html",
    "double-extension-image-in-the-middle": "page.html.png.xhtml",
    "trailing-dot": "page.html.",
    "trailing-dots": "page.png..",
    "trailing-space": "page.png ",
    "trailing-tab": "page.png\t",
    "trailing-newline": "page.png\n",
    "trailing-tilde": "page.png~",
    "semicolon": "page.png;.html",
    "semicolon-after": "page.html;png",
    "comma": "page.png,html",
    "colon-stream": "page.html::$DATA",
    "percent-in-the-name": "page%2ehtml",
    "question-mark-in-the-name": "page.html?.htm",
    "right-to-left": "page\u202egnp.html",
    "fullwidth-dot": "page\uff0epng",
    "dotless": "page\u2024png",
    "cyrillic-extension": "page.p\u043fg",
    "zero-width": "page.png\u200b",
    "angle-brackets": "<script>.html",
    "quotes": "\"onload='x'.html",
    "backslash": "a\\page.html",
    "newline-in-the-name": "page\r\nX-Evil: 1.html",
    "unknown-extension": "page.whatever",
    "long-extension": "page." + "a" * 100,
    "only-an-extension": "page..html",
    "space-before-extension": "page. html",
    "backup": "page.html.bak",
}
for name, file in NAMES.items():
    send(f"type-{name}", request(f"/s/media/names/{quote(file)}"), OCTET_STREAM, body(SCRIPT),
         local="\n" not in file)  # Django's URL patterns do not match a newline
send("type-ignores-query", request("/s/media/names/page.html?a.png"), OCTET_STREAM, local=True)
send("type-ignores-semicolon", request("/s/media/names/page.html;a.png"), *NOT_FOUND, local=True)
send("type-ignores-matrix-parameter", request("/s/media/names/page.html;/a.png"), *NOT_FOUND, local=True)
send("type-ignores-fragment", request("/s/media/names/page.html#a.png"),
     lambda response, site: _assert(response.status != 200 or OCTET_STREAM(response, site) is None))
send("type-ignores-accept", request("/s/media/names/page.html", headers=["Accept: text/html"]),
     OCTET_STREAM, local=True)
send("type-encoded-name", request("/s/media/names/%70%61%67%65%2e%68%74%6d%6c"), OCTET_STREAM, local=True)

# 14. Types that are shown inline; svg and pdf keep their type as attachments.

INLINE = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "avif": "image/avif", "mp3": "audio/mpeg", "m4a": "audio/mp4",
    "mp4": "video/mp4", "webm": "video/webm", "txt": "text/plain; charset=utf-8",
}
for extension, content_type in INLINE.items():
    send(f"inline-{extension}", request(f"/s/media/names/inline.{extension}"),
         untrusted_upload(content_type, "inline"), body(SCRIPT), local=True)
for extension, content_type in {"svg": "image/svg+xml", "pdf": "application/pdf"}.items():
    send(f"attachment-{extension}", request(f"/s/media/names/page.{extension}"),
         untrusted_upload(content_type, "attachment"), local=True)
    send(f"attachment-{extension}-upper-case", request(f"/s/media/names/PAGE.{extension.upper()}"),
         untrusted_upload(content_type, "attachment"), local=True)

# 15. Polyglots: the extension decides the type, and nosniff is set.

POLYGLOTS = {
    "png-that-is-html": ("both.png", PNG + SCRIPT, "image/png", "inline"),
    "gif-that-is-script": ("both.gif", GIF + b"/*" + SCRIPT + b"*/=1", "image/gif", "inline"),
    "gif-named-html": ("gif.html", GIF + SCRIPT, "application/octet-stream", "attachment"),
    "html-named-png": ("html.png", SCRIPT, "image/png", "inline"),
    "html-named-txt": ("html.txt", SCRIPT, "text/plain; charset=utf-8", "inline"),
    "pdf-that-is-html": ("both.pdf", b"%PDF-1.7\n" + SCRIPT, "application/pdf", "attachment"),
    "svg-with-script": ("script.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "image/svg+xml", "attachment"),
    "svg-named-png": ("svg.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", "inline"),
    "zip-after-gif": ("jar.gif", GIF + b"PK\x03\x04" + bytes(40), "image/gif", "inline"),
    "html-then-png": ("x.html.png", SCRIPT, "image/png", "inline"),
    "utf7-txt": ("utf7.txt", b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "text/plain; charset=utf-8", "inline"),
    "utf16-txt": ("utf16.txt", SCRIPT.decode().encode("utf-16"), "text/plain; charset=utf-8", "inline"),
}
for name, (file, content, content_type, disposition) in POLYGLOTS.items():
    send(f"polyglot-{name}", request(f"/s/media/polyglots/{file}"),
         untrusted_upload(content_type, disposition), body(content), local=True)

# 16. Content negotiation: none.

for coding in ("gzip", "br", "zstd", "deflate", "*", "gzip, br", "identity;q=0, gzip"):
    send(f"negotiation-{coding}", request("/s/media/u/a.png", headers=[f"Accept-Encoding: {coding}"]),
         untrusted_upload("image/png", "inline"), body(PNG), local=True)
send("negotiation-text-is-not-compressed",
     request("/s/media/u/long.txt", headers=["Accept-Encoding: gzip, br"]),
     untrusted_upload("text/plain; charset=utf-8", "inline"), local=True)
send("negotiation-compressed-copy-is-octet-stream", request("/s/media/u/a.png.gz"), OCTET_STREAM, local=True)
send("negotiation-language", request("/s/media/u/a", headers=["Accept-Language: png"]), *NOT_FOUND,
     local=True)

# 17. Caching.

HASHED = "/s/static/lib/app.0123456789ab.js"
for name, target, wanted in (
    ("hashed", HASHED, "max-age=31536000, immutable"),
    ("unhashed", "/s/static/lib/app.js", "max-age=3600"),
    ("hash-too-short", "/s/static/lib/app.0123456789a.js", "max-age=3600"),
    ("hash-too-long", "/s/static/lib/app.0123456789abc.js", "max-age=3600"),
    ("hash-upper-case", "/s/static/lib/app.0123456789AB.js", "max-age=3600"),
    ("hash-in-a-directory", "/s/static/lib.0123456789ab.d/app.js", "max-age=3600"),
    ("hash-no-extension", "/s/static/lib/app.0123456789ab", "max-age=3600"),
    ("query-is-no-hash", "/s/static/lib/app.js?.0123456789ab.js", "max-age=3600"),
):
    send(f"cache-{name}", request(target), status(200), header("Cache-Control", wanted))
send("cache-missing-hashed", request("/s/static/lib/none.0123456789ab.js"), status(404),
     header("Cache-Control", None))
send("cache-refused-hashed", request(HASHED, "POST"), status(405), header("Cache-Control", None))
send("cache-hashed-below-media", request("/s/media/u/app.0123456789ab.js"), OCTET_STREAM,
     cache("max-age=3600"), local=True)
send("cache-missing-upload", request("/s/media/none.png"), status(404), cache(None), local=True)
send("cache-error-keeps-security-headers", request("/s/media/none.html"), status(404),
     header("X-Content-Type-Options", "nosniff"),
     header("Content-Security-Policy", re.compile(".*sandbox.*")), local=True)


def not_modified(target: str, wanted: dict[str, str | None]):
    def run(site: Site) -> None:
        modified = site.raw(request(target))["Last-Modified"]
        response = site.raw(request(target, headers=[f"If-Modified-Since: {modified}"]))
        assert response.status == 304, describe(response)
        for name, value in wanted.items():
            assert site.local or response[name] == value, f"{name}: {response[name]}"
        assert response["Content-Disposition"] is None, describe(response)

    return run


case("cache-unchanged-upload", not_modified("/s/media/u/a.png", {"Cache-Control": "max-age=3600"}),
     local=True)
case("cache-unchanged-hashed", not_modified(HASHED, {"Cache-Control": "max-age=31536000, immutable"}))


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
    response = site.raw(request(f"/s/media/u/{file.name}"))
    assert response.status == 404, describe(response)


case("cache-upload-requested-too-early", requested_too_early, local=True)
case("cache-deleted-upload", deleted, local=True)

# 18. Static files: types, compression, and no access to the manifest.

STATIC = {
    "mjs": "text/javascript; charset=utf-8", "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8", "webmanifest": "application/manifest+json; charset=utf-8",
    "map": "application/json; charset=utf-8", "json": "application/json; charset=utf-8",
    "woff2": "font/woff2", "woff": "font/woff", "ttf": "font/ttf", "otf": "font/otf",
    "wasm": "application/wasm", "svg": "image/svg+xml", "ico": "image/x-icon",
    "png": "image/png", "html": "text/html; charset=utf-8", "weird": "application/octet-stream",
}
for extension, content_type in STATIC.items():
    send(f"static-type-{extension}", request(f"/s/static/lib/file.{extension}"), status(200), by_nginx,
         header("Content-Type", content_type), header("X-Content-Type-Options", "nosniff"),
         header("Content-Disposition", None), local=True)
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


def compressed(name: str, accept: str | None, wanted: str | None, wanted_without_brotli=...) -> None:
    """Add a case: the Content-Encoding of a static file, with and without nginx's brotli module."""
    if wanted_without_brotli is ...:
        wanted_without_brotli = wanted

    def run(site: Site) -> None:
        file = next(site.static.glob("admin/css/base.*.css"))
        target = f"/s/static/admin/css/{file.name}"
        response = site.raw(request(target, headers=[f"Accept-Encoding: {accept}"] if accept else []))
        coding = response["Content-Encoding"]
        assert response.status == 200 and response["Vary"] == "Accept-Encoding", describe(response)
        assert coding == (wanted if site.brotli else wanted_without_brotli), describe(response)
        suffix = {"gzip": ".gz", "br": ".br", None: ""}[coding]
        assert response.body == Path(f"{file}{suffix}").read_bytes(), len(response.body)
        assert response["Content-Type"] == "text/css; charset=utf-8", describe(response)
        assert response["Cache-Control"] == "max-age=31536000, immutable", describe(response)

    case(f"static-compressed-{name}", run)


compressed("gzip", "gzip", "gzip")
compressed("brotli", "br", "br", wanted_without_brotli=None)
compressed("both", "gzip, br", "br", wanted_without_brotli="gzip")
compressed("refused", "gzip;q=0", None)
compressed("not-requested", None, None)
compressed("unknown", "compress", None)

# 19. Private uploads: only through a view that authorizes the request.

for name, target in {
    "plain": "/s/private/paper.html",
    "directory": "/s/private/",
    "without-slash": "/s/private",
    "encoded": "/s/%70rivate/paper.html",
    "two-slashes": "//s//private//paper.html",
    "dots": "/s/media/../private/paper.html",
    "encoded-dots": "/s/media/%2e%2e/private/paper.html",
    "encoded-slash": "/s%2fprivate%2fpaper.html",
    "dot-segment": "/./s/./private/./paper.html",
    "below-media": "/s/media/private/paper.html",
    "off-by-slash": "/s/media../private/paper.html",
    "query": "/s/private/paper.html?a",
    "upper-case": "/s/PRIVATE/paper.html",
    "dotfile": "/s/private/.hidden",
}.items():
    send(f"private-{name}", request(target), refused, local=True)
for line in ("X-Accel-Redirect: /s/private/paper.html", "X-Sendfile: /s/private/paper.html",
             "X-Original-URL: /s/private/paper.html", "Referer: https://$DOMAIN/admin/"):
    send(f"private-header-{line.split(':')[0]}", request("/s/private/paper.html", headers=[line]),
         refused, by_nginx, local=True)
for method in ("POST", "HEAD", "PUT"):
    send(f"private-{method}", request("/s/private/paper.html", method), refused, local=True)


def with_cookie(target: str, who: str, *checks, lines=()):
    def run(site: Site) -> None:
        cookie = getattr(site, who)
        response = site.raw(request(target, headers=[f"Cookie: sessionid={cookie}", *lines]))
        for check in checks:
            check(response, site)

    return run


PAPER = untrusted_upload("application/octet-stream", "attachment")


def not_cacheable(response, site):
    assert {"private", "no-store"} <= {*response["Cache-Control"].split(", ")}, describe(response)


def redirects_to_login(response, site):
    assert response.status == 302 and "login" in response["Location"], describe(response)
    assert SECRET not in response.raw


def hides_internal_url(response, site):
    """The internal URL does not reach the client."""
    assert response["X-Accel-Redirect"] is None and b"/s/private" not in response.raw, describe(response)


send("private-view-anonymous", request("/papers/paper.html"), redirects_to_login, local=True)
send("private-admin-view-anonymous", request("/admin/private/paper.html"), redirects_to_login, local=True)
case("private-admin-view-without-staff-status",
     with_cookie("/admin/private/paper.html", "cookie", redirects_to_login), local=True)
case("private-view-logged-in",
     with_cookie("/papers/paper.html", "cookie", PAPER, body(SECRET), not_cacheable, hides_internal_url),
     local=True)
case("private-admin-view-staff",
     with_cookie("/admin/private/paper.html", "staff", PAPER, body(SECRET), not_cacheable),
     local=True)
case("private-image-is-inline",
     with_cookie("/papers/face.png", "cookie", untrusted_upload("image/png", "inline"), body(PNG)),
     local=True)
case("private-odd-name",
     with_cookie("/papers/" + quote("odd name é%2f?#.txt"), "cookie", body(SECRET)),
     local=True)
case("private-view-missing", with_cookie("/papers/none.txt", "cookie", status(404)), local=True)
case("private-view-directory", with_cookie("/papers/directory", "cookie", status(404)), local=True)
for name, path in {
    "traversal": "../secret.txt", "encoded-traversal": "%2e%2e/secret.txt",
    "all-encoded-traversal": "..%2fsecret.txt", "twice-encoded": "%252e%252e%252fsecret.txt",
    "absolute": "/etc/passwd", "absolute-encoded": "%2fetc%2fpasswd", "nul": "paper.html%00",
    "dotfile": ".hidden", "symlink": "symlink.txt", "newline": "paper.html%0d%0aX-Evil:1",
}.items():
    case(f"private-view-{name}",
         with_cookie(f"/papers/{path}", "cookie", refused), local=True)

# 20. Uploading: random names, atomic writes, permissions, error messages.

PHOTOS = "/admin/welcome/photo/add/"


def upload(site: Site, filename: bytes, content: bytes, session: str | None = None):
    """Upload a photo in the admin, as staff by default. Return the response and the new file."""
    fields = {"csrfmiddlewaretoken": CSRF}
    content_type, data = form(fields, {"image": (filename, content)})
    head = [
        f"Cookie: sessionid={site.staff if session is None else session}; csrftoken={CSRF}",
        f"Referer: {'http' if site.local else 'https'}://{site.domain}/",
        f"Content-Type: {content_type}",
    ]
    with site.lock:
        before = {*site.media.rglob("*")}
        response = site.raw(request(PHOTOS, "POST", head, data))
        new = {file for file in {*site.media.rglob("*")} - before if file.is_file()}
        new = {file for file in new if "photos" in file.parts}
        assert not [file for file in new if file.name.startswith(".")], f"partial upload: {new}"
    assert len(new) < 2, new
    return response, next(iter(new), None)


def upload_accepted(filename: bytes, content: bytes = PNG, extension: str = ".png", cut: bytes = b""):
    """An image is stored, without the content to `cut` after its end."""

    def run(site: Site) -> None:
        response, file = upload(site, filename, content + cut)
        assert response.status == 302 and file, describe(response)
        assert re.fullmatch(rf"[\w-]{{22}}{re.escape(extension)}", file.name), file
        assert file.parent == site.media / "photos" and file.read_bytes() == content, file
        assert stat.S_IMODE(file.stat().st_mode) == 0o644, oct(file.stat().st_mode)
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o755, oct(file.parent.stat().st_mode)
        served = site.raw(request(f"/s/media/photos/{file.name}"))
        untrusted_upload(f"image/{extension[1:]}", "inline")(served, site)
        assert served.body == content

    return run


for name, filename in {
    "plain": b"me.png",
    "traversal": b"../../../evil.png",
    "backslashes": b"..\\..\\evil.png",
    "absolute": b"/etc/cron.d/evil.png",
    "directories": b"a/b/c.png",
    "dotfile": b".evil.png",
    "script": b"<script>alert(1)</script>.png",
    "newline": b"a%0d%0aX-Evil: 1.png",
    "spaces": b"  .. evil .. .png",
    "upper-case": b"ME.PNG",
    "double-extension": b"evil.html.png",
    "device": b"con.png",
    "unicode": "\u202egnp.evil.png".encode(),
    "long": b"a" * 300 + b".png",
    "quote": b"a\\\".png",
}.items():
    case(f"upload-named-{name}", upload_accepted(filename), local=True)
case("upload-polyglot", upload_accepted(b"me.png", cut=SCRIPT), local=True)
case("upload-gif-polyglot", upload_accepted(b"me.gif", GIF + SCRIPT, ".gif"), local=True)


def same_name(site: Site):
    files = {upload(site, b"same.png", PNG)[1] for _ in range(3)}
    assert len(files) == 3 and all(file.read_bytes() == PNG for file in files if file), files


case("upload-same-name-three-times", same_name, local=True)


def upload_rejected(filename: bytes, content: bytes, message: bytes):
    def run(site: Site) -> None:
        response, file = upload(site, filename, content)
        assert file is None, file
        assert response.status == 200 and by_django(response), describe(response)
        assert message in response.body, re.findall(rb"<ul class=.errorlist.*", response.body)

    return run


BOMB = png(width=40_000, height=40_000, rows=b"")
IMAGE = b"Upload a valid image"
FORMAT = b"Upload a PNG, JPEG, GIF, WebP or AVIF image."
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"
for name, filename, content, message in (
    ("html", b"me.html", SCRIPT, IMAGE),
    ("html-named-png", b"me.png", SCRIPT, IMAGE),
    ("svg", b"me.svg", SVG, IMAGE),
    ("svg-named-png", b"me.png", SVG, IMAGE),
    ("polyglot-named-html", b"me.html", PNG + SCRIPT, FORMAT),
    ("polyglot-named-svg", b"me.svg", PNG + SVG, FORMAT),
    ("image-without-extension", b"me", PNG, FORMAT),
    ("image-named-php", b"me.png.php", PNG, FORMAT),
    ("script-before-an-image", b"me.png", SCRIPT + PNG, IMAGE),
    ("broken-image", b"me.png", PNG[:40], IMAGE),
    ("other-image-format", b"me.png", b"P6 1 1 255 abc", FORMAT),
    ("bitmap", b"me.bmp", b"BM", IMAGE),
    ("postscript", b"me.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n%%EndComments\n", FORMAT),
    ("empty", b"me.png", b"", b"empty"),
    ("too-large", b"me.png", PNG + bytes(10 * MEGABYTE), b"The maximum size is 10.0"),
    ("bomb", b"me.png", BOMB, IMAGE),
):
    case(f"upload-rejected-{name}", upload_rejected(filename, content, message), local=True)


def upload_without_token(site: Site):
    head = [f"Cookie: sessionid={site.staff}", "Content-Type: multipart/form-data; boundary=b"]
    with site.lock:
        response = site.raw(request(PHOTOS, "POST", head, b"--b--"))
    assert response.status == 403, describe(response)


def upload_as(session: str):
    """An upload that redirects to the login and stores nothing."""

    def run(site: Site) -> None:
        response, file = upload(site, b"me.png", PNG, getattr(site, session) if session else "")
        redirects_to_login(response, site)
        assert file is None, file

    return run


case("upload-without-token", upload_without_token, local=True)
case("upload-anonymous", upload_as(""), local=True)
case("upload-without-staff-status", upload_as("cookie"), local=True)

# 21. No version numbers, in any response.

for name, target, options in (
    ("page", "/", {}),
    ("missing-page", "/nowhere/", {}),
    ("static", "/s/static/welcome/welcome.css", {}),
    ("missing-file", "/s/nothing", {}),
    ("upload", "/s/media/u/a.png", {}),
    ("refused-method", "/s/media/u/a.png", {"method": "POST"}),
    ("bad-request", "/%zz", {}),
    ("long-url", "/" + "a" * 9000, {}),
    ("too-large", "/", {"method": "POST", "headers": ["Content-Length: 999999999"]}),
):
    send(f"version-{name}", request(target, **options), no_versions)
send("version-redirect", request("/"), no_versions, tls=False)
send("version-redirect-www", request("/", host="www.$DOMAIN"), no_versions, sni="www.$DOMAIN")
send("version-page-is-not-compressed", request("/", headers=["Accept-Encoding: gzip"]), status(200),
     header("Content-Encoding", None))

send("version-bad-request-to-default-server", b"GET /\0 HTTP/1.1\r\n\r\n", no_versions, tls=False)


def plain_on_the_tls_port(site):
    with socket.create_connection(("127.0.0.1", site.https), timeout=5) as connection:
        connection.sendall(site.encode(request("/echo/")))
        response = read(connection)
    assert response is None or response.status == 400, describe(response)
    if response:
        no_versions(response, site)


case("version-plain-request-on-the-tls-port", plain_on_the_tls_port)
send("static-404-has-nosniff", request("/s/static/none.js"), status(404),
     header("X-Content-Type-Options", "nosniff"), header("Cache-Control", None))
send("cache-missing-upload-is-no-download", request("/s/media/none.png"), status(404),
     header("Content-Disposition", None))


# 22. HTTP/2, with frames that a client library would refuse to send.


def frame(frame_type: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([frame_type, flags]) + stream.to_bytes(4) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A header field without indexing, RFC 7541, 6.2.2; lengths below 127."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def http2_status(site: Site, fields: list[tuple[str, str]]) -> int | None:
    """Return the status of one request over HTTP/2, or None if the connection or stream is closed."""
    encoded = b"".join(literal(*(site.expand(part).encode() for part in pair)) for pair in fields)
    with site.connect(alpn=["h2"]) as connection:
        assert connection.selected_alpn_protocol() == "h2", "no HTTP/2"
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 5, 1, encoded))
        raw = b""
        while True:
            try:
                received = connection.recv(65536)
            except (ssl.SSLError, ConnectionError):
                received = b""
            raw += received
            while len(raw) >= 9 and len(raw) >= 9 + int.from_bytes(raw[:3]):
                length, frame_type = int.from_bytes(raw[:3]), raw[3]
                payload, raw = raw[9 : 9 + length], raw[9 + length :]
                if frame_type in {3, 7}:  # RST_STREAM, GOAWAY
                    return None
                if frame_type == 1:  # HEADERS
                    while payload[0] & 0xE0 == 0x20:  # dynamic table size update
                        payload = payload[1:]
                    if payload[0] & 0x80:
                        return [200, 204, 206, 304, 400, 404, 500][(payload[0] & 0x7F) - 8]
                    return int(payload[2:5])
            if not received:
                return None


H2 = [(":method", "GET"), (":scheme", "https"), (":authority", "$DOMAIN"), (":path", "/echo/")]


def http2(name: str, wanted: set[int | None], *fields, **changed) -> None:
    base = [(key, changed.get(key.lstrip(":"), value)) for key, value in H2]
    base = [(key, value) for key, value in base if value is not None]

    def run(site: Site) -> None:
        found = http2_status(site, [*base, *fields])
        assert found in wanted, found

    case(f"http2-{name}", run)


REJECTED = {None, 400, 404, 405, 421}
http2("works", {200})
http2("static", {200}, path="/s/static/welcome/welcome.css")
http2("unknown-host", {None, 400}, authority="evil.example")
http2("two-hosts", {None, 400}, ("host", "evil.example"))
http2("host-instead", {None, 400}, ("host", "evil.example"), authority=None)
http2("no-host", {None, 400}, authority=None)
http2("newline-in-host", {None, 400}, authority="$DOMAIN\r\nX-A: 1")
http2("userinfo-in-host", REJECTED, authority="$DOMAIN@evil.example")
http2("newline-in-path", {None, 400}, path="/echo/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")
http2("space-in-path", REJECTED, path="/echo/ HTTP/1.1")
http2("path-without-slash", {None, 400}, path="echo/")
http2("traversal", REJECTED, path="/s/media/../../secret.txt")
http2("private", REJECTED, path="/s/private/paper.html")
http2("chunked", {None, 400, 200}, ("transfer-encoding", "chunked"))
http2("upper-case-header", {None, 400, 200}, ("X-Forwarded-Proto", "http"))
http2("newline-in-header", {None, 400}, ("x-a", "1\r\nx-forwarded-proto: http"))
http2("newline-in-header-name", {None, 400, 200}, ("x-a: 1\r\nx-b", "1"))
http2("newline-in-method", {None, 400, 405}, method="GET / HTTP/1.1\r\nX: ")
http2("connect", REJECTED, method="CONNECT")
http2("trace", REJECTED, method="TRACE")
http2("two-paths", {None, 400}, (":path", "/admin/"))
http2("two-methods", {None, 400}, (":method", "POST"))
http2("unknown-pseudo-header", {None, 400}, (":evil", "1"))


# 23. A separate domain for uploads serves nothing else.


def on_media_domain(name: str, target: str, *checks, **options) -> None:
    data = request(target, host="$MEDIA_DOMAIN", **options)
    send(f"media-domain-{name}", data, *checks, sni="$MEDIA_DOMAIN")


on_media_domain("upload", "/s/media/names/page.html", no_versions,
                untrusted_upload("application/octet-stream", "attachment", corp="cross-origin"))
for name, target in {
    "page": "/", "admin": "/admin/", "application": "/echo/", "served": "/s/",
    "static": "/s/static/welcome/welcome.css", "private": "/s/private/paper.html",
    "directory": "/s/media/", "dotfile": "/s/media/.env", "symlink": "/s/media/symlink-out.txt",
    "rest-of-the-web-root": "/secret.txt", "rest-of-served": "/s/secret.txt",
}.items():
    on_media_domain(f"not-{name}", target, *NOT_FOUND)


def slow_client_times(site: Site) -> dict[str, float]:
    """Return how many seconds nginx keeps the connection of each kind of slow client, all at once."""

    def silent_tls():
        return socket.create_connection(("127.0.0.1", site.https), timeout=16)

    def started(data: bytes, tls: bool = True):
        connection = site.connect(tls=tls, timeout=16)
        connection.sendall(site.encode(data))
        return connection

    top = b"GET / HTTP/1.1\r\nHost: $DOMAIN\r\n"
    post = b"POST /echo/ HTTP/1.1\r\nHost: $DOMAIN\r\nContent-Length: 1000\r\n\r\npart"
    clients = {
        "slow-header": lambda: started(top),
        "slow-header-without-tls": lambda: started(top, tls=False),
        "slow-silence": lambda: started(b""),
        "slow-handshake": silent_tls,
        "slow-body": lambda: started(post),
    }

    def measure(start) -> float:
        started_at = time.monotonic()
        with start() as connection:
            try:
                connection.recv(1)
            except TimeoutError:
                return float("inf")
            except OSError:
                pass
        return time.monotonic() - started_at

    with ThreadPoolExecutor(len(clients)) as pool:
        return dict(zip(clients, pool.map(measure, clients.values()), strict=True))


def check_unavailable(site: Site) -> None:
    """Check the responses while the application is stopped."""
    for method in ("GET", "POST"):
        response = site.raw(request("/", method))
        assert response.status == 503 and b"<h1>Back in a moment" in response.body, describe(response)
        assert response["Retry-After"] and response["Cache-Control"] == "no-store", describe(response)
        assert response["Content-Type"] == "text/html; charset=utf-8", describe(response)
        no_versions(response, site)
    assert site.raw(request("/s/media/u/a.png")).body == PNG
    assert site.raw(request("/s/private/paper.html")).status == 404


def create_test_files(site: Site) -> None:
    """Create the files that the cases request, among uploads and static files."""
    media, static, private = site.media, site.static, site.private
    # nginx runs as another user and must be able to read these files.
    old = os.umask(0o022)
    try:
        for directory in ("u", "names", "polyglots", "directory/index", "directory.png", "closed", "photos",
                       ".git", ".well-known", ".directory"):
            (media / directory).mkdir(parents=True, exist_ok=True)
        for directory in (static / "lib", static / "lib.0123456789ab.d", private / "directory"):
            directory.mkdir(parents=True, exist_ok=True)
        web_root = media.parent.parent
        for file in (web_root / "secret.txt", web_root / "s/secret.txt", media / "closed/secret.txt",
                     media / "unreadable.txt", private / "paper.html", private.parent / "secret.txt",
                     private / ".hidden", private / "odd name é%2f?#.txt"):
            file.write_bytes(SECRET)
        (private / "face.png").write_bytes(PNG)
        for name in NAMES.values():
            (media / "names" / name).write_bytes(SCRIPT)
        for extension in INLINE:
            (media / f"names/inline.{extension}").write_bytes(SCRIPT)
        for name in ("page.svg", "PAGE.SVG", "page.pdf", "PAGE.PDF"):
            (media / "names" / name).write_bytes(SCRIPT)
        for name, content, _, _ in POLYGLOTS.values():
            (media / "polyglots" / name).write_bytes(content)
        for name, content in {
            "u/a.png": PNG, "u/a.png.gz": SCRIPT, "u/a.png.br": SCRIPT, "u/a.png.zst": SCRIPT,
            "u/page.html": SCRIPT, "u/v.mp4": VIDEO, "u/empty.txt": b"", "u/long.txt": b"a" * 9000,
            "u/long.txt.gz": SCRIPT, "u/long.txt.br": SCRIPT, "u/app.0123456789ab.js": SCRIPT,
            "u/.hidden.png": SECRET, "directory/index.html": SECRET, "directory/index/index.html": SECRET,
            ".env": SECRET, ".htaccess": SECRET, ".htpasswd": SECRET, ".git/config": SECRET,
            ".DS_Store": SECRET, "..hidden": SECRET, "...": SECRET, ".well-known/a.txt": SECRET,
            ".directory/a.png": SECRET, f".{'0' * 16}.part": SECRET,
        }.items():
            (media / name).write_bytes(content)
        for name in ("app.js", "app.0123456789ab.js", "app.0123456789a.js", "app.0123456789abc.js",
                     "app.0123456789AB.js", "app.0123456789ab", "../lib.0123456789ab.d/app.js"):
            (static / "lib" / name).write_bytes(b"1")
        for extension in STATIC:
            (static / f"lib/file.{extension}").write_bytes(b"x" * 30)
        (static / ".gitkeep").write_bytes(SECRET)
        for name, target in {
            "symlink-out.txt": web_root / "secret.txt", "symlink-directory": web_root,
            "symlink-within.png": media / "u/a.png", "symlink-relative.txt": "../../secret.txt",
            "symlink-dangling.txt": "/nowhere", "symlink-loop.txt": "symlink-loop.txt",
            "symlink-private.html": private / "paper.html",
        }.items():
            (media / name).symlink_to(target)
        (private / "symlink.txt").symlink_to(web_root / "secret.txt")
        os.mkfifo(media / "fifo.png")
        with socket.socket(socket.AF_UNIX) as bound:
            before = os.getcwd()
            os.chdir(media)  # the path of a socket has a maximum length
            bound.bind("socket.png")
            os.chdir(before)
        (media / "unreadable.txt").chmod(0)
        (media / "closed").chmod(0)
    finally:
        os.umask(old)


def run_all(site: Site, names=None) -> dict[str, str]:
    """Run cases in parallel; return those that failed, each with the reason."""

    def run(name: str) -> str:
        try:
            CASES[name](site)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    names = list(names or CASES)
    with ThreadPoolExecutor(16) as pool:
        return {name: reason for name, reason in zip(names, pool.map(run, names), strict=True) if reason}
