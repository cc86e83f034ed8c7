"""HTTP/2, with frames that a client library would refuse to send."""

import ssl
import time

from attacks.sites import Site
from attacks.table import case
from support.http import request

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(frame_type: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([frame_type, flags]) + stream.to_bytes(4) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A header field without indexing, RFC 7541, 6.2.2; lengths below 127."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def status(site: Site, fields: list[tuple[str, str]]) -> int | None:
    """Return the status of one request over HTTP/2, or None if the connection or stream is closed."""
    encoded = b"".join(literal(*(site.expand(part).encode() for part in pair)) for pair in fields)
    with site.connect(alpn=["h2"]) as connection:
        assert connection.selected_alpn_protocol() == "h2", "no HTTP/2"
        connection.sendall(PREFACE + frame(4, 0, 0, b"") + frame(1, 5, 1, encoded))
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


def http2(name: str, wanted: set[int | None], *more: tuple[str, str], **changed: str | None) -> None:
    """Add a case: a request with more fields, and changed ones; None removes a field."""
    fields = {"method": "GET", "scheme": "https", "authority": "$DOMAIN", "path": "/echo/"} | changed
    fields = [(f":{key}", value) for key, value in fields.items() if value is not None]

    def run(site: Site) -> None:
        found = status(site, [*fields, *more])
        assert found in wanted

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


def resets(site: Site) -> None:
    """Requests that are cancelled at once (CVE-2023-44487) still reach Django: not all at once."""
    fields = [(":method", "GET"), (":scheme", "https"), (":authority", site.domain), (":path", "/slow/")]
    encoded = b"".join(literal(*(part.encode() for part in pair)) for pair in fields)
    with site.connect(alpn=["h2"], client="127.0.0.6", timeout=20) as connection:
        connection.sendall(PREFACE + frame(4, 0, 0, b""))
        try:
            for stream in range(1, 2000, 2):
                connection.sendall(frame(1, 5, stream, encoded) + frame(3, 0, stream, (8).to_bytes(4)))
        except OSError:  # nginx has closed the connection
            pass
        time.sleep(1)
        assert site.raw(request("/echo/"), client="127.0.0.7", timeout=30).status == 200
    time.sleep(1)
    assert 0 < site.log().count("/slow/") < 200


case("http2-resets", resets, slow=True)
