"""Visitors of a site: pages with their stylesheets, static files, uploads. Standard library only.

`traffic.py DOMAIN RATE NAME:PASSWORD…` makes RATE visits per second to 127.0.0.1:443 until its
standard input ends, then requests every upload once more and prints a JSON object.
"""

import hashlib
import itertools
import json
import queue
import random
import re
import socket
import ssl
import sys
import threading
import time

from support.http import Client, Failure, Response
from support.images import png

KINDS = {"page": 30, "static": 45, "media": 20, "upload": 5}  # percent


def picture(seed: str, side: int = 8) -> bytes:
    """Return a small PNG, different for each seed."""
    return png(seed, side, side)


class Visitor(Client):
    """A browser on the host: a kept-alive connection, and a Failure for each error."""

    def __init__(self, domain: str):
        super().__init__(domain, self.connect_to_host, keep_alive=True)
        self.requests = 0

    def connect_to_host(self) -> ssl.SSLSocket:
        """Connect to the loopback address, with the site's name in the TLS handshake."""
        plain = socket.create_connection(("127.0.0.1", 443), 60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl._create_unverified_context()
        return context.wrap_socket(plain, server_hostname=self.domain)

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        """Count requests."""
        self.requests += 1
        return super().request(method, path, body, **headers)

    def content(self, path: str) -> bytes:
        """Return the body of a response that must be 200."""
        response = self.get(path)
        if response.status != 200:
            raise Failure(f"GET {path}: {response.status}")
        return response.body

    def page(self) -> str:
        """Request the home page and its stylesheet, and return the stylesheet's URL."""
        href = re.search(rb'<link rel="stylesheet" href="([^"]+)"', self.content("/"))[1].decode()
        self.static(href)
        return href

    def static(self, href: str) -> None:
        """Request a static file; its name must contain the hash of its content."""
        content = self.content(href)
        if hashlib.md5(content).hexdigest()[:12] not in href:
            raise Failure(f"GET {href}: other content, {len(content)} bytes")

    def upload(self, image: bytes) -> str:
        """Upload an image, request it through the link in the admin, and return its URL."""
        src = super().upload(image)
        if self.content(src) != image:
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
    kinds = random.Random(1).choices(list(KINDS), list(KINDS.values()), k=10_000)
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
            if visitor.content(src) != content:
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
    lost = [src for src, content in uploads.items() if last.get(src).body != content]
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
