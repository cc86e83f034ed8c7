"""Request smuggling."""

import json
import time

from attacks.expect import by_nginx, own_host_or_rejected, refused, status
from attacks.sites import Site
from attacks.table import case, send
from support.http import request


def smuggle(name: str, lines: list[str | bytes], content: bytes, *checks) -> None:
    """Add a case: a request that hides a second one, which must not reach Django."""
    hidden = f"/smuggled-{name}/"
    inner = f"GET {hidden} HTTP/1.1\r\nHost: $DOMAIN\r\n\r\n".encode()
    data = request("/echo/", "POST", lines, content.replace(b"$HIDDEN", inner), close=False)

    def run(site: Site) -> None:
        response = site.raw(data)
        for check in checks:
            check(response, site)
        time.sleep(0.02)
        assert hidden not in site.log(), "the hidden request reached Django"

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


def decoded_or_rejected(response, site):
    assert response is None or response.status in {200, 400}


def decoded(response, site):
    seen = json.loads(response.body)
    assert seen["length"] == 5 and "HTTP_TRANSFER_ENCODING" not in seen["meta"]


CHUNKS = b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-Forwarded-Proto: http\r\n\r\n"
send("smuggling-chunked-in-1.0",
     request("/echo/", "POST", ["Transfer-Encoding: chunked"], b"0\r\n\r\n", version="1.0"),
     decoded_or_rejected)
send("smuggling-chunks-are-decoded",
     request("/echo/", "POST", ["Transfer-Encoding: chunked"], CHUNKS), status(200), decoded)
