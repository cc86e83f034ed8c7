"""The table of attacks, against nginx with the application and against runserver."""

import os
import re

import pytest

from attacks.cases import CASES
from attacks.cases.extensions import ACTIVE
from attacks.files import SCRIPT
from attacks.table import run_all
from support.http import request

# Intended differences of the development server; docs/nginx.md lists the same.
DIFFERENCES = """
Nothing is cached: every response below the URL prefix has `Cache-Control: no-cache`.
Static files are served from their source directories: no hashed names, no compressed copies, no manifest.
Range requests return the complete file.
Dot segments in a URL are rejected, not resolved.
Malformed requests get 400 or 404 from Python's HTTP server, with its own message.
Unknown hosts, TLS, forwarded headers and request size limits: nginx only.
""".strip().splitlines()


def run_selected(site, session: pytest.Session, test) -> dict[str, str]:
    """Run the cases of a parametrized test that `-k` selects, at once; return those that fail."""
    return run_all(site, [i.callspec.params["name"] for i in session.items if i.obj is test])


def expect_none(failures: dict[str, str], name: str) -> None:
    if name in failures:
        pytest.fail(failures[name], pytrace=False)


@pytest.fixture(scope="module")
def failures(site, request):
    return run_selected(site, request.session, test_nginx_withstands)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.stopped])
def test_nginx_withstands(failures, name):
    expect_none(failures, name)


@pytest.fixture(scope="module")
def local_failures(local, request):
    return run_selected(local, request.session, test_the_development_server_withstands)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.local])
def test_the_development_server_withstands(local_failures, name):
    expect_none(local_failures, name)


@pytest.fixture(scope="module")
def failures_while_stopped(server, site, request):
    server.stop_application()
    try:
        return run_selected(site, request.session, test_nginx_withstands_while_stopped)
    finally:
        server.start_application()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.stopped])
def test_nginx_withstands_while_stopped(failures_while_stopped, name):
    expect_none(failures_while_stopped, name)


UPLOAD_HEADERS = ("Content-Type", "Content-Disposition", "Content-Security-Policy",
                  "X-Content-Type-Options", "Cross-Origin-Resource-Policy")  # fmt: skip
OTHER_NAMES = ["noext", "PAGE.PNG", "two.png.html", "two.html.png", ".png", "x.", "x.unknown"]


def extensions(server, file: str) -> list[str]:
    """Return the extensions of the `types` block in a file of nginx/."""
    text = (server.project / "nginx" / file).read_text()
    block = re.search(r"^types \{.*\n((?:.|\n)*?)^\}", text, re.MULTILINE)[1]
    return [name for line in block.splitlines() for name in line.strip(" ;").split()[1:]]


def compare(site, local, url: str, method: str = "GET", headers=()):
    """Compare what nginx and the development server respond. Return both responses."""
    data = request(url, method, headers)
    nginx, development = site.raw(data), local.raw(data)
    assert development.status == nginx.status, url
    names = UPLOAD_HEADERS[0 if nginx.status == 200 else 1 :]
    for name in names:  # the error pages are different, their security headers are not
        assert development[name] == nginx[name], f"{url}: {name}"
    return nginx, development


def test_the_development_server_matches_nginx_for_uploads(server, site, local):
    known = extensions(server, "upload_headers.conf")
    assert {"png", "svg", "pdf"} <= {*known}
    names = OTHER_NAMES + [f"x.{extension}" for extension in [*known, *ACTIVE]]
    names += [f"X.{extension.upper()}" for extension in known]
    for directory in (site.media, local.media):
        (directory / "parity").mkdir()
        for name in names:
            (directory / "parity" / name).write_bytes(SCRIPT)
            os.utime(directory / "parity" / name, (1_600_000_000, 1_600_000_000))
    for name in names:
        for method in ("GET", "HEAD", "POST"):
            compare(site, local, f"/s/media/parity/{name}", method)
    unchanged = ["If-Modified-Since: Sun, 13 Sep 2020 12:26:40 GMT"]
    compare(site, local, "/s/media/parity/x.png", headers=unchanged)
    for path in ("none.png", "none.html", "parity", "parity/", ".env", "symlink-out.txt"):
        compare(site, local, f"/s/media/{path}")


def test_the_development_server_matches_nginx_for_private_uploads(server, site, local):
    names = [f"parity.{extension}" for extension in extensions(server, "upload_headers.conf")]
    names += ["parity", "parity.html", "parity.docx"]
    for directory in (site.private, local.private):
        for name in names:
            (directory / name).write_bytes(SCRIPT)
    for name in names:
        signed_in = ["Cookie: $VISITOR"]
        nginx, development = compare(site, local, f"/papers/{name}", headers=signed_in)
        assert nginx.status == 200
        assert development["Cache-Control"] == nginx["Cache-Control"]


def test_the_development_server_matches_nginx_for_static_files(server, site, local):
    names = [f"parity.{extension}" for extension in extensions(server, "static.conf")]
    for directory in (site.static, local.static):
        for name in [*names, "parity.unknown", "parity"]:
            (directory / "lib" / name).write_bytes(SCRIPT)
    for name in names:
        compare(site, local, f"/s/static/lib/{name}")
    for name in ("parity.unknown", "parity", "none.css", ".gitkeep", ""):
        compare(site, local, f"/s/static/lib/{name}")


@pytest.mark.docs
def test_page_lists_the_differences(check_generated):
    lines = "".join(f"- {line}\n" for line in DIFFERENCES)
    check_generated("nginx.md", "differences", lines)


def test_a_slow_body_does_not_reach_the_application(site):
    """Many slow bodies occupy connections of nginx, which has plenty, but no gunicorn thread."""
    head = request("/echo/", "POST", ["Content-Length: 9"], b"slow")
    connections = [site.connect() for _ in range(40)]
    try:
        for connection in connections:
            connection.sendall(site.encode(head))
        assert site.raw(request("/echo/")).status == 200
    finally:
        for connection in connections:
            connection.close()


def test_urls_of_uploads_on_a_media_domain(server, site):
    url = server.manage("shell", "--command", MEDIA_URL % site.media_domain)
    assert url.endswith(f"https://{site.media_domain}/s/media/a.png\n")


MEDIA_URL = """
import os
os.environ["MEDIA_DOMAIN"] = "%s"
from config import settings
import importlib
print(importlib.reload(settings).MEDIA_URL + "a.png")
"""


def test_compressed_copies_are_not_compressed_again(server, site):
    def copies():
        return {file: file.stat().st_ino for file in site.static.rglob("*.[bg][rz]")}

    before = copies()
    assert len(before) > 100
    for copy in before:
        file = copy.with_suffix("")
        assert copy.stat().st_mtime_ns == file.stat().st_mtime_ns
        assert copy.stat().st_size < file.stat().st_size
        assert copy.stat().st_mode == file.stat().st_mode
    server.manage("collectstatic", "--noinput", "--verbosity", "0")
    assert copies() == before


def test_no_partial_uploads_remain(site):
    """After all attacks: no partial upload, no file that the group can write."""
    for file in site.media.joinpath("photos").iterdir():
        assert not file.name.startswith("."), file
        assert not file.stat().st_mode & 0o022, file
