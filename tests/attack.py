"""Attacks on a running site over raw sockets: a table of cases, each a name and what must hold.

What a browser or a client library would tidy up is sent as it stands. A case is a function of
the site; it raises AssertionError where the site gives way.
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

SECRET = b"TOP-SECRET-THAT-NOBODY-MAY-READ"
SCRIPT = b"<!doctype html><script>document.title='run'</script>"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415478"
    "9c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
GIF = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
CSRF = "a" * 32

# What the development server does otherwise, on purpose.
DIFFERENCES = """
Nothing is cached: every answer below the served URL says no-cache.
Static files come from their sources: no hashed names, no compressed twins, no manifest.
Ranges are not cut out: the whole file is sent.
Dot segments in an address are refused, not resolved.
A malformed request is answered by Python's HTTP server: 400 or 404, the words are its own.
Hosts, TLS, forwarded headers and the size of a request are nginx's part: there is none.
""".strip().splitlines()


@dataclass
class Answer:
    """A response as it came over the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    raw: bytes

    def __getitem__(self, name: str) -> str | None:
        """The value of a header, all of them with commas if there are several, or None."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def django(self) -> bool:
        """Whether Django answered."""
        return self["X-Django"] is not None


@dataclass
class Site:
    """A site under attack. `raw` sends bytes and returns the answer, or None if there is none."""

    domain: str
    https: int
    http: int | None
    media: Path
    static: Path
    private: Path
    local: bool = False
    brotli: bool = False  # whether nginx has the module
    cookie: str = ""  # of somebody who is signed in, and no more
    staff: str = ""  # of somebody who may enter the admin
    log: Callable[[], str] = lambda: ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def uploads(self) -> str:
        """The domain of their own that uploads may have."""
        return self.domain.replace(".", "-uploads.", 1)

    def connect(self, sni: str | None = "", tls: bool = True, alpn=(), timeout=5, versions=None):
        """Return a connection; `sni` is the site's own name by default, None for none."""
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
            with warnings.catch_warnings(action="ignore"):  # versions that are not to be used
                context.minimum_version, context.maximum_version = versions
        if alpn:
            context.set_alpn_protocols(list(alpn))
        try:
            name = (sni or "{}").replace("{}", self.domain).replace("$UPLOADS", self.uploads)
            name = None if sni is None else name
            return context.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise

    def raw(self, data: bytes, sni: str | None = "", tls: bool = True) -> Answer | None:
        data = data.replace(b"$DOMAIN", self.domain.encode())
        data = data.replace(b"$UPLOADS", self.uploads.encode())
        data = data.replace(b"$UPPER", self.domain.upper().encode())
        try:
            with self.connect(sni, tls) as line:
                line.sendall(data)
                return read(line, data.startswith(b"HEAD "))
        except (ssl.SSLError, ConnectionError):
            return None


def read(line, head: bool = False) -> Answer | None:
    """Return the first answer on a connection, or None where it is closed without one."""
    raw = b""

    def more() -> bytes:
        try:
            return line.recv(65536)
        except (ssl.SSLError, ConnectionError):
            return b""

    while b"\r\n\r\n" not in raw:
        if not (part := more()):
            if not raw:
                return None
            return Answer(0, [], raw, raw)  # HTTP/0.9: no header
        raw += part
    top, body = raw.split(b"\r\n\r\n", 1)
    first, *lines = top.decode("latin-1").split("\r\n")
    headers = [tuple(line.split(": ", 1)) if ": " in line else (line, "") for line in lines]
    answer = Answer(int(first.split()[1]), headers, b"", b"")
    if answer.status == 100:
        return answer
    length = None if head or answer.status in {204, 304} else answer["Content-Length"]
    if head or answer.status in {204, 304}:
        length = "0"
    while len(body) < int(length) if length is not None else True:
        if length is None and answer["Transfer-Encoding"] and body.endswith(b"0\r\n\r\n"):
            break
        if not (part := more()):
            break
        body += part
    answer.raw = top + b"\r\n\r\n" + body
    if answer["Transfer-Encoding"]:
        body = unchunked(body)
    answer.body = body
    return answer


def unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, body = body.split(b"\r\n", 1)
        length = int(size.split(b";")[0], 16)
        whole, body = whole + body[:length], body[length + 2 :]
        if not length:
            break
    return whole


def ask(
    target: str | bytes, method="GET", headers=(), body=b"", host="$DOMAIN", version="1.1"
) -> bytes:
    """Return a request as it goes over the wire; `host` None leaves the header out."""
    target = target.encode() if isinstance(target, str) else target
    lines = [f"{method} ".encode() + target + f" HTTP/{version}".encode()]
    if host is not None:
        lines.append(b"Host: " + (host.encode() if isinstance(host, str) else host))
    lines += [line.encode("latin-1") if isinstance(line, str) else line for line in headers]
    if body and not any(line.lower().startswith((b"content-l", b"transfer")) for line in lines):
        lines.append(f"Content-Length: {len(body)}".encode())
    return b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body


# Cases ------------------------------------------------------------------------------------------

CASES: dict[str, Callable[[Site], None]] = {}
LOCAL: set[str] = set()  # what the development server must withstand as well


def case(name: str, run: Callable[[Site], None], local: bool = False) -> None:
    """Put a case into the table."""
    assert name not in CASES, name
    CASES[name] = run
    if local:
        LOCAL.add(name)


def send(name: str, data: bytes, *checks, local: bool = False, **connection) -> None:
    """Put a case of one request into the table: each check gets the answer and the site."""

    def run(site: Site) -> None:
        answer = site.raw(data, **connection)
        for check in checks:
            check(answer, site)

    case(name, run, local)


def said(answer: Answer | None) -> str:
    return "no answer" if answer is None else f"{answer.status} {answer.headers} {answer.body[:200]}"


def refused(answer, site):
    """No answer, or one that says no."""
    assert answer is None or 400 <= answer.status < 500 or answer.status == 501, said(answer)
    assert answer is None or SECRET not in answer.raw


def by_nginx(answer, site):
    assert answer is None or site.local or not answer.django, said(answer)


def closed(answer, site):
    assert answer is None, said(answer)


def status(*wanted):
    def check(answer, site):
        assert answer is not None and answer.status in wanted, said(answer)

    return check


def header(name, wanted):
    """A header's value: as given, or with None absent, or fitting a pattern."""

    def check(answer, site):
        value = answer[name]
        if isinstance(wanted, re.Pattern):
            assert value is not None and wanted.fullmatch(value), f"{name}: {value}"
        else:
            assert value == wanted, f"{name}: {value}"

    return check


def cache(wanted):
    check = header("Cache-Control", wanted)
    return lambda answer, site: site.local or check(answer, site)


def body(wanted: bytes):
    def check(answer, site):
        assert answer.body == wanted, answer.body[:200]

    return check


def no_versions(answer, site):
    assert answer["Server"] == "nginx" and answer["X-Powered-By"] is None, answer.headers
    assert not re.search(rb"nginx/\d|unicorn|Django/", answer.raw), said(answer)


def hostile(kind: str, disposition: str):
    """What every upload is answered with: a type of ours, and nothing that runs."""

    def check(answer, site):
        assert answer is not None and answer.status in {200, 206}, said(answer)
        assert answer["Content-Type"] == kind, said(answer)
        assert answer["Content-Disposition"] == disposition, said(answer)
        assert answer["X-Content-Type-Options"] == "nosniff", said(answer)
        policy = (answer["Content-Security-Policy"] or "").split("; ")
        assert {"sandbox", "default-src 'none'", "frame-ancestors 'self'"} <= {*policy}, policy
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin", said(answer)
        assert answer["Content-Encoding"] is None, said(answer)
        assert answer["Set-Cookie"] is None, said(answer)
        assert "immutable" not in (answer["Cache-Control"] or ""), said(answer)
        by_nginx(answer, site)

    return check


BYTES = hostile("application/octet-stream", "attachment")
MISSING = (status(404), by_nginx)

# 1. Out of the folder, in every encoding. The secrets: www/secret.txt, var/secret.txt, the checkout.

for below in ("media", "static"):
    for name, way in {
        "dots": "../../secret.txt",
        "encoded-slash": "..%2f..%2fsecret.txt",
        "encoded-dots": "%2e%2e/%2e%2e/secret.txt",
        "all-encoded": "%2e%2e%2f%2e%2e%2fsecret.txt",
        "half-encoded": ".%2e/%2e./secret.txt",
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
        send(f"traversal-{below}-{name}", ask(f"/s/{below}/{way}"), refused, local=True)
for name, way in {
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
    send(f"traversal-{name}", ask(way), refused, local=True)

# 2. Bytes that have no place in an address.

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
    send(f"bytes-{name}", ask(target), refused, by_nginx)
for name, target in {
    "encoded-nul": "/s/media/u/a.png%00",
    "encoded-nul-and-ending": "/s/media/u/page.html%00.png",
    "encoded-newline": "/s/media/u/a.png%0a",
    "encoded-return-newline": "/s/media/u/a.png%0d%0aX-Evil:%201",
    "encoded-high-byte": "/s/media/u/%ff%fe.png",
    "encoded-surrogate": "/s/media/u/%ed%a0%80.png",
    "broken-percent": "/s/media/u/%zz.png",
    "half-percent": "/s/media/u/a.png%",
    "half-percent-digit": "/s/media/u/a.png%2",
    "encoded-space": "/s/media/u/a.png%20",
    "encoded-tab": "/s/media/u/a.png%09",
}.items():
    send(f"bytes-{name}", ask(target), refused, by_nginx, local=True)
send("bytes-high-byte-as-it-is", ask(b"/s/media/u/\xff.png"), refused, by_nginx)

# 3. Nothing of the client's gets into the redirect to https, or into another header.


def to_the_site(answer, site):
    assert answer.status == 301, said(answer)
    assert answer["Location"].startswith(f"https://{site.domain}/"), said(answer)
    assert answer["Set-Cookie"] is None and answer["X-Evil"] is None, said(answer)


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
    send(f"redirect-{name}", ask(target), to_the_site, tls=False)
    send(f"redirect-www-{name}", ask(target, host="www.$DOMAIN"), to_the_site, sni="www.{}")
send("redirect-with-a-port", ask("/", host="$DOMAIN:8080"), to_the_site, tls=False)
send("redirect-from-www", ask("/", host="www.$DOMAIN"), to_the_site, tls=False)
send("redirect-www-with-a-port", ask("/", host="www.$DOMAIN:8080"), to_the_site, sni="www.{}")
send("redirect-unknown-host", ask("/", host="evil.example"), closed, tls=False)
send(
    "redirect-absolute-address", ask("http://evil.example/", host="$DOMAIN"), closed, tls=False
)
send("redirect-www-keeps-https", ask("/", host="www.$DOMAIN"),
     header("Strict-Transport-Security", re.compile(r"max-age=\d{7,}")), sni="www.{}")


def never_elsewhere(answer, site):
    place = answer["Location"] or "/"
    assert place.startswith(("/", f"https://{site.domain}/")), said(answer)
    assert not place.startswith(("//", "/\\")), said(answer)


for name, target in {
    "two-slashes": "//evil.example/admin",
    "backslash": "/\\evil.example/admin",
    "encoded": "/%2f%2fevil.example/admin",
    "absolute-path": "///evil.example/%2e%2e",
}.items():
    send(f"redirect-by-django-{name}", ask(target), never_elsewhere)

# 4. Long and malformed requests.

send("long-address", ask("/" + "a" * 9000), status(414))
send("long-address-of-an-upload", ask("/s/media/" + "a" * 9000), status(414))
send("long-name", ask("/s/media/" + "a" * 300), *MISSING, local=True)
send("long-path", ask("/s/media/" + "a/" * 2000), *MISSING, local=True)
send("long-header", ask("/", headers=["X-Long: " + "a" * 9000]), status(400))
send("long-headers", ask("/", headers=[f"X-{n}: " + "a" * 4000 for n in range(12)]), status(400))
send("long-cookie", ask("/", headers=["Cookie: sessionid=" + "a" * 9000]), status(400))
send("long-method", ask("/", method="A" * 9000), refused, by_nginx)
for name, data in {
    "no-slash": b"GET s/media/ HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n",
    "no-version": b"GET /s/media/u/page.html\r\n\r\n",
    "future-version": b"GET / HTTP/9.9\r\nHost: $DOMAIN\r\n\r\n",
    "no-address": b"GET HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n",
    "lower-case-method": b"get / HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n",
    "star": b"GET * HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n",
    "header-without-colon": b"GET / HTTP/1.1\r\nHost $DOMAIN\r\n\r\n",
    "not-http": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    "http2-in-http1": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "smtp": b"EHLO $DOMAIN\r\nMAIL FROM:<a@b>\r\n\r\n",
}.items():

    def malformed(answer, site):
        assert answer is None or answer.status >= 400 or not answer.status, said(answer)
        assert answer is None or SCRIPT not in answer.raw

    send(f"malformed-{name}", data, malformed, by_nginx)

# 5. Methods: files are read, and nothing else.

for below in ("media/u/a.png", "static/welcome/welcome.css"):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "MKCOL", "MOVE",
                   "COPY", "LOCK", "SEARCH", "DEBUG", "ANYTHING"):

        def check(answer, site, below=below):
            assert answer is None or answer.status in {400, 405, 501}, said(answer)
            assert "max-age=31" not in ((answer and answer["Cache-Control"]) or "")
            if below.startswith("media"):
                assert (site.media / "u/a.png").read_bytes() == PNG

        send(f"method-{method}-{below.split('/')[0]}",
             ask(f"/s/{below}", method, ["Destination: /s/media/u/b.png"]),
             check, by_nginx, local=True)
for method in ("TRACE", "CONNECT", "TRACK"):

    def check(answer, site):
        assert answer is None or answer.status in {400, 403, 405, 501}, said(answer)
        assert answer is None or b"X-Mine" not in answer.body

    send(f"method-{method}", ask("/", method, ["X-Mine: 1"]), check)
send("method-CONNECT-elsewhere", ask("evil.example:443", "CONNECT"), refused, by_nginx)
send("method-PUT-new-file", ask("/s/media/u/new.html", "PUT", body=SCRIPT), refused, by_nginx,
     lambda _, site: _assert(not (site.media / "u/new.html").exists()))
send("method-HEAD-has-no-body", ask("/s/media/u/page.html", "HEAD"), BYTES, body(b""), local=True)
send("method-override", ask("/echo/", headers=["X-HTTP-Method-Override: DELETE"]),
     lambda answer, site: _assert(json.loads(answer.body)["method"] == "GET"))


def _assert(holds, text=""):
    assert holds, text


# 6. Hosts and names in the handshake. Django sees the site's own name, or nothing at all.


def own_host(answer, site):
    """Django was not asked, or under the site's own name."""
    if answer is not None and answer.django and answer.status == 200:
        assert json.loads(answer.body)["meta"]["HTTP_HOST"] == site.domain, said(answer)
    else:
        assert answer is None or 300 <= answer.status < 500, said(answer)
        if answer is not None and answer["Location"]:
            assert answer["Location"].startswith(f"https://{site.domain}/"), said(answer)


for name, host in {
    "unknown": "evil.example",
    "empty": "",
    "localhost": "localhost",
    "address": "127.0.0.1",
    "address6": "[::1]",
    "subdomain": "evil.$DOMAIN",
    "suffix": "$DOMAIN.evil.example",
    "prefix": "evil-$DOMAIN",
    "leading-dot": ".$DOMAIN",
    "underscore": "_",
    "wildcard": "*.example",
}.items():
    send(f"host-{name}", ask("/echo/", host=host), own_host, by_nginx)
    send(f"host-{name}-without-tls", ask("/echo/", host=host), own_host, by_nginx, tls=False)
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
    send(f"host-{name}", ask("/echo/", host=host), own_host)
for name, lines in {
    "twice": ["Host: evil.example"],
    "twice-the-same": ["Host: $DOMAIN"],
    "twice-upper-case": ["HOST: evil.example"],
    "space-before-colon": ["Host : evil.example"],
}.items():
    send(f"host-{name}", ask("/echo/", headers=lines), refused, by_nginx)
send("host-twice-unknown-first", ask("/echo/", host="evil.example", headers=["Host: $DOMAIN"]),
     refused, by_nginx)
send("host-missing", ask("/echo/", host=None), status(400), by_nginx)
send("host-missing-1.0", ask("/echo/", host=None, version="1.0"), own_host)
send("host-missing-1.0-without-tls", ask("/", host=None, version="1.0"), closed, tls=False)
send("host-absolute-address-unknown", ask("https://evil.example/echo/"), closed)
send("host-absolute-address-known", ask("https://$DOMAIN/echo/", host="evil.example"), own_host)
send("host-absolute-address-userinfo", ask("https://$DOMAIN@evil.example/echo/"), own_host)
send("host-absolute-address-other-scheme", ask("file:///etc/passwd"), refused, by_nginx)
send("sni-unknown", ask("/echo/"), closed, sni="evil.example")
send("sni-none", ask("/echo/"), closed, sni=None)
send("sni-unknown-with-unknown-host", ask("/", host="evil.example"), closed, sni="evil.example")
send("sni-known-with-unknown-host", ask("/echo/", host="evil.example"), closed)


def shows_no_certificate(site):
    try:
        with site.connect("evil.example") as line:
            raise AssertionError(line.getpeercert(True))
    except (ssl.SSLError, ConnectionError):
        pass


case("sni-unknown-sees-no-certificate", shows_no_certificate)
for name in ("TLSv1", "TLSv1_1"):

    def old_tls(site, name=name):
        with warnings.catch_warnings(action="ignore"):
            version = ssl.TLSVersion[name]
        try:
            with site.connect(versions=(version, version)) as line:
                raise AssertionError(line.version())
        except (ssl.SSLError, ConnectionError):
            pass

    case(f"tls-{name}", old_tls)


def tickets(site):
    version = ssl.TLSVersion.TLSv1_2
    with site.connect(versions=(version, version)) as line:
        line.sendall(ask("/s/").replace(b"$DOMAIN", site.domain.encode()))
        read(line)
        assert not line.session.has_ticket


case("tls-session-tickets", tickets)

# 7. Headers that a proxy sets are ours, whoever sends them.


def trusts(name: str, wanted: str | None):
    def check(answer, site):
        assert answer is not None and answer.status == 200, said(answer)
        seen = json.loads(answer.body)
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
    send(f"forwarded-{name}", ask("/echo/", headers=[f"{name}: http"]), trusts(meta, wanted))
for name, lines in {
    "proto-twice": ["X-Forwarded-Proto: http", "X-Forwarded-Proto: http"],
    "proto-list": ["X-Forwarded-Proto: http, https"],
    "proto-odd-case": ["x-FORWARDED-pRoTo: http"],
    "proto-underscores": ["X_Forwarded_Proto: http"],
    "proto-mixed-underscore": ["X-Forwarded_Proto: http"],
    "proto-hop-by-hop": ["Connection: close, X-Forwarded-Proto"],
    "proto-space-before-colon": ["X-Forwarded-Proto : http"],
}.items():

    def check(answer, site):
        if answer is not None and answer.status != 400:
            trusts("HTTP_X_FORWARDED_PROTO", "https")(answer, site)

    send(f"forwarded-{name}", ask("/echo/", headers=lines), check)
send("forwarded-for-list", ask("/echo/", headers=["X-Forwarded-For: 10.0.0.1, 10.0.0.2"]),
     trusts("HTTP_X_FORWARDED_FOR", "127.0.0.1"))
for name, line, meta in (
    ("script-name", "SCRIPT_NAME: /evil", "HTTP_SCRIPT_NAME"),
    ("path-info", "PATH_INFO: /admin/", "HTTP_PATH_INFO"),
    ("remote-user", "REMOTE_USER: admin", "HTTP_REMOTE_USER"),
    ("underscored-host", "HTTP_HOST: evil.example", "HTTP_HTTP_HOST"),
):
    send(f"forwarded-{name}", ask("/echo/", headers=[line]), trusts(meta, None))
send("forwarded-original-url", ask("/echo/", headers=["X-Original-URL: /admin/"]),
     trusts("REQUEST_METHOD", "GET"))
send("forwarded-rewrite-url", ask("/echo/", headers=["X-Rewrite-URL: /admin/"]),
     trusts("REQUEST_METHOD", "GET"))
send("forwarded-upgrade-h2c", ask("/echo/", headers=["Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]),
     trusts("REQUEST_METHOD", "GET"))
send("forwarded-websocket", ask("/echo/", headers=["Upgrade: websocket", "Connection: Upgrade"]),
     status(200, 400))

# 8. One request is one request.


def smuggle(name: str, lines: list[str | bytes], content: bytes, *checks) -> None:
    """A request with a second one hidden in it; Django must not see the second."""
    hidden = f"/smuggled-{name}/".encode()

    def run(site: Site) -> None:
        inner = b"GET " + hidden + b" HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n"
        data = ask("/echo/", "POST", lines, content.replace(b"$HIDDEN", inner))
        data = data.replace(b"Connection: close\r\n", b"")
        answer = site.raw(data + b"")
        for check in checks:
            check(answer, site)
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
    smuggle(name, [*lines, "Content-Length: 0"], b"", own_host)


def chunked_10(site):
    answer = site.raw(
        ask("/echo/", "POST", ["Transfer-Encoding: chunked"], b"0\r\n\r\n", version="1.0")
    )
    assert answer is None or answer.status in {200, 400}, said(answer)


case("smuggling-chunked-in-1.0", chunked_10)


def chunked_body(answer, site):
    seen = json.loads(answer.body)
    assert seen["length"] == 5 and "HTTP_TRANSFER_ENCODING" not in seen["meta"], seen


send("smuggling-chunks-are-put-together",
     ask("/echo/", "POST", ["Transfer-Encoding: chunked"], b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-Forwarded-Proto: http\r\n\r\n"),
     status(200), chunked_body)

# 9. Sizes: refused before they are read, with a sentence.

MEGABYTE = 1024 * 1024


def with_a_sentence(answer, site):
    assert b"maximum size is 10 MB" in answer.body and b"<h1>" in answer.body, said(answer)


def too_large(name: str, lines: list[str], content: bytes = b"") -> None:
    send(f"size-{name}", ask("/echo/", "POST", lines, content), status(413), with_a_sentence,
         by_nginx)


too_large("declared", [f"Content-Length: {14 * MEGABYTE}"])
too_large("declared-enormous", ["Content-Length: 999999999999999"])
too_large("declared-continue", [f"Content-Length: {14 * MEGABYTE}", "Expect: 100-continue"])
too_large("one-byte-over", [f"Content-Length: {13 * MEGABYTE + 1}"])


def chunked_flood(site):
    with site.connect() as line:
        head = ask("/echo/", "POST", ["Transfer-Encoding: chunked"])
        line.sendall(head.replace(b"$DOMAIN", site.domain.encode()))
        chunk = b"100000\r\n" + b"a" * MEGABYTE + b"\r\n"
        try:
            for _ in range(15):
                line.sendall(chunk)
        except OSError:
            pass
        answer = read(line)
    assert answer is None or answer.status == 413, said(answer)


case("size-chunked", chunked_flood)


def accepted(site):
    content = b"a" * (12 * MEGABYTE)
    head = ["Content-Type: multipart/form-data; boundary=b"]
    answer = site.raw(ask("/", "POST", head, content))
    assert answer.django and answer.status == 403, said(answer)  # no token, but it got there


case("size-what-django-takes-gets-there", accepted)


def fields_flood(site, fields: bytes):
    lines = ["Content-Type: application/x-www-form-urlencoded", f"Cookie: csrftoken={CSRF}"]
    lines += [f"Referer: https://{site.domain}/"]
    answer = site.raw(ask("/admin/login/", "POST", lines, fields))
    # Django does not read it to the end; nginx may find the line closed while it still sends.
    assert answer is None or answer.status in {400, 413, 503}, said(answer)


case("size-fields-in-bytes", lambda site: fields_flood(site, b"a=" + b"a" * (3 * MEGABYTE)))
case("size-fields-in-number", lambda site: fields_flood(site, b"a=1&" * 1200))
send("size-body-on-a-file", ask("/s/media/u/a.png", "POST", body=b"a" * 2 * MEGABYTE), refused,
     by_nginx)
send("size-body-of-a-read", ask("/s/media/u/a.png", headers=["Content-Length: 99999999"]),
     lambda answer, site: _assert(answer is None or answer.status in {200, 413}))

# 10. Ranges: one for video, none for floods.

VIDEO = bytes(range(256)) * 8


def ranged(name: str, value: str, *checks, target="/s/media/u/v.mp4", local=False) -> None:
    send(f"range-{name}", ask(target, headers=[f"Range: {value}"]), *checks, local=local)


def whole(answer, site):
    hostile("video/mp4", "inline")(answer, site)
    assert answer.status == 200 and answer.body == VIDEO, said(answer)


def part(answer, site):
    hostile("video/mp4", "inline")(answer, site)
    assert site.local or (answer.status == 206 and answer.body == VIDEO[10:20]), said(answer)


ranged("one", "bytes=10-19", part, local=True)
ranged("two", "bytes=0-9,20-29", whole, local=True)
ranged("hundreds", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 600, 2)), whole, local=True)
ranged("overlapping", "bytes=" + ",".join(["0-"] * 300), whole, local=True)
ranged("suffixes", "bytes=-1,-2,-3", whole, local=True)
ranged("backwards", "bytes=20-10", status(200, 416), local=True)
ranged("beyond", "bytes=999999-", status(200, 416), local=True)
ranged("overflow", "bytes=0-18446744073709551615", status(200, 206, 416), local=True)
ranged("another-unit", "lines=1-2", whole, local=True)
ranged("static-overlapping", "bytes=" + ",".join(["0-"] * 300), status(200),
       target="/s/static/welcome/welcome.css")

# 11. What lies on the disk: only plain files below the root are read.

NOT_READ = {
    "link-to-a-file": "link-out.txt",
    "link-to-a-folder": "link-folder/secret.txt",
    "link-within": "link-within.png",
    "link-relative": "link-relative.txt",
    "link-dangling": "link-dangling.txt",
    "link-loop": "link-loop.txt",
    "link-to-private": "link-private.html",
    "fifo": "fifo.png",
    "socket": "socket.png",
    "folder": "folder",
    "folder-with-slash": "folder/",
    "folder-with-index": "folder/index/",
    "folder-named-like-a-picture": "folder.png",
    "folder-named-like-a-picture-with-slash": "folder.png/",
    "file-with-slash": "u/a.png/",
    "file-as-a-folder": "u/a.png/b.png",
    "path-info": "u/page.html/a.png",
    "root": "",
    "unfinished": f".{'0' * 16}.part",
}
for name, path in NOT_READ.items():

    def run(site, path=path):
        begun = time.monotonic()
        answer = site.raw(ask(f"/s/media/{path}"))
        assert answer is not None and answer.status == 404, said(answer)
        assert SECRET not in answer.raw and b"Index of" not in answer.raw, said(answer)
        assert answer["Location"] is None and time.monotonic() - begun < 2, said(answer)
        by_nginx(answer, site)

    case(f"disk-{name}", run, local=True)
send("disk-unreadable", ask("/s/media/unreadable.txt"), *MISSING)
send("disk-unreadable-folder", ask("/s/media/closed/secret.txt"), *MISSING)
send("disk-listing-of-served", ask("/s/"), *MISSING, local=True)
send("disk-listing-of-static", ask("/s/static/"), *MISSING, local=True)
send("disk-listing-of-static-folder", ask("/s/static/admin/"), *MISSING, local=True)
send("disk-listing-without-slash", ask("/s/static/admin"), *MISSING, local=True)
send("disk-prefix-without-slash", ask("/s/media"), *MISSING, local=True)
send("disk-static-index", ask("/s/static/admin/index.html"), *MISSING, local=True)
send("disk-empty-file", ask("/s/media/u/empty.txt"),
     hostile("text/plain; charset=utf-8", "inline"), body(b""), local=True)

# 12. Names that begin with a dot.

for name in (".env", ".htaccess", ".htpasswd", ".git/config", ".DS_Store", "..hidden", "...",
             ".well-known/a.txt", "u/.hidden.png", ".folder/a.png"):
    send(f"dotfile-{name}", ask(f"/s/media/{name}"), *MISSING, local=True)
send("dotfile-encoded", ask("/s/media/%2eenv"), *MISSING, local=True)
send("dotfile-after-two-slashes", ask("/s/media//.env"), *MISSING, local=True)
send("dotfile-static", ask("/s/static/.gitkeep"), *MISSING, local=True)
send("dotfile-static-encoded", ask("/s/static/%2egitkeep"), *MISSING, local=True)

# 13. Every active type under every spelling of its name is bytes to be saved.

ACTIVE = ["html", "htm", "xhtml", "xht", "shtml", "shtm", "stm", "mht", "mhtml", "hta", "htc", "htt", "xml", "xsl", "xslt", "xsd", "rdf", "rss", "atom", "dtd", "ent", "mathml", "mml", "svgz", "js", "mjs", "cjs", "jsx", "ts", "css", "less", "json", "jsonld", "webmanifest", "manifest", "wasm", "appcache", "vbs", "vbe", "wsf", "wsh", "hta", "swf", "jar", "class", "jnlp", "php", "php3", "phtml", "phar", "py", "pl", "cgi", "rb", "jsp", "asp", "aspx", "cfm", "sh", "bat", "cmd", "exe", "msi", "dll", "scr", "com", "pif", "lnk", "url", "desktop", "reg", "ps1", "vcf", "ics", "eml", "doc", "docx", "xls", "xlsm", "rtf", "zip", "tar", "7z", "gz", "br", "iso", "dmg", "apk", "ttf", "woff2", "ico", "bmp", "tif", "psd", "eps", "ps", "heic", "md", "csv", "log", "conf", "sql"]
NAMES = {f"ending-{ending}": f"page.{ending}" for ending in dict.fromkeys(ACTIVE)}
NAMES |= {
    "upper-case": "PAGE.HTML",
    "mixed-case": "page.hTmL",
    "mixed-case-svgz": "page.SvGz",
    "no-ending": "page",
    "double-ending": "page.png.html",
    "double-ending-inert-in-the-middle": "page.html.png.xhtml",
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
    "cyrillic-ending": "page.p\u043fg",
    "zero-width": "page.png\u200b",
    "angle-brackets": "<script>.html",
    "quotes": "\"onload='x'.html",
    "backslash": "a\\page.html",
    "newline-in-the-name": "page\r\nX-Evil: 1.html",
    "unknown-ending": "page.whatever",
    "long-ending": "page." + "a" * 100,
    "only-an-ending": "page..html",
    "space-before-ending": "page. html",
    "backup": "page.html.bak",
}
for name, file in NAMES.items():
    send(f"type-{name}", ask(f"/s/media/names/{quote(file)}"), BYTES, body(SCRIPT),
         local="\n" not in file)  # Django's patterns end at a newline
send("type-query-does-not-help", ask("/s/media/names/page.html?a.png"), BYTES, local=True)
send("type-semicolon-does-not-help", ask("/s/media/names/page.html;a.png"), *MISSING, local=True)
send("type-matrix-does-not-help", ask("/s/media/names/page.html;/a.png"), *MISSING, local=True)
send("type-fragment-does-not-help", ask("/s/media/names/page.html#a.png"),
     lambda answer, site: _assert(answer.status != 200 or BYTES(answer, site) is None))
send("type-accept-does-not-help", ask("/s/media/names/page.html", headers=["Accept: text/html"]),
     BYTES, local=True)
send("type-encoded-name", ask("/s/media/names/%70%61%67%65%2e%68%74%6d%6c"), BYTES, local=True)

# 14. The short list of inert types opens; svg and pdf keep their type and are saved.

for ending, kind in {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "avif": "image/avif", "mp3": "audio/mpeg", "m4a": "audio/mp4",
    "mp4": "video/mp4", "webm": "video/webm", "txt": "text/plain; charset=utf-8",
}.items():
    send(f"inert-{ending}", ask(f"/s/media/names/inert.{ending}"), hostile(kind, "inline"),
         body(SCRIPT), local=True)
for ending, kind in {"svg": "image/svg+xml", "pdf": "application/pdf"}.items():
    send(f"inert-not-{ending}", ask(f"/s/media/names/page.{ending}"), hostile(kind, "attachment"),
         local=True)
    send(f"inert-not-{ending}-upper-case", ask(f"/s/media/names/PAGE.{ending.upper()}"),
         hostile(kind, "attachment"), local=True)

# 15. Polyglots: whatever the bytes are, the name decides, and nothing is sniffed.

POLYGLOTS = {
    "png-that-is-html": ("both.png", PNG + SCRIPT, "image/png", "inline"),
    "gif-that-is-script": ("both.gif", GIF + b"/*" + SCRIPT + b"*/=1", "image/gif", "inline"),
    "gif-named-html": ("gif.html", GIF + SCRIPT, "application/octet-stream", "attachment"),
    "html-named-png": ("html.png", SCRIPT, "image/png", "inline"),
    "html-named-txt": ("html.txt", SCRIPT, "text/plain; charset=utf-8", "inline"),
    "pdf-that-is-html": ("both.pdf", b"%PDF-1.7\n" + SCRIPT, "application/pdf", "attachment"),
    "svg-with-script": ("script.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "image/svg+xml", "attachment"),
    "svg-named-png": ("svg.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", "inline"),
    "zip-behind-gif": ("jar.gif", GIF + b"PK\x03\x04" + bytes(40), "image/gif", "inline"),
    "html-then-png": ("x.html.png", SCRIPT, "image/png", "inline"),
    "utf7-txt": ("utf7.txt", b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "text/plain; charset=utf-8", "inline"),
    "utf16-txt": ("utf16.txt", SCRIPT.decode().encode("utf-16"), "text/plain; charset=utf-8", "inline"),
}
for name, (file, content, kind, disposition) in POLYGLOTS.items():
    send(f"polyglot-{name}", ask(f"/s/media/polyglots/{file}"), hostile(kind, disposition),
         body(content), local=True)

# 16. No upload answers for another, and nothing is negotiated.

for coding in ("gzip", "br", "zstd", "deflate", "*", "gzip, br", "identity;q=0, gzip"):
    send(f"negotiation-{coding}", ask("/s/media/u/a.png", headers=[f"Accept-Encoding: {coding}"]),
         hostile("image/png", "inline"), body(PNG), local=True)
send("negotiation-text-is-not-compressed",
     ask("/s/media/u/long.txt", headers=["Accept-Encoding: gzip, br"]),
     hostile("text/plain; charset=utf-8", "inline"), local=True)
send("negotiation-compressed-twin-is-bytes", ask("/s/media/u/a.png.gz"), BYTES, local=True)
send("negotiation-language", ask("/s/media/u/a", headers=["Accept-Language: png"]), *MISSING,
     local=True)

# 17. What is kept, and how long.

HASHED = "/s/static/lib/app.0123456789ab.js"
for name, target, wanted in (
    ("hashed", HASHED, "max-age=31536000, immutable"),
    ("unhashed", "/s/static/lib/app.js", "max-age=3600"),
    ("hash-too-short", "/s/static/lib/app.0123456789a.js", "max-age=3600"),
    ("hash-too-long", "/s/static/lib/app.0123456789abc.js", "max-age=3600"),
    ("hash-upper-case", "/s/static/lib/app.0123456789AB.js", "max-age=3600"),
    ("hash-in-a-folder", "/s/static/lib.0123456789ab.d/app.js", "max-age=3600"),
    ("hash-no-ending", "/s/static/lib/app.0123456789ab", "max-age=3600"),
    ("query-is-no-hash", "/s/static/lib/app.js?.0123456789ab.js", "max-age=3600"),
):
    send(f"cache-{name}", ask(target), status(200), header("Cache-Control", wanted))
send("cache-missing-hashed", ask("/s/static/lib/none.0123456789ab.js"), status(404),
     header("Cache-Control", None))
send("cache-refused-hashed", ask(HASHED, "POST"), status(405), header("Cache-Control", None))
send("cache-hashed-below-media", ask("/s/media/u/app.0123456789ab.js"), BYTES,
     cache("max-age=3600"), local=True)
send("cache-missing-upload", ask("/s/media/none.png"), status(404), cache(None), local=True)
send("cache-error-keeps-the-guards", ask("/s/media/none.html"), status(404),
     header("X-Content-Type-Options", "nosniff"),
     header("Content-Security-Policy", re.compile(".*sandbox.*")), local=True)


def not_modified(target: str, wanted: dict[str, str | None]):
    def run(site: Site) -> None:
        modified = site.raw(ask(target))["Last-Modified"]
        answer = site.raw(ask(target, headers=[f"If-Modified-Since: {modified}"]))
        assert answer.status == 304, said(answer)
        for name, value in wanted.items():
            assert site.local or answer[name] == value, f"{name}: {answer[name]}"
        assert answer["Content-Disposition"] is None, said(answer)

    return run


case("cache-unchanged-upload", not_modified("/s/media/u/a.png", {"Cache-Control": "max-age=3600"}),
     local=True)
case("cache-unchanged-hashed", not_modified(HASHED, {"Cache-Control": "max-age=31536000, immutable"}))


def soon_there(site: Site):
    """An upload that was asked for too early is there as soon as it is written."""
    file = site.media / f"u/early-{time.monotonic_ns()}.txt"
    target = f"/s/media/u/{file.name}"
    assert site.raw(ask(target)).status == 404
    partial = file.with_name(f".{file.name}")
    partial.write_bytes(b"there")
    partial.rename(file)
    assert site.raw(ask(target)).body == b"there"


def soon_gone(site: Site):
    """A deleted upload is gone, after a second at most."""
    file = site.media / f"u/late-{time.monotonic_ns()}.txt"
    file.write_bytes(b"there")
    assert site.raw(ask(f"/s/media/u/{file.name}")).body == b"there"
    file.unlink()
    time.sleep(2.1)
    answer = site.raw(ask(f"/s/media/u/{file.name}"))
    assert answer.status == 404, said(answer)


case("cache-early-upload", soon_there, local=True)
case("cache-deleted-upload", soon_gone, local=True)

# 18. Static files: the right types, compressed where the client takes it, and no list of them.

for ending, kind in {
    "mjs": "text/javascript; charset=utf-8", "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8", "webmanifest": "application/manifest+json; charset=utf-8",
    "map": "application/json; charset=utf-8", "json": "application/json; charset=utf-8",
    "woff2": "font/woff2", "woff": "font/woff", "ttf": "font/ttf", "otf": "font/otf",
    "wasm": "application/wasm", "svg": "image/svg+xml", "ico": "image/x-icon",
    "png": "image/png", "html": "text/html; charset=utf-8", "weird": "application/octet-stream",
}.items():
    send(f"static-type-{ending}", ask(f"/s/static/lib/file.{ending}"), status(200), by_nginx,
         header("Content-Type", kind), header("X-Content-Type-Options", "nosniff"),
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
    send(f"static-manifest-{name}", ask(target), *MISSING, local=True)


def packed(name: str, accept: str | None, coding: str | None, without: str | None = "") -> None:
    """`coding` is what nginx answers with, `without` what it does without the brotli module."""

    def run(site: Site) -> None:
        file = next(site.static.glob("admin/css/base.*.css"))
        target = f"/s/static/admin/css/{file.name}"
        answer = site.raw(ask(target, headers=[f"Accept-Encoding: {accept}"] if accept else []))
        got = answer["Content-Encoding"]
        assert answer.status == 200 and answer["Vary"] == "Accept-Encoding", said(answer)
        assert got == (coding if site.brotli or without == "" else without), said(answer)
        twin = {"gzip": ".gz", "br": ".br", None: ""}[got]
        assert answer.body == Path(f"{file}{twin}").read_bytes(), len(answer.body)
        assert answer["Content-Type"] == "text/css; charset=utf-8", said(answer)
        assert answer["Cache-Control"] == "max-age=31536000, immutable", said(answer)

    case(f"static-compressed-{name}", run)


packed("gzip", "gzip", "gzip")
packed("brotli", "br", "br", without=None)
packed("both", "gzip, br", "br", without="gzip")
packed("refused", "gzip;q=0", None)
packed("not-asked", None, None)
packed("unknown", "compress", None)

# 19. Private uploads: Django decides, nothing else leads there.

for name, target in {
    "plain": "/s/private/paper.html",
    "folder": "/s/private/",
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
    send(f"private-{name}", ask(target), refused, local=True)
for line in ("X-Accel-Redirect: /s/private/paper.html", "X-Sendfile: /s/private/paper.html",
             "X-Original-URL: /s/private/paper.html", "Referer: https://$DOMAIN/admin/"):
    send(f"private-header-{line.split(':')[0]}", ask("/s/private/paper.html", headers=[line]),
         refused, by_nginx, local=True)
for method in ("POST", "HEAD", "PUT"):
    send(f"private-{method}", ask("/s/private/paper.html", method), refused, local=True)


def with_cookie(target: str, who: str, *checks, lines=()):
    def run(site: Site) -> None:
        cookie = getattr(site, who)
        answer = site.raw(ask(target, headers=[f"Cookie: sessionid={cookie}", *lines]))
        for check in checks:
            check(answer, site)

    return run


PAPER = hostile("application/octet-stream", "attachment")


def never_kept(answer, site):
    assert {"private", "no-store"} <= {*answer["Cache-Control"].split(", ")}, said(answer)


def nowhere(answer, site):
    assert answer.status == 302 and "login" in answer["Location"], said(answer)
    assert SECRET not in answer.raw


def reveals_nothing(answer, site):
    """The address that nginx alone may use does not reach the client."""
    assert answer["X-Accel-Redirect"] is None and b"/s/private" not in answer.raw, said(answer)


send("private-view-of-a-stranger", ask("/papers/paper.html"), nowhere, local=True)
send("private-admin-view-of-a-stranger", ask("/admin/private/paper.html"), nowhere, local=True)
case("private-admin-view-of-a-visitor",
     with_cookie("/admin/private/paper.html", "cookie", nowhere), local=True)
case("private-view-signed-in",
     with_cookie("/papers/paper.html", "cookie", PAPER, body(SECRET), never_kept, reveals_nothing),
     local=True)
case("private-admin-view-of-staff",
     with_cookie("/admin/private/paper.html", "staff", PAPER, body(SECRET), never_kept),
     local=True)
case("private-picture-opens",
     with_cookie("/papers/face.png", "cookie", hostile("image/png", "inline"), body(PNG)),
     local=True)
case("private-odd-name",
     with_cookie("/papers/" + quote("odd name é%2f?#.txt"), "cookie", body(SECRET)),
     local=True)
case("private-view-missing", with_cookie("/papers/none.txt", "cookie", status(404)), local=True)
case("private-view-folder", with_cookie("/papers/folder", "cookie", status(404)), local=True)
for name, way in {
    "traversal": "../secret.txt", "encoded-traversal": "%2e%2e/secret.txt",
    "all-encoded-traversal": "..%2fsecret.txt", "twice-encoded": "%252e%252e%252fsecret.txt",
    "absolute": "/etc/passwd", "absolute-encoded": "%2fetc%2fpasswd", "nul": "paper.html%00",
    "dotfile": ".hidden", "link": "link.txt", "newline": "paper.html%0d%0aX-Evil:1",
}.items():
    case(f"private-view-{name}",
         with_cookie(f"/papers/{way}", "cookie", refused), local=True)

# 20. The application's side: names that nobody chose, whole files, right modes, sentences.


def upload(site: Site, filename: bytes, content: bytes, kind: bytes = b"image/png"):
    """Upload a photo as a signed-in visitor. Return the answer and the new file, if there is one."""
    boundary = b"----b"
    parts = b"".join(
        b"--" + boundary + b"\r\nContent-Disposition: form-data; name=" + top + b"\r\n\r\n" + inner + b"\r\n"
        for top, inner in (
            (b'"csrfmiddlewaretoken"', CSRF.encode()),
            (b'"photo"; filename="' + filename + b'"\r\nContent-Type: ' + kind, content),
        )
    )
    head = [
        f"Cookie: sessionid={site.cookie}; csrftoken={CSRF}",
        f"Referer: {'http' if site.local else 'https'}://{site.domain}/",
        "Content-Type: multipart/form-data; boundary=----b",
    ]
    with site.lock:
        before = {*site.media.rglob("*")}
        answer = site.raw(ask("/", "POST", head, parts + b"--" + boundary + b"--\r\n"))
        new = {file for file in {*site.media.rglob("*")} - before if file.is_file()}
        new = {file for file in new if "photos" in file.parts}
        assert not [file for file in new if file.name.startswith(".")], f"half a file: {new}"
    assert len(new) < 2, new
    return answer, next(iter(new), None)


def taken(filename: bytes, content: bytes = PNG, ending: str = ".png"):
    def run(site: Site) -> None:
        answer, file = upload(site, filename, content)
        assert answer.status == 302 and file, said(answer)
        assert re.fullmatch(rf"[\w-]{{22}}{re.escape(ending)}", file.name), file
        assert file.parent == site.media / "photos" and file.read_bytes() == content, file
        assert stat.S_IMODE(file.stat().st_mode) == 0o644, oct(file.stat().st_mode)
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o755, oct(file.parent.stat().st_mode)
        served = site.raw(ask(f"/s/media/photos/{file.name}"))
        hostile(f"image/{ending[1:]}", "inline")(served, site)
        assert served.body == content

    return run


for name, filename in {
    "plain": b"me.png",
    "traversal": b"../../../evil.png",
    "backslashes": b"..\\..\\evil.png",
    "absolute": b"/etc/cron.d/evil.png",
    "folders": b"a/b/c.png",
    "dotfile": b".evil.png",
    "script": b"<script>alert(1)</script>.png",
    "newline": b"a%0d%0aX-Evil: 1.png",
    "spaces": b"  .. evil .. .png",
    "upper-case": b"ME.PNG",
    "double-ending": b"evil.html.png",
    "device": b"con.png",
    "unicode": "\u202egnp.evil.png".encode(),
    "long": b"a" * 300 + b".png",
    "quote": b"a\\\".png",
}.items():
    case(f"upload-named-{name}", taken(filename), local=True)
case("upload-polyglot", taken(b"me.png", PNG + SCRIPT), local=True)
case("upload-gif-polyglot", taken(b"me.gif", GIF + SCRIPT, ".gif"), local=True)


def same_name(site: Site):
    files = {upload(site, b"same.png", PNG)[1] for _ in range(3)}
    assert len(files) == 3 and all(file.read_bytes() == PNG for file in files if file), files


case("upload-same-name-three-times", same_name, local=True)


def not_taken(filename: bytes, content: bytes, sentence: bytes, kind=b"image/png"):
    def run(site: Site) -> None:
        answer, file = upload(site, filename, content, kind)
        assert file is None, file
        assert answer.status == 200 and answer.django, said(answer)
        assert sentence in answer.body, re.findall(rb"<p class=.wrong.*", answer.body)

    return run


IMAGE = b"Upload a valid image"
KIND = b"Upload a picture of a kind that browsers show"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"
for name, filename, content, sentence in (
    ("html", b"me.html", SCRIPT, IMAGE),
    ("html-named-png", b"me.png", SCRIPT, IMAGE),
    ("svg", b"me.svg", SVG, IMAGE),
    ("svg-named-png", b"me.png", SVG, IMAGE),
    ("polyglot-named-html", b"me.html", PNG + SCRIPT, KIND),
    ("polyglot-named-svg", b"me.svg", PNG + SVG, KIND),
    ("picture-without-ending", b"me", PNG, KIND),
    ("picture-named-php", b"me.png.php", PNG, KIND),
    ("script-before-a-picture", b"me.png", SCRIPT + PNG, IMAGE),
    ("broken-picture", b"me.png", PNG[:40], IMAGE),
    ("picture-of-another-kind", b"me.png", b"P6 1 1 255 abc", KIND),
    ("bitmap", b"me.bmp", b"BM", IMAGE),
    ("postscript", b"me.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n%%EndComments\n", KIND),
    ("empty", b"me.png", b"", b"empty"),
    ("too-large", b"me.png", PNG + bytes(10 * MEGABYTE), b"takes up to 10.0"),
    ("bomb", b"me.png", b"", IMAGE),
):
    if name == "bomb":  # 40,000 by 40,000 pixels, in a few bytes
        import struct
        import zlib

        head = b"IHDR" + struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
        content = PNG[:8] + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + PNG[33:]
    case(f"upload-not-{name}", not_taken(filename, content, sentence), local=True)


def strangers(site: Site):
    visitor, site_cookie = site, site.cookie
    with visitor.lock:
        answer = site.raw(ask("/", "POST", ["Content-Type: multipart/form-data; boundary=b"], b"--b--"))
    assert answer.status == 403 and site_cookie, said(answer)


case("upload-of-a-stranger", strangers, local=True)

# 21. No versions given out, wherever the answer comes from.

for name, target, options in (
    ("page", "/", {}),
    ("missing-page", "/nowhere/", {}),
    ("static", "/s/static/welcome/welcome.css", {}),
    ("missing-file", "/s/nothing", {}),
    ("upload", "/s/media/u/a.png", {}),
    ("refused-method", "/s/media/u/a.png", {"method": "POST"}),
    ("bad-request", "/%zz", {}),
    ("long-address", "/" + "a" * 9000, {}),
    ("too-large", "/", {"method": "POST", "headers": ["Content-Length: 99999999"]}),
):
    send(f"version-{name}", ask(target, **options), no_versions)
send("version-redirect", ask("/"), no_versions, tls=False)
send("version-redirect-www", ask("/", host="www.$DOMAIN"), no_versions, sni="www.{}")
send("version-page-is-not-compressed", ask("/", headers=["Accept-Encoding: gzip"]), status(200),
     header("Content-Encoding", None))

send("version-bad-request-to-nobody", b"GET /\0 HTTP/1.1\r\n\r\n", no_versions, tls=False)


def plain_on_the_tls_port(site):
    with socket.create_connection(("127.0.0.1", site.https), timeout=5) as line:
        line.sendall(ask("/echo/").replace(b"$DOMAIN", site.domain.encode()))
        answer = read(line)
    assert answer is None or answer.status == 400, said(answer)
    if answer:
        no_versions(answer, site)


case("version-plain-request-on-the-tls-port", plain_on_the_tls_port)
send("static-missing-keeps-its-guard", ask("/s/static/none.js"), status(404),
     header("X-Content-Type-Options", "nosniff"), header("Cache-Control", None))
send("cache-missing-upload-is-shown", ask("/s/media/none.png"), status(404),
     header("Content-Disposition", None))


# 22. HTTP/2: the same refusals, without a client library that would refuse to send it.


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A header field without indexing, RFC 7541, 6.2.2; lengths below 127."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def over_http2(site: Site, fields: list[tuple[str | bytes, str | bytes]]) -> int | None:
    """Return the status of one request over HTTP/2, or None where it is refused as a whole."""
    encoded = b"".join(
        literal(*(
            (part.encode() if isinstance(part, str) else part).replace(b"$DOMAIN", site.domain.encode())
            for part in pair
        ))
        for pair in fields
    )
    with site.connect(alpn=["h2"]) as line:
        assert line.selected_alpn_protocol() == "h2", "no HTTP/2"
        line.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 5, 1, encoded))
        raw = b""
        while True:
            try:
                got = line.recv(65536)
            except (ssl.SSLError, ConnectionError):
                got = b""
            raw += got
            while len(raw) >= 9 and len(raw) >= 9 + int.from_bytes(raw[:3]):
                length, kind = int.from_bytes(raw[:3]), raw[3]
                payload, raw = raw[9 : 9 + length], raw[9 + length :]
                if kind in {3, 7}:
                    return None
                if kind == 1:
                    while payload[0] & 0xE0 == 0x20:  # the size of the table
                        payload = payload[1:]
                    if payload[0] & 0x80:
                        return [200, 204, 206, 304, 400, 404, 500][(payload[0] & 0x7F) - 8]
                    return int(payload[2:5])
            if not got:
                return None


H2 = [(":method", "GET"), (":scheme", "https"), (":authority", "$DOMAIN"), (":path", "/echo/")]


def http2(name: str, wanted: set[int | None], *fields, **changed) -> None:
    base = [(key, changed.get(key.lstrip(":"), value)) for key, value in H2]
    base = [(key, value) for key, value in base if value is not None]

    def run(site: Site) -> None:
        got = over_http2(site, [*base, *fields])
        assert got in wanted, got

    case(f"http2-{name}", run)


NO = {None, 400, 404, 405, 421}
http2("works", {200})
http2("static", {200}, path="/s/static/welcome/welcome.css")
http2("unknown-host", {None, 400}, authority="evil.example")
http2("two-hosts", {None, 400}, ("host", "evil.example"))
http2("host-instead", {None, 400}, ("host", "evil.example"), authority=None)
http2("no-host", {None, 400}, authority=None)
http2("newline-in-host", {None, 400}, authority="$DOMAIN\r\nX-A: 1")
http2("userinfo-in-host", NO, authority="$DOMAIN@evil.example")
http2("newline-in-path", {None, 400}, path="/echo/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")
http2("space-in-path", NO, path="/echo/ HTTP/1.1")
http2("path-without-slash", {None, 400}, path="echo/")
http2("traversal", NO, path="/s/media/../../secret.txt")
http2("private", NO, path="/s/private/paper.html")
http2("chunked", {None, 400, 200}, ("transfer-encoding", "chunked"))
http2("upper-case-header", {None, 400, 200}, ("X-Forwarded-Proto", "http"))
http2("newline-in-header", {None, 400}, ("x-a", "1\r\nx-forwarded-proto: http"))
http2("newline-in-header-name", {None, 400, 200}, ("x-a: 1\r\nx-b", "1"))
http2("newline-in-method", {None, 400, 405}, method="GET / HTTP/1.1\r\nX: ")
http2("connect", NO, method="CONNECT")
http2("trace", NO, method="TRACE")
http2("two-paths", {None, 400}, (":path", "/admin/"))
http2("two-methods", {None, 400}, (":method", "POST"))
http2("unknown-pseudo-header", {None, 400}, (":evil", "1"))


# 23. On a domain of their own there are uploads, and nothing else.


def apart(name: str, target: str, *checks, **options) -> None:
    send(f"apart-{name}", ask(target, host="$UPLOADS", **options), *checks, sni="$UPLOADS")


def hostile_apart(answer, site):
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin", said(answer)
    answer.headers.append(("Cross-Origin-Resource-Policy", "same-origin"))
    answer.headers.remove(("Cross-Origin-Resource-Policy", "cross-origin"))
    hostile("application/octet-stream", "attachment")(answer, site)


apart("upload", "/s/media/names/page.html", hostile_apart, no_versions)
for name, target in {
    "page": "/", "admin": "/admin/", "application": "/echo/", "served": "/s/",
    "static": "/s/static/welcome/welcome.css", "private": "/s/private/paper.html",
    "folder": "/s/media/", "dotfile": "/s/media/.env", "link": "/s/media/link-out.txt",
    "rest-of-the-web-root": "/secret.txt", "rest-of-served": "/s/secret.txt",
}.items():
    apart(f"not-{name}", target, *MISSING)


def slow(site: Site) -> dict[str, float]:
    """Return how long, in seconds, nginx bears each kind of slow client, all tried at once."""

    def silent_tls():
        return socket.create_connection(("127.0.0.1", site.https), timeout=16)

    def started(data: bytes, tls: bool = True):
        line = site.connect(tls=tls, timeout=16)
        line.sendall(data.replace(b"$DOMAIN", site.domain.encode()))
        return line

    top = b"GET / HTTP/1.1\r\nHost: $DOMAIN\r\n"
    post = b"POST /echo/ HTTP/1.1\r\nHost: $DOMAIN\r\nContent-Length: 1000\r\n\r\nhalf"
    kinds = {
        "slow-header": lambda: started(top),
        "slow-header-without-tls": lambda: started(top, tls=False),
        "slow-silence": lambda: started(b""),
        "slow-handshake": silent_tls,
        "slow-body": lambda: started(post),
    }

    def measure(start) -> float:
        begun = time.monotonic()
        with start() as line:
            try:
                line.recv(1)
            except TimeoutError:
                return float("inf")
            except OSError:
                pass
        return time.monotonic() - begun

    with ThreadPoolExecutor(len(kinds)) as pool:
        return dict(zip(kinds, pool.map(measure, kinds.values()), strict=True))


def away(site: Site) -> None:
    """What must hold while the application is stopped."""
    for method in ("GET", "POST"):
        answer = site.raw(ask("/", method))
        assert answer.status == 503 and b"<h1>Back in a moment" in answer.body, said(answer)
        assert answer["Retry-After"] and answer["Cache-Control"] == "no-store", said(answer)
        assert answer["Content-Type"] == "text/html; charset=utf-8", said(answer)
        no_versions(answer, site)
    assert site.raw(ask("/s/media/u/a.png")).body == PNG
    assert site.raw(ask("/s/private/paper.html")).status == 404


def lay_bait(site: Site) -> None:
    """Put the files that the cases ask for where uploads and static files lie."""
    media, static, private = site.media, site.static, site.private
    # Whoever owns them: the site's folders are open to nginx, and the bait must be too.
    old = os.umask(0o022)
    try:
        for folder in ("u", "names", "polyglots", "folder/index", "folder.png", "closed", "photos",
                       ".git", ".well-known", ".folder"):
            (media / folder).mkdir(parents=True, exist_ok=True)
        for folder in (static / "lib", static / "lib.0123456789ab.d", private / "folder"):
            folder.mkdir(parents=True, exist_ok=True)
        web_root = media.parent.parent
        for file in (web_root / "secret.txt", web_root / "s/secret.txt", media / "closed/secret.txt",
                     media / "unreadable.txt", private / "paper.html", private.parent / "secret.txt",
                     private / ".hidden", private / "odd name é%2f?#.txt"):
            file.write_bytes(SECRET)
        (private / "face.png").write_bytes(PNG)
        for name in NAMES.values():
            (media / "names" / name).write_bytes(SCRIPT)
        for ending in ("png", "jpg", "jpeg", "gif", "webp", "avif", "mp3", "m4a", "mp4", "webm", "txt"):
            (media / f"names/inert.{ending}").write_bytes(SCRIPT)
        for name in ("page.svg", "PAGE.SVG", "page.pdf", "PAGE.PDF"):
            (media / "names" / name).write_bytes(SCRIPT)
        for name, content, _, _ in POLYGLOTS.values():
            (media / "polyglots" / name).write_bytes(content)
        for name, content in {
            "u/a.png": PNG, "u/a.png.gz": SCRIPT, "u/a.png.br": SCRIPT, "u/a.png.zst": SCRIPT,
            "u/page.html": SCRIPT, "u/v.mp4": VIDEO, "u/empty.txt": b"", "u/long.txt": b"a" * 9000,
            "u/long.txt.gz": SCRIPT, "u/long.txt.br": SCRIPT, "u/app.0123456789ab.js": SCRIPT,
            "u/.hidden.png": SECRET, "folder/index.html": SECRET, "folder/index/index.html": SECRET,
            ".env": SECRET, ".htaccess": SECRET, ".htpasswd": SECRET, ".git/config": SECRET,
            ".DS_Store": SECRET, "..hidden": SECRET, "...": SECRET, ".well-known/a.txt": SECRET,
            ".folder/a.png": SECRET, f".{'0' * 16}.part": SECRET,
        }.items():
            (media / name).write_bytes(content)
        for name in ("app.js", "app.0123456789ab.js", "app.0123456789a.js", "app.0123456789abc.js",
                     "app.0123456789AB.js", "app.0123456789ab", "../lib.0123456789ab.d/app.js"):
            (static / "lib" / name).write_bytes(b"1")
        for ending in ["mjs", "js", "css", "webmanifest", "map", "json", "woff2", "woff", "ttf", "otf", "wasm", "svg", "ico", "png", "html", "weird"]:
            (static / f"lib/file.{ending}").write_bytes(b"x" * 30)
        for name in (".gitkeep", "staticfiles.json.gz"):
            (static / name).write_bytes(SECRET)
        (static / "staticfiles.json.gz").unlink()
        for name, place in {
            "link-out.txt": web_root / "secret.txt", "link-folder": web_root,
            "link-within.png": media / "u/a.png", "link-relative.txt": "../../secret.txt",
            "link-dangling.txt": "/nowhere", "link-loop.txt": "link-loop.txt",
            "link-private.html": private / "paper.html",
        }.items():
            (media / name).symlink_to(place)
        (private / "link.txt").symlink_to(web_root / "secret.txt")
        os.mkfifo(media / "fifo.png")
        with socket.socket(socket.AF_UNIX) as bound:
            here = os.getcwd()
            os.chdir(media)  # an address of a socket is short
            bound.bind("socket.png")
            os.chdir(here)
        (media / "unreadable.txt").chmod(0)
        (media / "closed").chmod(0)
    finally:
        os.umask(old)


def run_all(site: Site, names=None) -> dict[str, str]:
    """Run cases at once; return those that the site did not withstand, each with the reason."""

    def run(name: str) -> str:
        try:
            CASES[name](site)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    names = list(names or CASES)
    with ThreadPoolExecutor(16) as pool:
        return {name: found for name, found in zip(names, pool.map(run, names), strict=True) if found}
