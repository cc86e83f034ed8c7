"""Invalid bytes in a URL, as they are and encoded."""

from attacks.expect import by_nginx, refused
from attacks.table import send
from support.http import request

for name, target in {
    "raw-nul": b"/s/media/u/a.png\0.html",
    "raw-control": b"/s/media/u/\x01.png",
    "raw-delete": b"/s/media/u/\x7f.png",
    "raw-tab": b"/s/media/u/a\t.png",
    "raw-space": b"/s/media/u/a .png",
    "raw-return": b"/s/media/u/a\r.png",
    "raw-nul-for-django": b"/\0",
    "raw-control-for-django": b"/\x02",
    "high-byte-unencoded": b"/s/media/u/\xff.png",
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
