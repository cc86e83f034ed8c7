"""Visitors that request pages and upload photos until they are stopped, and count what failed."""

import hashlib
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from support.http import Client, Failure, Response
from support.images import png

ADD = "/admin/welcome/photo/add/"
VISITORS = 6


@dataclass
class Report:
    """What visitors sent and received."""

    safe: int = 0  # GET and HEAD
    failures: list[str] = field(default_factory=list)  # of safe requests
    cut: list[str] = field(default_factory=list)  # of safe requests: the response had begun
    posts: int = 0
    unclear: list[str] = field(default_factory=list)  # POSTs without a response of Django
    accepted: int = 0  # POSTs whose success was reported
    servers: set[str] = field(default_factory=set)
    styles: set[str] = field(default_factory=set)
    uploads: dict[str, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Visitor(Client):
    """A client that reports each request."""

    def __init__(self, client: Client, report: Report):
        super().__init__(client.domain, client.connect, keep_alive=True)
        self.report = report

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        safe = method != "POST"
        began = time.monotonic()
        with self.report.lock:
            self.report.safe += safe
            self.report.posts += path == ADD and not safe
        try:
            response = super().request(method, path, body, **headers)
            if response.status not in {200, 302}:
                raise Failure(f"{method} {path}: {response.status}")
        except Failure as failure:
            after = time.monotonic() - began
            where = self.report.failures if safe else self.report.unclear
            if safe and "within a response" in str(failure):
                where = self.report.cut
            where.append(f"{failure} after {after:.1f} s")
            raise
        self.report.accepted += path == ADD and not safe and response.status == 302
        self.report.servers.add(response["X-Server"] or "nginx")
        return response

    def visit(self, turn: int) -> None:
        """Request a page with its stylesheet, or one that needs the session, or upload."""
        if turn % 10 == 9:
            image = png(f"{id(self)} {turn}", 8, 8)
            self.report.uploads[self.upload(image)] = image
        elif turn % 3 == 2:
            if b"Recent actions" not in self.get("/admin/").body:
                self.report.failures.append("GET /admin/: signed out")
        else:
            self.request("HEAD", "/")
            href = re.search(rb'rel="stylesheet" href="([^"]+)"', self.get("/").body)[1].decode()
            content = self.get(href).body
            if hashlib.md5(content).hexdigest()[:12] not in href:
                self.report.failures.append(f"GET {href}: other content")
            self.report.styles.add(href)


@contextmanager
def visitors(cluster, password: str):
    """Send visitors while the block runs; afterwards the report is complete."""
    report, done = Report(), threading.Event()

    def run(visitor: Visitor) -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            try:
                visitor.visit(turn)
            except Failure:  # counted, if the request was safe
                pass
            except Exception as error:
                report.failures.append(repr(error))
                return
            time.sleep(0.02)

    all = [Visitor(cluster.client(), report) for _ in range(VISITORS)]
    for visitor in all:
        visitor.sign_in("ada", password)
    threads = [threading.Thread(target=run, args=[visitor]) for visitor in all]
    for thread in threads:
        thread.start()
    try:
        time.sleep(1)
        yield report
        time.sleep(1)
    finally:
        done.set()
        for thread, visitor in zip(threads, all, strict=True):
            thread.join()
            visitor.close()
