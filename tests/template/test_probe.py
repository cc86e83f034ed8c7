"""`manage.py probe` to a real nginx: no failure for the site as rendered, one for each mutant."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

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


def failed(output: str) -> list[str]:
    """Return the names of the questions that failed."""
    return [line["name"] for line in json.loads(output) if line["ok"] is False]


def test_rendered_site_passes_and_is_left_as_it_was(server):
    before = stored(server)
    done = probe(server)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    assert "✗" not in done.stdout and "–" not in done.stdout
    assert stored(server) == before


def test_json(server):
    report = json.loads(probe(server, "--json").stdout)
    assert {"name", "ok", "sentence"} == set(report[0])
    assert all(line["ok"] and line["sentence"].endswith(".") for line in report)


def without_rights() -> list[str]:
    """Return what takes root's right to write everywhere from a command."""
    lost = "-dac_override,-dac_read_search"
    return [] if os.geteuid() else ["setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}"]


@pytest.mark.parametrize("name", ["", "photos"])
def test_media_that_the_user_cannot_write_fails(server, name):
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
        assert done.returncode == 1 and "media-writable" in failed(done.stdout)
    finally:
        shutil.rmtree(media, ignore_errors=True)
        media.with_name("away").rename(media)


def test_laptop_requests_what_needs_no_upload(server):
    command = [server.python, "manage.py", "probe", f"https://{server.domain}/", "--insecure"]
    to = f"127.1:{server.https}"  # 127.0.0.1, but not one of the names that the probe takes for it
    environment = {"LOCAL_DEV": "1", "LOCAL_VAR": server.root / "laptop"}
    done = run(*command, "--connect", to, "--json", cwd=server.project, **environment)
    assert done.returncode == 0, done.stdout
    report = {line["name"]: line["ok"] for line in json.loads(done.stdout)}
    assert report["upload"] is None and report["upload-types"] is None
    assert report["hashed-static-file"] and report["wrong-host"] and report["forwarded-headers"]


def test_site_without_the_admin(server):
    edit = ("config/settings.py", 'INSTALLED_APPS.remove("django.contrib.admin")')
    urls = ("config/urls.py", r"^.*admin\.site.*\n", "")
    with edited(server.project, [edit, urls]):
        done = probe(server, "--json")
    report = {line["name"]: line for line in json.loads(done.stdout)}
    assert report["static-file"]["ok"] is None and report["upload"]["ok"], done.stdout
    assert not {"static-file", "hashed-static-file", "body-size"} & set(failed(done.stdout))


@pytest.mark.slow
def test_options_of_a_staging_site(server):
    """Credentials in the URL and in PROBE_OPTIONS, headers, and questions that are skipped."""
    mutated(server, "site.conf", "    root ", AUTHENTICATION)
    (server.root / "passwords").write_text("ada:{PLAIN}a b\n")
    try:
        restart(server)
        assert "upload" in failed(probe(server, "--json").stdout)
        url = f"https://ada:a%20b@{server.domain}/"
        done = probe(server, "--json", url=url)
        assert done.returncode == 0, done.stdout
        header = ["--header", "Authorization: Basic YWRhOmEgYg=="]
        assert probe(server, *header).returncode == 0
        server.settings["PROBE_OPTIONS"] = '--header "Authorization: Basic YWRhOmEgYg=="'
        assert probe(server).returncode == 0
        server.settings["PROBE_OPTIONS"] = "--skip application"
        report = {line["name"]: line for line in json.loads(probe(server, "--json").stdout)}
        assert report["application"] == {"name": "application", "ok": None, "sentence": "Skipped."}
    finally:
        server.settings.pop("PROBE_OPTIONS", None)
        lay_out(server.project, server.root, (server.http, server.https), find_nginx())
        restart(server)


AUTHENTICATION = """
    auth_basic staging;
    auth_basic_user_file ROOT/passwords;
    root """


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


def error(server, *arguments: str, **environment: str) -> str:
    """Run a probe that cannot send a request, and return its only line."""
    command = [server.python, "manage.py", "probe", *arguments]
    done = run(*command, cwd=server.project, **server.environment | environment)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1, done.stdout
    return done.stdout.strip()


def test_unreachable_site_is_one_sentence(server):
    site, to = f"https://{server.domain}/", f"127.0.0.1:{server.https}"
    hint = "See --help for --connect and --insecure."
    refused = error(server, site, "--connect", "127.0.0.1:9")
    assert refused == (
        f"CommandError: {site} (127.0.0.1 port 9): [Errno 111] Connection refused. {hint}"
    )
    assert "self-signed certificate" in error(server, site, "--connect", to)
    assert "UNRECOGNIZED_NAME" in error(server, "https://other.example/", "--connect", to)
    assert hint in error(server, "https://nowhere.invalid/")
    assert hint in error(server, site, "--connect", f"127.0.0.1:{server.http}")
    for url in (server.domain, "https:///x", "https://a:b:c/"):
        assert error(server, url).startswith(f"CommandError: {url} is not a valid URL: use https:")
    assert "is not HOST:PORT" in error(server, site, "--connect", "127.0.0.1")


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


def test_exception_is_a_failed_line(server):
    """A report that breaks off must not look complete."""
    edit = ("files/storage.py", r"        partial = partial_name\(name\)\n        try:", BROKEN)
    with edited(server.project, [edit]):
        done = probe(server, "--json")
    assert done.returncode == 1
    report = {line["name"]: line for line in json.loads(done.stdout)}
    assert report["upload"]["sentence"] == "RuntimeError: no disk"
    assert list(report)[-1] == "cleanup"


BROKEN = """        partial = partial_name(name)
        try:
            raise RuntimeError("no disk")"""


def test_upload_that_cannot_be_deleted_is_reported(server):
    before = stored(server)
    keep = "    def delete(self, name: str) -> None:\n        raise OSError\n"
    edit = (
        "files/storage.py",
        r"    def get_available_name\(",
        f"{keep}\n    def get_available_name(",
    )
    partial = ("files/storage.py", r"            self.delete\(partial\)\n", UNLINK)
    with edited(server.project, [edit, partial]):
        done = probe(server, "--json")
    left = sorted({*stored(server)} - {*before})
    assert "cleanup" in failed(done.stdout), done.stdout
    names = [name for name in map(os.path.basename, left) if re.fullmatch(r"[\w-]{22}\.\w+", name)]
    assert names and all(name in done.stdout for name in names), done.stdout
    for directory in {os.path.dirname(path) for path in left if os.path.isfile(path)}:
        shutil.rmtree(directory)


UNLINK = "            Path(self.path(partial)).unlink(missing_ok=True)\n"


def restart(server) -> None:
    """Start nginx again, with its files as they are now."""
    server.stop_nginx()
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


def test_media_on_another_origin_without_a_path(server):
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
        assert "– upload-directory         The storage has no directory" in done.stdout
        assert not list((server.root / "elsewhere").rglob("*.*"))
    finally:
        site.unlink()
        restart(server)


# Each protection removed: the question that must fail, the file, a pattern in it, and what replaces
# it. "uploads" are the files of uploads, found by their content.
UPLOADS = "uploads"
PORT = free_port()
MUTANTS = {
    "uploads without nosniff": (
        "upload-types",
        (UPLOADS, "add_header X-Content-Type-Options.*", ""),
    ),
    "uploads without a sandbox": (
        "upload-types",
        (UPLOADS, "add_header Content-Security-Policy.*", ""),
    ),
    "a sandbox of the same origin": (
        "upload-types",
        (UPLOADS, 'sandbox"', 'sandbox allow-scripts allow-same-origin"'),
    ),
    "uploads open in the browser": (
        "upload-types",
        (UPLOADS, "add_header Content-Disposition.*", ""),
    ),
    "HTML is a type of uploads": ("upload-types", (UPLOADS, "types {", "types { text/html html;")),
    "unknown uploads are pages": (
        "upload-types",
        (UPLOADS, "default_type .*", "default_type text/html;"),
    ),
    "SVG opens in the browser": (
        "upload-types",
        ("site.conf", r"~\^image/svg +attachment;.*", ""),
    ),
    "a rule for images without headers": (
        "upload-types",
        (UPLOADS, "try_files", "location ~ png$ { add_header X-Team ours; } try_files"),
    ),
    "dotfiles served": ("upload-directory", (UPLOADS, r"location ~ /.*", "")),
    "symlinks followed": ("upload-directory", (UPLOADS, "disable_symlinks.*", "")),
    "directories listed": ("upload-directory", (UPLOADS, "try_files .*", "autoindex on;")),
    "compressed copies": (
        "upload-compressed-copy",
        (UPLOADS, "gzip_static off;", "gzip_static on;"),
    ),
    "uploads cached for a year": (
        "upload",
        (UPLOADS, r"charset utf-8;", "charset utf-8; add_header Cache-Control immutable;"),
    ),
    "uploads from another root": (
        "upload",
        ("site.conf", "location /s/media/ {", "location /s/media/ { root /srv;"),
    ),
    "static files from another root": (
        "static-file",
        ("site.conf", "location /s/static/ {", "location /s/static/ { root /srv;"),
    ),
    "static files of another directory": (
        "static-file",
        ("site.conf", "location /s/static/ {", "location /s/static/ { root ROOT/old;"),
    ),
    "static files without nosniff": (
        "static-file",
        ("static.conf", "add_header X-Content-Type-Options.*", ""),
    ),
    "all names cached for a year": (
        "hashed-static-file",
        ("site.conf", r'default +"max-age=3600"', 'default "max-age=31536000, immutable"'),
    ),
    "hashed names not cached": (
        "hashed-static-file",
        ("site.conf", "max-age=31536000, immutable", "max-age=1"),
    ),
    "the manifest served": ("other-urls",),
    "the rest handed to Django": ("other-urls", ("site.conf", r"location /s/ {.*", "")),
    "the directory above open": (
        "other-urls",
        ("site.conf", "location /s/media/ {", "location /s/media { alias ROOT/www/s/media/;"),
    ),
    "private uploads public": ("private-direct", ("private.conf", "internal;.*", "")),
    "private uploads from another root": (
        "private-by-django",
        ("private.conf", "root .*", "root /srv;"),
    ),
    "the checkout by an alias": (
        "other-locations",
        ("site.conf", "location / {", "location /files/ { alias CHECKOUT/; } location / {"),
    ),
    "the checkout by a regular expression": (
        "other-locations",
        ("site.conf", "location / {", "location ~ ^/old/(.*)$ { alias CHECKOUT/$1; } location / {"),
    ),
    "the database by an alias": (
        "other-locations",
        ("site.conf", "location / {", "location /backup/ { alias ROOT/; } location / {"),
    ),
    "private uploads by an alias": (
        "other-locations",
        ("site.conf", "location / {", "location /p/ { alias ROOT/var/s/; } location / {"),
    ),
    "a second server for uploads": (
        "other-locations",
        ("site.conf", "^", f"server {{ listen 127.0.0.1:{PORT}; root ROOT/www; }} "),
    ),
    "bodies of any size": (
        "body-size",
        ("proxy.conf", "client_max_body_size.*", "client_max_body_size 0;"),
    ),
    "bodies of the default size": ("body-size", ("proxy.conf", "client_max_body_size.*", "")),
    "no server for unknown hosts": ("wrong-host", ("default_server.conf", r"server {(.|\n)*", "")),
    "the client's Host": ("absolute-url", ("proxy.conf", r"Host \$host", "Host $http_host")),
    "no scheme for Django": (
        "application",
        ("proxy.conf", "proxy_set_header X-Forwarded-Proto.*", ""),
    ),
    "the client's scheme": (
        "forwarded-headers",
        ("proxy.conf", r"X-Forwarded-Proto \$scheme", "X-Forwarded-Proto $forged"),
        (
            "site.conf",
            "^",
            'map $http_x_forwarded_proto $forged { default $http_x_forwarded_proto; "" $scheme; }',
        ),
    ),
    "the version shown": ("application", ("*", "server_tokens off;", "server_tokens on;")),
    "another socket": ("application", ("site.conf", "gunicorn.sock", "other.sock")),
    "the upstream's name as Host": (
        "application",
        ("proxy.conf", "proxy_set_header Host.*", ""),
    ),
}  # fmt: skip


def mutated(server, name: str, old: str, new: str) -> None:
    """Change the first match in nginx's installed files; there must be one."""
    directories = {"site.conf": "sites-enabled", "default_server.conf": "conf.d"}
    places = [directories.get(name, server.project.name)]
    if name in {"*", UPLOADS}:
        places = ["conf.d", "sites-enabled", server.project.name]
    new = new.replace("ROOT", str(server.root)).replace("CHECKOUT", str(server.project))
    changed = 0
    for place in places:
        for file in sorted((server.root / place).rglob("*.conf")):
            text = file.read_text()
            if name == UPLOADS and "disable_symlinks" not in text:
                continue
            if name == "site.conf" and file.stem != server.project.name:
                continue
            if len(places) == 1 and place == server.project.name and file.name != name:
                continue
            text, count = re.subn(old, lambda _: new, text)
            if count:
                file.write_text(text)
            changed += count
    assert changed, f"{name} has no match of {old!r}"


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_removed_protection_fails(server, mutant):
    question, *changes = MUTANTS[mutant]
    old = server.root / "old/s/static/admin/css"
    old.mkdir(parents=True, exist_ok=True)
    (old / "base.css").write_text("/* of another release */")
    manifest = server.web_root / "s/static/staticfiles.json"
    if mutant == "the manifest served":
        manifest.touch()
    try:
        for change in changes:
            mutated(server, *change)
        restart(server)
        done = probe(server, "--json")
        assert done.returncode == 1, done.stdout
        assert question in failed(done.stdout), done.stdout
    finally:
        manifest.unlink(missing_ok=True)
        lay_out(server.project, server.root, (server.http, server.https), find_nginx())
        restart(server)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "setting"),
    [
        ("upload", 'STORAGES["default"]["OPTIONS"]["file_permissions_mode"] = 0o600'),
        ("upload", 'MEDIA_ROOT = WEB_ROOT + "/elsewhere"\nos.makedirs(MEDIA_ROOT, exist_ok=True)'),
        ("upload", 'del STORAGES["default"]'),
    ],
)
def test_setting_that_breaks_uploads_fails(server, question, setting):
    with edited(server.project, [("config/settings.py", setting)]):
        done = probe(server, "--json")
    assert done.returncode == 1, done.stdout
    assert question in failed(done.stdout), done.stdout


@pytest.mark.slow
def test_stopped_application_fails_and_files_do_not(server):
    server.stop_application()
    try:
        done = probe(server, "--json")
        assert done.returncode == 1
        assert "application" in failed(done.stdout)
        assert not {"static-file", "upload"} & set(failed(done.stdout))
    finally:
        server.start_application()
