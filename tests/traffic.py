"""Visitors of a site: pages with their stylesheets, static files, uploads. Standard library only.

`traffic.py DOMAIN RATE NAME:PASSWORD…` makes RATE visits per second to 127.0.0.1:443 until its
standard input ends, then requests every upload once more and prints a JSON object.
"""

import hashlib
import http.client
import itertools
import json
import queue
import random
import re
import socket
import ssl
import struct
import sys
import threading
import time
import zlib

ADD_PHOTO = "/admin/welcome/photo/add/"
KINDS = {"page": 30, "static": 45, "media": 20, "upload": 5}  # percent


def picture(seed: str, side: int = 8) -> bytes:
    """Return a small PNG, different for each seed."""
    noise = random.Random(seed)
    rows = b"".join(b"\0" + noise.randbytes(3 * side) for _ in range(side))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows, 1))
        + chunk(b"IEND", b"")
    )


class Failure(Exception):
    """A response that a visitor would complain about."""


class Connection(http.client.HTTPSConnection):
    """A connection to the loopback address, with the site's name in the TLS handshake."""

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", 443), 60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl._create_unverified_context()
        self.sock = context.wrap_socket(plain, server_hostname=self.host)


class Visitor:
    """One browser: a kept-alive connection and cookies. A request that fails is not repeated."""

    def __init__(self, domain: str):
        self.domain = domain
        self.cookies: dict[str, str] = {}
        self.connection = Connection(domain)
        self.requests = 0

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str):
        """Return status, headers and body of the response."""
        self.requests += 1
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            self.connection.request(method, path, body, names)
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise Failure(f"{method} {path}: {error!r}") from None
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return response.status, response.headers, content

    def get(self, path: str) -> bytes:
        """Return the body of a response that must be 200."""
        status, _, content = self.request("GET", path)
        if status != 200:
            raise Failure(f"GET {path}: {status}")
        return content

    def post(self, path: str, fields: dict[str, str], image: bytes | None = None):
        """Submit the form of a page, with its CSRF token."""
        token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))
        if not token:
            raise Failure(f"GET {path}: no form")
        parts = b""
        for name, value in {"csrfmiddlewaretoken": token[1].decode(), **fields}.items():
            parts += b"--x-x\r\nContent-Disposition: form-data; "
            parts += f'name="{name}"\r\n\r\n{value}\r\n'.encode()
        if image:
            parts += b'--x-x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
            parts += b"Content-Type: image/png\r\n\r\n" + image + b"\r\n"
        return self.request(
            *("POST", path, parts + b"--x-x--\r\n"),
            Content_Type="multipart/form-data; boundary=x-x",
            Referer=f"https://{self.domain}{path}",
        )

    def sign_in(self, name: str, password: str) -> None:
        status, *_ = self.post("/admin/login/", {"username": name, "password": password})
        if status != 302:
            raise Failure(f"sign in: {status}")

    def page(self) -> str:
        """Request the home page and its stylesheet, and return the stylesheet's URL."""
        href = re.search(rb'<link rel="stylesheet" href="([^"]+)"', self.get("/"))[1].decode()
        self.static(href)
        return href

    def static(self, href: str) -> None:
        """Request a static file; its name must contain the hash of its content."""
        content = self.get(href)
        if hashlib.md5(content).hexdigest()[:12] not in href:
            raise Failure(f"GET {href}: other content, {len(content)} bytes")

    def upload(self, image: bytes) -> str:
        """Upload an image in the admin, request it through the link there, and return its URL."""
        status, headers, _ = self.post(ADD_PHOTO, {"_continue": "1"}, image)
        if status != 302:
            raise Failure(f"POST {ADD_PHOTO}: {status}")
        page = self.get(headers["Location"])
        link = re.search(rb'href="([^"]+/media/photos/[^"]+\.png)"', page)
        if not link:
            raise Failure(f"GET {headers['Location']}: no link to the image")
        src = link[1].decode()
        if self.get(src) != image:
            raise Failure(f"GET {src}: other content")
        return src


def main() -> None:
    domain, rate, *accounts = sys.argv[1:]
    first = Visitor(domain)
    seen = {first.page()}
    uploaders = [Visitor(domain) for _ in accounts]
    for uploader, account in zip(uploaders, accounts, strict=True):
        uploader.sign_in(*account.split(":"))
    image = picture("first")
    uploads = {uploaders[0].upload(image): image}
    free = queue.SimpleQueue()
    for uploader in uploaders:
        free.put(uploader)
    turns = itertools.count()
    kinds = random.Random(1).choices(list(KINDS), KINDS.values(), k=10_000)
    times = {kind: [] for kind in KINDS}
    failures = []
    done = threading.Event()
    started = time.monotonic()

    def visit(visitor: Visitor, kind: str, turn: int) -> None:
        if kind == "page":
            seen.add(visitor.page())
        elif kind == "static":
            visitor.static(random.choice(tuple(seen)))
        elif kind == "media":
            src, content = random.choice(tuple(uploads.items()))
            if visitor.get(src) != content:
                raise Failure(f"GET {src}: other content")
        else:
            uploader = free.get()
            try:
                image = picture(str(turn))
                uploads[uploader.upload(image)] = image
            finally:
                free.put(uploader)

    def visit_until_done(visitor: Visitor) -> None:
        while not done.is_set():
            turn = next(turns)
            time.sleep(max(0, started + turn / float(rate) - time.monotonic()))
            kind = kinds[turn % len(kinds)]
            began = time.monotonic()
            try:
                visit(visitor, kind, turn)
            except Failure as failure:
                failures.append(f"{time.monotonic() - started:.1f} s: {failure}")
            times[kind].append(time.monotonic() - began)

    visitors = [Visitor(domain) for _ in range(24)]
    threads = [threading.Thread(target=visit_until_done, args=[visitor]) for visitor in visitors]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    done.set()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    requests = sum(visitor.requests for visitor in [*visitors, *uploaders])
    last = Visitor(domain)
    lost = [src for src, content in uploads.items() if last.request("GET", src)[2] != content]
    report = {
        "requests": requests,
        "per_second": round(requests / seconds),
        "uploads": len(uploads),
        "uploads_lost": lost,
        "stylesheets": sorted(seen),
        "failures": failures,
        "longest_ms": {kind: round(1000 * max(taken, default=0)) for kind, taken in times.items()},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
