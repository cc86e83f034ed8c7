"""The table of attacks, against nginx with the application and against runserver."""

import os
import re
import shutil

import pytest

from attacks import attack
from attacks.sites import SETTINGS, development_server, prepare_site
from support.site import deployed, rendered_for


@pytest.fixture(scope="module")
def server(copy_of, python, directory):
    with deployed(copy_of(**rendered_for(directory)), directory, python(), **SETTINGS) as server:
        yield server
    if (closed := server.web_root / "s/media/closed").exists():
        closed.chmod(0o700)


@pytest.fixture(scope="module")
def site(server):
    return prepare_site(server)


@pytest.fixture(scope="module")
def local(bake, python, tmp_path_factory):
    """The development server of a separate project, with the same test files."""
    project = tmp_path_factory.mktemp("local") / "client_site"
    shutil.copytree(bake(), project)
    with development_server(project, python()) as site:
        yield site


@pytest.fixture(scope="module")
def slow_client_times(site):
    """The seconds until slow clients are disconnected, measured while the other attacks run."""
    return attack.ThreadPoolExecutor(1).submit(attack.slow_client_times, site)


def selected(session: pytest.Session, test) -> list[str]:
    """Return the cases that are to run with a test: all, or those that `-k` selects."""
    return [item.callspec.params["name"] for item in session.items if item.obj is test]


@pytest.fixture(scope="module")
def failures(site, slow_client_times, request):
    """The cases that fail with nginx and the application; all run in parallel."""
    return attack.run_all(site, selected(request.session, test_nginx_withstands))


@pytest.mark.parametrize("name", attack.CASES)
def test_nginx_withstands(failures, name):
    assert failures.get(name, "") == ""


@pytest.fixture(scope="module")
def local_failures(local, request):
    names = selected(request.session, test_the_development_server_withstands)
    return attack.run_all(local, names)


@pytest.mark.parametrize("name", [name for name in attack.CASES if name in attack.LOCAL])
def test_the_development_server_withstands(local_failures, name):
    assert local_failures.get(name, "") == ""


UPLOAD_HEADERS = ("Content-Type", "Content-Disposition", "Content-Security-Policy",
                  "X-Content-Type-Options", "Cross-Origin-Resource-Policy")  # fmt: skip
OTHER_NAMES = ["noext", "PAGE.PNG", "two.png.html", "two.html.png", ".png", "x.", "x.unknown"]


def extensions(server, file: str) -> list[str]:
    """Return the extensions of the `types` block in a file of nginx/."""
    text = (server.project / "nginx" / file).read_text()
    block = re.search(r"^types \{.*\n((?:.|\n)*?)^\}", text, re.MULTILINE)[1]
    return [name for line in block.splitlines() for name in line.strip(" ;").split()[1:]]


def compare(site, local, url: str, method: str = "GET", **headers: str) -> None:
    """Compare what nginx and the development server respond to the same request."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    data = attack.request(url, method, lines)
    nginx, development = site.raw(data), local.raw(data)
    assert development.status == nginx.status, url
    names = UPLOAD_HEADERS[0 if nginx.status == 200 else 1 :]
    for name in names:  # the error pages are different, their security headers are not
        assert development[name] == nginx[name], f"{url}: {name}"


def test_the_development_server_matches_nginx_for_uploads(server, site, local):
    known = extensions(server, "upload_headers.conf")
    assert {"png", "svg", "pdf"} <= {*known}
    names = OTHER_NAMES + [f"x.{extension}" for extension in [*known, *attack.ACTIVE]]
    names += [f"X.{extension.upper()}" for extension in known]
    for directory in (site.media, local.media):
        (directory / "parity").mkdir()
        for name in names:
            (directory / "parity" / name).write_bytes(attack.SCRIPT)
            os.utime(directory / "parity" / name, (1_600_000_000, 1_600_000_000))
    for name in names:
        for method in ("GET", "HEAD", "POST"):
            compare(site, local, f"/s/media/parity/{name}", method)
    unchanged = "Sun, 13 Sep 2020 12:26:40 GMT"
    compare(site, local, "/s/media/parity/x.png", If_Modified_Since=unchanged)
    for path in ("none.png", "none.html", "parity", "parity/", ".env", "symlink-out.txt"):
        compare(site, local, f"/s/media/{path}")


def test_the_development_server_matches_nginx_for_private_uploads(server, site, local):
    names = [f"parity.{extension}" for extension in extensions(server, "upload_headers.conf")]
    names += ["parity", "parity.html", "parity.docx"]
    for directory in (site.private, local.private):
        for name in names:
            (directory / name).write_bytes(attack.SCRIPT)
    for name in names:
        nginx, development = (
            one.raw(attack.request(f"/papers/{name}", headers=[f"Cookie: sessionid={one.cookie}"]))
            for one in (site, local)
        )
        assert development.status == nginx.status == 200
        for header in (*UPLOAD_HEADERS, "Cache-Control"):
            assert development[header] == nginx[header], f"{name}: {header}"


def test_the_development_server_matches_nginx_for_static_files(server, site, local):
    names = [f"parity.{extension}" for extension in extensions(server, "static.conf")]
    for directory in (site.static, local.static):
        for name in [*names, "parity.unknown", "parity"]:
            (directory / "lib" / name).write_bytes(attack.SCRIPT)
    for name in names:
        compare(site, local, f"/s/static/lib/{name}")
    for name in ("parity.unknown", "parity", "none.css", ".gitkeep", ""):
        compare(site, local, f"/s/static/lib/{name}")


@pytest.mark.docs
def test_page_lists_the_differences(check_generated):
    lines = "".join(f"- {line}\n" for line in attack.DIFFERENCES)
    check_generated("nginx.md", "differences", lines)


def test_slow_clients_are_disconnected(slow_client_times):
    times = slow_client_times.result(40)
    assert {name: seconds for name, seconds in times.items() if seconds > 15} == {}


def test_a_slow_body_does_not_reach_the_application(site):
    """Many slow bodies occupy connections of nginx, which has plenty, but no gunicorn thread."""
    head = f"POST /echo/ HTTP/1.1\r\nHost: {site.domain}\r\nContent-Length: 9\r\n\r\nslow"
    connections = [site.connect() for _ in range(40)]
    try:
        for connection in connections:
            connection.sendall(head.encode())
        assert site.raw(attack.request("/echo/")).status == 200
    finally:
        for connection in connections:
            connection.close()


def test_unavailable_while_the_application_is_stopped(server, site):
    server.stop_application()
    try:
        attack.check_unavailable(site)
    finally:
        server.start_application()


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
