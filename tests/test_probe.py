"""`manage.py probe` against real nginx: green for the site as rendered, red for each mutant."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from callers import edited
from conftest import run
from servers import deployed, find_nginx, lay_out, rendered_for


@pytest.fixture(scope="module")
def server(copy_of, python, folder):
    with deployed(copy_of(**rendered_for(folder)), folder, python()) as server:
        (server.web_root / "s/media").mkdir(exist_ok=True)  # on a server, the installation does
        yield server


def probe(server, *arguments: str, url: str = "") -> subprocess.CompletedProcess:
    """Run the probe on the server, which has no name in DNS and a certificate of its own."""
    where = ["--connect", f"127.0.0.1:{server.https}"]
    authority = {"SSL_CERT_FILE": server.root / "ssl/fullchain.pem"}
    command = [server.python, "manage.py", "probe", url or f"https://{server.domain}/"]
    return run(*command, *where, *arguments, cwd=server.project, **server.environment | authority)


def stored(server) -> list[str]:
    """Return all that lies in the media root."""
    media = server.web_root / "s/media"
    return sorted(str(path.relative_to(media)) for path in media.rglob("*"))


def crosses(report: str) -> list[str]:
    """Return the names of the lines of a report that have a cross."""
    return [line["name"] for line in json.loads(report) if line["ok"] is False]


def test_the_site_as_rendered_is_green_and_left_as_it_was(server):
    before = stored(server)
    done = probe(server)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("✓") >= 25
    assert "✗" not in done.stdout and "–" not in done.stdout
    assert stored(server) == before
    assert not list(server.web_root.glob("s/*.txt"))


def test_a_machine_reads_the_same(server):
    report = json.loads(probe(server, "--json").stdout)
    assert {"name": "application", "ok": True, "sentence": "/ is answered with 200."} in report
    assert all(line["ok"] and line["sentence"].endswith(".") for line in report)


def test_without_rights_the_upload_is_left_out_and_not_a_cross(server):
    media = server.web_root / "s/media"
    media.rename(media.with_name("away"))
    try:
        done = probe(server)
        assert done.returncode == 0
        assert f"– upload                           This machine has no {media}" in done.stdout
    finally:
        media.with_name("away").rename(media)


def test_a_laptop_asks_what_needs_no_file_of_its_own(server):
    here = f"127.0.0.1:{server.https}"
    command = [server.python, "manage.py", "probe", f"https://{server.domain}/", "--insecure"]
    done = run(*command, "--connect", here, "--json", cwd=server.project, LOCAL_DEV="1")
    assert done.returncode == 0, done.stdout
    report = {line["name"]: line["ok"] for line in json.loads(done.stdout)}
    assert [name for name, ok in report.items() if ok is None] == ["upload"]
    assert report["hashed name"] and report["wrong Host"] and report["forged headers"]
    shutil.rmtree(server.project.with_name(f"{server.project.name}-var"))


def test_a_site_without_the_admin_is_asked_for_the_rest(server):
    edit = ("config/settings.py", 'INSTALLED_APPS.remove("django.contrib.admin")')
    with edited(server.project, [edit]):
        done = probe(server, "--json")
    assert done.returncode == 0, done.stdout
    report = {line["name"]: line["ok"] for line in json.loads(done.stdout)}
    assert report["admin's stylesheet"] is None and report["upload"] and report["traversal"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_probe_that_is_stopped_leaves_nothing(server, number):
    before = stored(server)
    command = [server.python, "manage.py", "probe", f"https://{server.domain}/", "--insecure"]
    for _ in range(10):  # until the signal comes between the first upload and the end
        process = subprocess.Popen(
            [*command, "--connect", f"127.0.0.1:{server.https}"],
            cwd=server.project,
            env=os.environ | server.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        while process.poll() is None and stored(server) == before:
            time.sleep(0.001)
        process.send_signal(number)
        errors = process.communicate(timeout=20)[1].decode()
        assert stored(server) == before
        assert "Traceback" not in errors, errors
        if process.returncode == 128 + number:
            return
    pytest.fail("the signal always came too late")


def refusal(server, *arguments: str, **environment: str) -> str:
    """Run a probe that cannot ask at all and return its only line."""
    command = [server.python, "manage.py", "probe", *arguments]
    done = run(*command, cwd=server.project, **server.environment | environment)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1, done.stdout
    return done.stdout.strip()


def test_what_cannot_be_asked_is_said_in_a_sentence(server):
    site, here = f"https://{server.domain}/", f"127.0.0.1:{server.https}"
    said = refusal(server, site, "--connect", "127.0.0.1:9")
    assert said == "CommandError: Nothing listens on 127.0.0.1:9: is nginx running?"
    said = refusal(server, site, "--connect", here)
    assert f"The certificate of {server.domain} is not valid: self-signed certificate" in said
    said = refusal(server, "https://other.example/", "--connect", here)
    assert f"{here} knows no site other.example" in said
    assert "has no address" in refusal(server, "https://nowhere.invalid/")
    said = refusal(server, site, "--connect", f"127.0.0.1:{server.http}")
    assert "does not speak https" in said
    assert "is no address of a site" in refusal(server, server.domain)
    assert "is not HOST:PORT" in refusal(server, site, "--connect", "127.0.0.1")


def test_a_server_that_does_not_answer_is_not_waited_for(server):
    server.nginx.send_signal(signal.SIGSTOP)
    workers = subprocess.run(["pgrep", "-P", str(server.nginx.pid)], capture_output=True, text=True)
    for worker in map(int, workers.stdout.split()):
        os.kill(worker, signal.SIGSTOP)
    try:
        site, here = f"https://{server.domain}/", f"127.0.0.1:{server.https}"
        said = refusal(server, site, "--connect", here)
        assert said == f"CommandError: {here} did not answer within 5 seconds."
    finally:
        for process in (*map(int, workers.stdout.split()), server.nginx.pid):
            os.kill(process, signal.SIGCONT)


def restart(server) -> None:
    """Start nginx again, with its files as they are now."""
    server.nginx.send_signal(signal.SIGTERM)
    server.nginx.wait(20)
    server.start_nginx(find_nginx())


ELSEWHERE = """
server {
    listen 127.0.0.1:PORT ssl;
    include SLUG/tls.conf;
    server_name localhost;
    root ROOT/elsewhere;
    location / { try_files $uri =404; default_type text/plain; types { text/html html svg; } }
}
"""
REMOTE = '''
from django.core.files.storage import FileSystemStorage, Storage


class Bucket(Storage):
    """Files of another machine: they have no path here."""

    files = FileSystemStorage("ROOT/elsewhere/media", "https://localhost:PORT/media/")

    def _save(self, name, content):
        return self.files.save(name, content)

    def delete(self, name):
        self.files.delete(name)

    def exists(self, name):
        return self.files.exists(name)

    def url(self, name):
        return self.files.url(name) + "?signature=1"
'''


def test_media_of_another_origin_without_a_path(server):
    def here(text):
        text = text.replace("ROOT", str(server.root)).replace("PORT", str(server.https))
        return text.replace("SLUG", server.project.name)

    site = server.root / "sites-enabled/elsewhere.conf"
    site.write_text(here(ELSEWHERE))
    restart(server)
    settings = here(
        'STORAGES["default"] = {"BACKEND": "config.bucket.Bucket"}\n'
        'MEDIA_URL = "https://localhost:PORT/media/"'
    )
    try:
        edits = [("config/bucket.py", here(REMOTE)), ("config/settings.py", settings)]
        with edited(server.project, edits):
            done = probe(server, "--insecure")
        assert done.returncode == 0, done.stdout
        assert (
            "✓ HTML upload                      It is 'text/html', '', on an origin" in done.stdout
        )
        assert not list((server.root / "elsewhere").rglob("*.*"))
    finally:
        site.unlink()
        restart(server)


# Each protection taken away: the line of the report that must turn red, the file that holds it,
# what it says there, and what it says then. Files of uploads are found by what they hold.
UPLOADS = "uploads"
MUTANTS = {
    "uploads without nosniff": (
        "upload's X-Content-Type-Options",
        (UPLOADS, "add_header X-Content-Type-Options.*", ""),
    ),
    "uploads without a sandbox": (
        "upload's Content-Security-Policy",
        (UPLOADS, "add_header Content-Security-Policy.*", ""),
    ),
    "uploads open in the browser": (
        "HTML upload",
        (UPLOADS, "add_header Content-Disposition.*", ""),
    ),
    "HTML is a type of uploads": ("HTML upload", (UPLOADS, "types {", "types { text/html html;")),
    "unknown uploads are pages": (
        "HTML upload",
        (UPLOADS, "default_type .*", "default_type text/html;"),
    ),
    "SVG opens in the browser": (
        "SVG upload",
        ("site.conf", r"~\^image/svg +attachment;.*", ""),
    ),
    "dotfiles served": ("dotfile", (UPLOADS, r"location ~ /.*", "")),
    "links followed": ("link", (UPLOADS, "disable_symlinks.*", "")),
    "twins answer": ("another's answer", (UPLOADS, "gzip_static off;", "gzip_static on;")),
    "ranges without a limit": ("ranges", (UPLOADS, "max_ranges.*", "")),
    "uploads kept for ever": (
        "upload's caching",
        (UPLOADS, r"charset utf-8;", "charset utf-8; add_header Cache-Control immutable;"),
    ),
    "folders listed": ("folder", (UPLOADS, "try_files .*", "autoindex on;")),
    "uploads from another root": (
        "upload",
        ("site.conf", "location /s/media/ {", "location /s/media/ { root /srv;"),
    ),
    "static files from another root": (
        "admin's stylesheet",
        ("site.conf", "location /s/static/ {", "location /s/static/ { root /srv;"),
    ),
    "static files of another folder": (
        "collected file",
        ("site.conf", "location /s/static/ {", "location /s/static/ { root ROOT/old;"),
    ),
    "static files without nosniff": (
        "static types",
        ("static.conf", "add_header X-Content-Type-Options.*", ""),
    ),
    "all names kept for ever": (
        "static caching",
        ("site.conf", r'default +"max-age=3600"', 'default "max-age=31536000, immutable"'),
    ),
    "no name kept": ("static caching", ("site.conf", "max-age=31536000, immutable", "max-age=1")),
    "the manifest served": ("manifest",),
    "the rest handed to Django": (
        "rest of the served URL",
        ("site.conf", r"location /s/ {.*", ""),
    ),
    "the rest served": ("leftover", ("site.conf", r"location /s/ {.*", "location /s/ { }")),
    "the folder above open": (
        "traversal",
        ("site.conf", "location /s/media/ {", "location /s/media { alias ROOT/www/s/media/;"),
    ),
    "POST to files": (
        "methods",
        ("site.conf", "location /s/static/ {", "location /s/static/ { error_page 405 =200 $uri;"),
    ),
    "bodies of any size": (
        "body size",
        ("proxy.conf", "client_max_body_size.*", "client_max_body_size 0;"),
    ),
    "no server for unknown hosts": ("wrong Host", ("default_server.conf", r"server {(.|\n)*", "")),
    "no scheme for Django": (
        "application",
        ("proxy.conf", "proxy_set_header X-Forwarded-Proto.*", ""),
    ),
    "the client's scheme": (
        "forged headers",
        ("proxy.conf", r"X-Forwarded-Proto \$scheme", "X-Forwarded-Proto $forged"),
        (
            "site.conf",
            "^",
            'map $http_x_forwarded_proto $forged { default $http_x_forwarded_proto; "" $scheme; }',
        ),
    ),
    "the version shown": ("version", ("*", "server_tokens off;", "server_tokens on;")),
    "another socket": ("application", ("site.conf", "gunicorn.sock", "other.sock")),
    "the upstream's name as Host": (
        "application",
        ("proxy.conf", "proxy_set_header Host.*", ""),
    ),
}


def mutated(server, name: str, old: str, new: str) -> None:
    """Change nginx's files where they are laid out; something must change."""
    paths = {"site.conf": "sites-enabled", "default_server.conf": "conf.d"}
    folders = [paths.get(name, server.project.name)] if name not in {"*", UPLOADS} else ["."]
    changed = 0
    for folder in folders:
        for file in sorted((server.root / folder).rglob("*.conf")):
            text = file.read_text()
            if name == UPLOADS and "disable_symlinks" not in text:
                continue
            if folder == server.project.name and file.name != name:
                continue
            new_text, count = re.subn(old, new.replace("ROOT", str(server.root)), text)
            if count:
                file.write_text(new_text)
            changed += count
    assert changed, f"{name} holds nothing like {old!r}"


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_protection_taken_away_is_a_cross(server, mutant):
    line, *changes = MUTANTS[mutant]
    old = server.root / "old/s/static/admin/css"
    old.mkdir(parents=True, exist_ok=True)
    (old / "base.css").write_text("/* of another release */")
    manifest = server.web_root / "s/static/staticfiles.json"
    if line == "manifest":
        manifest.touch()
    try:
        for change in changes:
            mutated(server, *change)
        restart(server)
        done = probe(server, "--json")
        assert done.returncode == 1, done.stdout
        assert line in crosses(done.stdout), done.stdout
    finally:
        manifest.unlink(missing_ok=True)
        lay_out(server.project, server.root, (server.http, server.https), find_nginx())
        restart(server)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "setting"),
    [
        ("upload", 'STORAGES["default"]["OPTIONS"]["file_permissions_mode"] = 0o600'),
        ("upload", 'MEDIA_ROOT = WEB_ROOT + "/elsewhere"\nos.makedirs(MEDIA_ROOT, exist_ok=True)'),
        ("upload", 'del STORAGES["default"]'),
    ],
)
def test_a_setting_that_breaks_uploads_is_a_cross(server, line, setting):
    with edited(server.project, [("config/settings.py", setting)]):
        done = probe(server, "--json")
    assert done.returncode == 1, done.stdout
    assert line in crosses(done.stdout), done.stdout


@pytest.mark.slow
def test_the_application_away_is_a_cross_and_files_are_ticks(server):
    server.stop_application()
    try:
        done = probe(server, "--json")
        assert done.returncode == 1
        assert "application" in crosses(done.stdout)
        assert not {"admin's stylesheet", "upload"} & set(crosses(done.stdout))
    finally:
        server.start_application()
