"""Uploads: a large one through nginx, and many small ones by the storage alone."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from lab import RENDER, TEMPLATE, Lab, python, run, seconds
from measure import Row

from support.commands import shell
from support.http import read
from support.site import Server, deployed

LARGE = 200 * 1024 * 1024
VIEW = """
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt

@csrf_exempt
def store(request):
    return HttpResponse(default_storage.save("large/a.bin", request.FILES["file"]))

urlpatterns.append(path("store/", store))
"""
FILES = 300
# Prints the seconds that it takes to store some files of 20 KB.
SMALL = """
import os
import time
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
{before}
content, target = b"x" * 20 * 1024, {target}
start = time.perf_counter()
for _ in range({files}):
    target.save("small/a.png", ContentFile(content))
print(time.perf_counter() - start)
"""


def rows(lab: Lab) -> Iterator[Row]:
    root = lab.work / "uploads"
    root.mkdir()
    root.chmod(0o755)
    run(*RENDER, TEMPLATE, "-o", root / "project", f"web_root={root}/www", cwd=lab.work)
    project = root / "project/client_site"
    with (project / "config/urls.py").open("a") as file:
        file.write(VIEW)
    limit = project / "nginx/proxy.conf"
    limit.write_text(
        re.sub("client_max_body_size .*?;", "client_max_body_size 300m;", limit.read_text())
    )
    # A service has a /tmp of its own (PrivateTmp=): Django copies from there, it cannot rename.
    with deployed(project, root, python(lab.project), TMPDIR="/dev/shm") as server:
        yield large(server)
        yield small(server)


def large(server: Server) -> Row:
    """Return the row of a large upload."""
    source = server.root / "source"
    source.write_bytes(os.urandom(LARGE))
    return Row(
        "an upload of 200 MB",
        "s",
        {
            "this template": lambda: upload(server, source),
            "`dd` twice, with one fsync": lambda: copied_twice(source),
        },
    )


def upload(server: Server, source: Path) -> float:
    """Return the seconds of an upload through nginx, over TLS, until the response."""
    boundary = "b" * 32
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    request = (
        f"POST /store/ HTTP/1.1\r\nHost: {server.domain}\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\n"
        f"Content-Length: {len(head) + LARGE + len(tail)}\r\n\r\n"
    ).encode()
    with server.connect() as connection, source.open("rb") as file:
        start = time.perf_counter()
        connection.sendall(request + head)
        while part := file.read(1024 * 1024):
            connection.sendall(part)
        connection.sendall(tail)
        response = read(connection)
        duration = time.perf_counter() - start
    assert response and response.status == 200, response
    stored = server.web_root / "s/media" / response.body.decode()
    assert stored.stat().st_size == LARGE
    stored.unlink()
    return duration


def copied_twice(source: Path) -> float:
    """Return the seconds of the writing that remains: nginx's file, and the stored one."""
    first, second = source.with_name("first"), source.with_name("second")
    copy = ["dd", "status=none", "bs=1M"]
    duration = seconds(*copy, f"if={source}", f"of={first}", cwd=source.parent)
    duration += seconds(*copy, "conv=fsync", f"if={first}", f"of={second}", cwd=source.parent)
    first.unlink()
    second.unlink()
    return duration


def small(server: Server) -> Row:
    """Return the row of small uploads, each written to the disk before its name appears."""
    return Row(
        "an upload of 20 KB, by the storage",
        "ms",
        {
            "this template": lambda: store(server, "default_storage"),
            "FileSystemStorage": lambda: store(server, "FileSystemStorage()"),
            "without fsync": lambda: store(
                server, "default_storage", "os.fsync = lambda file: None"
            ),
        },
    )


def store(server: Server, target: str, before: str = "") -> float:
    """Return the milliseconds of each upload to a storage, in a process of its own."""
    code = SMALL.format(files=FILES, target=target, before=before)
    output = shell(server.python, server.project, code, **server.environment)
    shutil.rmtree(server.web_root / "s/media/small")
    return float(output) / FILES * 1000
