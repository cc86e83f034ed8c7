"""`manage.py probe` to a real nginx: no failure for the site as rendered, one for each mutant."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest

from support.commands import run
from support.edits import edited
from support.packages import find_nginx
from support.site import deployed, free_port, lay_out, rendered_for

SESSION = """
from django.contrib.auth import get_user_model
from django.test import Client
client = Client()
client.force_login(get_user_model().objects.create(is_staff=True, is_superuser=True))
print(client.cookies.output(attrs=[], header="Cookie:"))
"""


@pytest.fixture(scope="module")
def server(bake, python, directory):
    """The site as rendered; the probe reads its nginx files with the ports of this test."""
    (directory / "www/s/media").mkdir(parents=True)  # on a server, the installation creates it
    (directory / "probed.py").write_text(
        f'from config.settings import *\nBASE_DIR = "{directory}"\n'
    )
    # Not in pytest's directory: mutants let nginx read it.
    project = shutil.copytree(bake(**rendered_for(directory)), directory / "srv/client_site")
    environment = {"DJANGO_SETTINGS_MODULE": "probed", "PYTHONPATH": str(directory)}
    with deployed(project, directory, python(), **environment) as server:
        server.session = server.manage("shell", "--verbosity", "0", "--command", SESSION).strip()
        yield server


def probe(server, *arguments: str, url: str = "", prefix=()) -> subprocess.CompletedProcess:
    """Run the probe on the server, which has no DNS and a self-signed certificate."""
    copies = server.root / "nginx"
    shutil.rmtree(copies, ignore_errors=True)
    copies.mkdir()
    for directory in ("conf.d", "sites-enabled", server.project.name):
        for file in (server.root / directory).glob("*.conf"):
            shutil.copy(file, copies)
    options = ["--connect", f"127.0.0.1:{server.https}", "--header", server.session, *arguments]
    certificate = {"SSL_CERT_FILE": server.root / "ssl/fullchain.pem"}
    command = [*prefix, server.python, "manage.py", "probe", url or f"https://{server.domain}/"]
    return run(*command, *options, cwd=server.project, **server.environment | certificate)


def stored(server) -> list[str]:
    """Return everything below the media root and the private uploads."""
    roots = (server.web_root / "s/media", server.root / "var/s/private")
    return sorted(str(path) for root in roots for path in root.rglob("*"))


def report(done: subprocess.CompletedProcess) -> dict[str, dict]:
    """Return the lines of a report by their names."""
    return {line["name"]: line for line in json.loads(done.stdout)}


def failed(done: subprocess.CompletedProcess) -> set[str]:
    """Return the names of the questions that failed."""
    return {name for name, line in report(done).items() if line["ok"] is False}


def mutate(server, name: str, old: str, new: str) -> None:
    """Change nginx's installed files of a name; one must match."""
    name = f"{server.project.name}.conf" if name == "site.conf" else name
    new = new.replace("ROOT", str(server.root)).replace("CHECKOUT", str(server.project))
    changed = 0
    for directory in ("conf.d", "sites-enabled", server.project.name):
        for file in (server.root / directory).glob(name):
            text, count = re.subn(old, lambda _: new, file.read_text())
            file.write_text(text)
            changed += count
    assert changed, f"{name} has no match of {old!r}"


@contextmanager
def changed(server, *changes: tuple):
    """Run nginx with changed files until the block ends."""

    def restart() -> None:
        server.stop_nginx()
        server.start_nginx(find_nginx())

    try:
        for change in changes:
            mutate(server, *change)
        restart()
        yield
    finally:
        lay_out(server.project, server.root, (server.http, server.https), find_nginx())
        restart()


def test_rendered_site_passes(server):
    before = stored(server)
    done = probe(server)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    assert "✗" not in done.stdout and "–" not in done.stdout
    assert stored(server) == before


def test_json(server):
    for line in report(probe(server, "--json")).values():
        assert line.keys() == {"name", "ok", "sentence"}
        assert line["ok"] and line["sentence"].endswith(".")


def without_rights() -> list[str]:
    """Return what takes root's right to write everywhere from a command."""
    lost = "-dac_override,-dac_read_search"
    return [] if os.geteuid() else ["setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}"]


@pytest.mark.parametrize("name", ["", "photos"])
def test_read_only_media_fails(server, name):
    directory = server.web_root / "s/media" / name
    directory.mkdir(exist_ok=True)
    directory.chmod(0o555)
    try:
        done = probe(server, prefix=without_rights())
    finally:
        directory.chmod(0o755)
    assert done.returncode == 1
    assert f"✗ media-writable           {directory} is not writable" in done.stdout


def test_missing_media_root_fails(server):
    media = server.web_root / "s/media"
    media.rename(media.with_name("away"))
    try:
        done = probe(server, "--json")
        assert done.returncode == 1 and "media-writable" in failed(done)
    finally:
        shutil.rmtree(media, ignore_errors=True)
        media.with_name("away").rename(media)


def test_laptop_requests_what_needs_no_upload(server):
    command = [server.python, "manage.py", "probe", f"https://{server.domain}/", "--insecure"]
    to = f"127.1:{server.https}"  # 127.0.0.1, but not one of the names that the probe takes for it
    environment = {"LOCAL_DEV": "1", "LOCAL_VAR": server.root / "laptop"}
    done = run(*command, "--connect", to, "--json", cwd=server.project, **environment)
    assert done.returncode == 0, done.stdout
    ok = {name: line["ok"] for name, line in report(done).items()}
    assert ok["upload"] is None and ok["upload-types"] is None
    assert ok["hashed-static-file"] and ok["wrong-host"] and ok["forwarded-headers"]


def test_site_without_the_admin(server):
    edit = ("config/settings.py", 'INSTALLED_APPS.remove("django.contrib.admin")')
    urls = ("config/urls.py", r"^.*admin\.site.*\n", "")
    with edited(server.project, [edit, urls]):
        done = probe(server, "--json")
    assert report(done)["static-file"]["ok"] is None and report(done)["upload"]["ok"], done.stdout
    assert not {"static-file", "hashed-static-file", "body-size"} & failed(done)


@pytest.mark.slow
def test_options_of_a_staging_site(server, monkeypatch):
    """Credentials in the URL and in PROBE_OPTIONS, headers, and questions that are skipped."""
    protected = "auth_basic staging; auth_basic_user_file ROOT/passwords; root "
    (server.root / "passwords").write_text("ada:{PLAIN}a b\n")
    with changed(server, ("site.conf", "    root ", protected)):
        assert "upload" in failed(probe(server, "--json"))
        url = f"https://ada:a%20b@{server.domain}/"
        done = probe(server, "--json", url=url)
        assert done.returncode == 0, done.stdout
        header = "Authorization: Basic YWRhOmEgYg=="
        assert probe(server, "--header", header).returncode == 0
        monkeypatch.setitem(server.settings, "PROBE_OPTIONS", f'--header "{header}"')
        assert probe(server).returncode == 0
        monkeypatch.setitem(server.settings, "PROBE_OPTIONS", "--skip application")
        application = report(probe(server, "--json"))["application"]
        assert application == {"name": "application", "ok": None, "sentence": "Skipped."}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_probe_leaves_nothing(server, number):
    before = stored(server)
    command = [server.python, "manage.py", "probe", f"https://{server.domain}/", "--insecure"]
    for _ in range(10):  # until the signal arrives between the first upload and the end
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
    pytest.fail("the signal always arrived too late")


def error(server, *arguments: str) -> str:
    """Run a probe that cannot send a request, and return its only line."""
    command = [server.python, "manage.py", "probe", *arguments]
    done = run(*command, cwd=server.project, **server.environment)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1, done.stdout
    return done.stdout.strip()


HINT = "See --help for --connect and --insecure."
ERRORS = """
from django.core.management import CommandError, call_command
for words in {!r}:
    try:
        call_command("probe", *words.split())
    except CommandError as error:
        print(error)
"""


def test_unreachable_site_is_one_sentence(server):
    site = f"https://{server.domain}/"
    refused = f"{site} (127.0.0.1 port 9): [Errno 111] Connection refused. {HINT}"
    assert error(server, site, "--connect", "127.0.0.1:9") == f"CommandError: {refused}"


def test_messages_of_errors(server):
    site, to = f"https://{server.domain}/", f"--connect 127.0.0.1:{server.https}"
    expected = {
        f"{site} {to}": "self-signed certificate",
        f"https://other.example/ {to}": "UNRECOGNIZED_NAME",
        "https://nowhere.invalid/": HINT,
        f"{site} --connect 127.0.0.1:{server.http}": HINT,
        server.domain: f"{server.domain} is not a valid URL: use https:",
        "https:///x": "https:///x is not a valid URL: use https:",
        "https://a:b:c/": "https://a:b:c/ is not a valid URL: use https:",
        f"{site} --connect 127.0.0.1": "is not HOST:PORT",
    }
    output = server.manage("shell", "--verbosity", "0", "--command", ERRORS.format([*expected]))
    for words, message in zip(expected.values(), output.splitlines(), strict=True):
        assert words in message


@pytest.mark.slow
def test_nginx_that_never_responds_fails(server):
    workers = subprocess.run(["pgrep", "-P", str(server.nginx.pid)], capture_output=True, text=True)
    processes = [server.nginx.pid, *map(int, workers.stdout.split())]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        to = f"127.0.0.1:{server.https}"
        assert "timed out" in error(server, f"https://{server.domain}/", "--connect", to)
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


FULL_DISK = '        raise RuntimeError("no disk")\n'


def test_exception_is_a_failed_line(server):
    """A report that breaks off must not look complete."""
    partial = r"        partial = str\(.*\)\n"
    with edited(server.project, [("files/storage.py", partial, FULL_DISK)]):
        done = probe(server, "--json")
    assert done.returncode == 1
    assert report(done)["upload"]["sentence"] == "RuntimeError: no disk"
    assert list(report(done))[-1] == "cleanup"


def test_upload_that_stays_is_reported(server):
    before = stored(server)
    method = r"    def get_available_name\("
    broken = "    def delete(self, name):\n        raise OSError\n\n    def get_available_name("
    with edited(server.project, [("files/storage.py", method, broken)]):
        done = probe(server, "--json")
    left = sorted({*stored(server)} - {*before})
    assert "cleanup" in failed(done), done.stdout
    names = [name for name in map(os.path.basename, left) if re.fullmatch(r"[\w-]{22}\.\w+", name)]
    assert names and all(name in done.stdout for name in names), done.stdout
    for directory in {os.path.dirname(path) for path in left if os.path.isfile(path)}:
        shutil.rmtree(directory)


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
    """Files of another host: they have no path here."""

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


REMOTE_SETTINGS = """
STORAGES["default"] = {"BACKEND": "config.bucket.Bucket"}
MEDIA_URL = "https://localhost:PORT/media/"
"""


def test_media_of_another_service(server):
    def here(text):
        text = text.replace("ROOT", str(server.root)).replace("PORT", str(server.https))
        return text.replace("SLUG", server.project.name)

    edits = [("config/bucket.py", here(REMOTE)), ("config/settings.py", here(REMOTE_SETTINGS))]
    with changed(server, ("site.conf", "^", here(ELSEWHERE))), edited(server.project, edits):
        done = probe(server, "--insecure")
    assert done.returncode == 0, done.stdout
    assert "– upload-directory         The storage has no directory" in done.stdout
    assert not list((server.root / "elsewhere").rglob("*.*"))


UPLOADS = "upload_headers.conf"
PORT = free_port()


def removed(name: str, pattern: str) -> list[tuple]:
    return [(name, pattern, "")]


def within(location: str, text: str) -> list[tuple]:
    """Add text to a location of the site."""
    return [("site.conf", f"location {location} {{", f"location {location} {{ {text}")]


def beside(text: str) -> list[tuple]:
    """Add a location to the site."""
    return [("site.conf", "location / {", f"{text} location / {{")]


# Each protection removed: below the question that must fail, changes of nginx's files. A change is
# a file's name, a pattern in it, and what replaces it.
FORGED = """map $http_x_forwarded_proto $forged {
    default $http_x_forwarded_proto;
    "" $scheme;
}
"""
MUTANTS = {
    "upload-types": {
        "uploads without nosniff": removed(UPLOADS, "add_header X-Content-Type-Options.*"),
        "uploads without a sandbox": removed(UPLOADS, "add_header Content-Security-Policy.*"),
        "a sandbox of the same origin": [
            (UPLOADS, 'sandbox"', 'sandbox allow-scripts allow-same-origin"')
        ],
        "uploads open in the browser": removed(UPLOADS, "add_header Content-Disposition.*"),
        "HTML is a type of uploads": [(UPLOADS, "types {", "types { text/html html;")],
        "unknown uploads are pages": [(UPLOADS, "default_type .*", "default_type text/html;")],
        "SVG opens in the browser": removed("site.conf", r"~\^image/svg +attachment;.*"),
        "a rule for images without headers": [
            (UPLOADS, "try_files", "location ~ png$ { add_header X-Team ours; } try_files")
        ],
    },
    "upload-directory": {
        "dotfiles served": removed(UPLOADS, r"location ~ /.*"),
        "symlinks followed": removed(UPLOADS, "disable_symlinks.*"),
        "directories listed": [(UPLOADS, "try_files .*", "autoindex on;")],
    },
    "upload-compressed-copy": {
        "compressed copies": [(UPLOADS, "gzip_static off;", "gzip_static on;")]
    },
    "upload": {
        "uploads cached for a year": [
            (UPLOADS, "charset utf-8;", "charset utf-8; add_header Cache-Control immutable;")
        ],
        "uploads from another root": within("/s/media/", "root /srv;"),
    },
    "static-file": {
        "static files from another root": within("/s/static/", "root /srv;"),
        "static files of another directory": within("/s/static/", "root ROOT/old;"),
        "static files without nosniff": removed(
            "static.conf", "add_header X-Content-Type-Options.*"
        ),
    },
    "hashed-static-file": {
        "all names cached for a year": [
            ("site.conf", 'default +"max-age=3600"', 'default "max-age=31536000, immutable"')
        ],
        "hashed names not cached": [("site.conf", "max-age=31536000, immutable", "max-age=1")],
    },
    "other-urls": {
        "the manifest served": [],
        "the rest handed to Django": removed("site.conf", "location /s/ {.*"),
        "the directory above open": [
            ("site.conf", "location /s/media/ {", "location /s/media { alias ROOT/www/s/media/;")
        ],
    },
    "private-direct": {"private uploads public": removed("private.conf", "internal;.*")},
    "private-by-django": {
        "private uploads from another root": [("private.conf", "root .*", "root /srv;")]
    },
    "other-locations": {
        "the checkout by an alias": beside("location /files/ { alias CHECKOUT/; }"),
        "the checkout by a regular expression": beside(
            "location ~ ^/old/(.*)$ { alias CHECKOUT/$1; }"
        ),
        "the database by an alias": beside("location /backup/ { alias ROOT/; }"),
        "private uploads by an alias": beside("location /p/ { alias ROOT/var/s/; }"),
        "a second server for uploads": [
            ("site.conf", "^", f"server {{ listen 127.0.0.1:{PORT}; root ROOT/www; }} ")
        ],
    },
    "body-size": {
        "bodies of any size": [("proxy.conf", "client_max_body_size.*", "client_max_body_size 0;")],
        "bodies of the default size": removed("proxy.conf", "client_max_body_size.*"),
    },
    "wrong-host": {
        "no server for unknown hosts": removed("default_server.conf", r"server {\n(.|\n)*")
    },
    "absolute-url": {"the client's Host": [("proxy.conf", r"Host \$host", "Host $http_host")]},
    "application": {
        "no scheme for Django": removed("proxy.conf", "proxy_set_header X-Forwarded-Proto.*"),
        "the version shown": [("*.conf", "server_tokens off;", "server_tokens on;")],
        "another socket": [("site.conf", "gunicorn.sock", "other.sock")],
        "the upstream's name as Host": removed("proxy.conf", "proxy_set_header Host.*"),
    },
    "forwarded-headers": {
        "the client's scheme": [
            ("proxy.conf", r"X-Forwarded-Proto \$scheme", "X-Forwarded-Proto $forged"),
            ("site.conf", "^", FORGED),
        ]
    },
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "mutant"),
    [pytest.param(q, mutant, id=mutant) for q, mutants in MUTANTS.items() for mutant in mutants],
)
def test_removed_protection_fails(server, question, mutant):
    old = server.root / "old/s/static/admin/css"
    old.mkdir(parents=True, exist_ok=True)
    (old / "base.css").write_text("/* of another release */")
    manifest = server.web_root / "s/static/staticfiles.json"
    if mutant == "the manifest served":
        manifest.touch()
    with changed(server, *MUTANTS[question][mutant]):
        done = probe(server, "--json")
    manifest.unlink(missing_ok=True)
    assert done.returncode == 1, done.stdout
    assert question in failed(done), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        "FILE_UPLOAD_PERMISSIONS = 0o600",
        'MEDIA_ROOT = WEB_ROOT + "/elsewhere"\nos.makedirs(MEDIA_ROOT, exist_ok=True)',
        'del STORAGES["default"]',
    ],
)
def test_wrong_setting_fails(server, setting):
    with edited(server.project, [("config/settings.py", setting)]):
        done = probe(server, "--json")
    assert done.returncode == 1, done.stdout
    assert "upload" in failed(done), done.stdout


@pytest.mark.slow
def test_stopped_application_fails(server):
    server.stop_application()
    try:
        done = probe(server, "--json")
        assert done.returncode == 1
        assert "application" in failed(done)
        assert not {"static-file", "upload"} & failed(done)
    finally:
        server.start_application()
