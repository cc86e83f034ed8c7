"""Long and malformed requests."""

from attacks.expect import NOT_FOUND, by_nginx, refused, status
from attacks.files import SCRIPT
from attacks.table import send
from support.http import request

send("long-url", request("/" + "a" * 9000), status(414))
send("long-url-of-an-upload", request("/s/media/" + "a" * 9000), status(414))
send("long-name", request("/s/media/" + "a" * 300), *NOT_FOUND, local=True)
send("long-path", request("/s/media/" + "a/" * 2000), *NOT_FOUND, local=True)
send("long-header", request("/", headers=["X-Long: " + "a" * 9000]), status(400))
send("long-headers", request("/", headers=[f"X-{n}: " + "a" * 4000 for n in range(12)]), status(400))
send("long-cookie", request("/", headers=["Cookie: sessionid=" + "a" * 9000]), status(400))
send("long-method", request("/", method="A" * 9000), refused, by_nginx)


def error_or_closed(response, site):
    """No response, an error or HTTP/0.9, and no upload."""
    if response:
        assert response.status >= 400 or not response.status
        assert SCRIPT not in response.raw


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
    send(f"malformed-{name}", data, error_or_closed, by_nginx)
