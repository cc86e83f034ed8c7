"""The questions of `manage.py probe`, to nginx with the files of nginx/ in front of gunicorn.

Only ports, certificate and directories differ from a server.
"""

import contextlib
import json
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage

from files import layout

# What the probe must know about this site: "--skip", "upload-types", or "--header",
# "Authorization: Basic …". See `manage.py probe --help`.
PROBE_OPTIONS = []
APPLICATION = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind"]

NGINX = shutil.which("openssl") and shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
CONF = """
daemon off; pid nginx.pid; error_log stderr crit;
include /etc/nginx/modules-enabled/*.conf; events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    include nginx/default_server.conf;
    include nginx/site.conf;
}
"""
# BASE_DIR is where the manifest is written, and where the probe reads nginx/.
SETTINGS = """
from config.settings import *
BASE_DIR = "ROOT"
if not DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["NAME"] = "TEST_DATABASE"
"""
SETUP = """
import django; django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0); call_command("collectstatic", "--noinput", verbosity=0)
client = Client()
client.force_login(get_user_model().objects.create(is_staff=True, is_superuser=True))
print(client.cookies.output(attrs=[], header="Cookie:"))
"""


def substitute(text: str, root: Path, ports: dict[str, int]) -> str:
    """Return a file of nginx/ with the ports, certificate and directories of this test."""
    listen = r"\blisten\s+(?:[\d.]+:)?(\d+)"
    text = re.sub(r"\b(listen\s+\[::\]|access_log\s|error_log\s)[^;]*;", "", text)
    for port in re.findall(listen, text):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.setdefault(port, free.getsockname()[1])
    text = re.sub(listen, lambda match: f"listen 127.0.0.1:{ports[match[1]]}", text)
    text = re.sub(r"\bssl_certificate(_key)?\s[^;]+", rf"ssl_certificate\1 {root}/tls\1.pem", text)
    for line, path in re.findall(r"\b((?:include|ssl_dhparam)\s+(/[^;*]+);)", text):
        if not Path(path).exists():  # a file that only the server has
            text = text.replace(line, "")
    for path, name in ((layout.WEB_ROOT, "www"), (layout.STATE_DIR, "var"), ("/run", "run")):
        text = re.sub(rf"(?<![\w/.]){re.escape(path)}(?![\w.-])", f"{root}/{name}", text)
    return text


@contextlib.contextmanager
def running(command: list, address: tuple | str, **options):
    """Run a server from the moment it accepts connections until the block ends."""
    process = subprocess.Popen(command, **options)
    try:
        for _ in range(500):
            with socket.socket(socket.AF_UNIX if type(address) is str else socket.AF_INET) as sock:
                if process.poll() is not None or sock.connect_ex(address) == 0:
                    break
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.skipif(not NGINX, reason="nginx or openssl is not installed")
@pytest.mark.skipif(not Path("nginx").is_dir(), reason="there is no nginx/")
def test_nginx(tmp_path, django_db_setup):
    root, ports = tmp_path, {}
    bind = runpy.run_path("gunicorn.conf.py")["bind"].replace("/run", f"{root}/run")
    media = layout.path_for(root / "www", layout.MEDIA_URL)  # the installation creates it
    for directory in (root / "nginx", root / "var", media, Path(bind[5:]).parent):
        directory.mkdir(parents=True)
    for file in Path("nginx").glob("*.conf"):
        text = substitute(file.read_text(), root, ports)
        (root / "nginx" / file.name).write_text(text)
        for name in re.findall(r"\binclude\s+(\w+)/", text):  # /etc/nginx/NAME on a server
            if not (root / name).exists():
                (root / name).symlink_to("nginx")
    (root / "modules").symlink_to("/usr/share/nginx/modules")  # Debian's
    (root / "nginx.conf").write_text(("" if os.getuid() else "user root;") + CONF)
    database = str(settings.DATABASES["default"]["NAME"])
    text = SETTINGS.replace("ROOT", str(root)).replace("TEST_DATABASE", database)
    (root / "server_settings.py").write_text(text)
    environment = os.environ | {"LOCAL_DEV": "0", "SECRET_KEY": "of tests"}
    environment |= {"WEB_ROOT": f"{root}/www", "STATE_DIR": f"{root}/var"}
    environment |= {"PYTHONPATH": f"{root}:.", "DJANGO_SETTINGS_MODULE": "server_settings"}

    def run(*command: str) -> subprocess.CompletedProcess:
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    certificate = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"]
    run("openssl", *certificate, "-keyout", f"{root}/tls_key.pem", "-out", f"{root}/tls.pem")
    setup = run(sys.executable, "-c", SETUP)
    assert setup.returncode == 0, setup.stderr
    tls = re.search(r"\blisten\s+443\b", Path("nginx/site.conf").read_text())
    scheme, port = ("https", ports["443"]) if tls else ("http", ports["80"])
    options = [f"{scheme}://{settings.DOMAIN}/", "--connect", f"127.0.0.1:{port}", "--insecure"]
    options += ["--json", "--header", setup.stdout.splitlines()[-1], *PROBE_OPTIONS]
    if not isinstance(default_storage, FileSystemStorage):  # another service stores the uploads
        options += ["--skip", "upload"]
    application = running([*APPLICATION, bind], bind.removeprefix("unix:"), env=environment)
    nginx = running([NGINX, "-p", root, "-c", "nginx.conf"], ("127.0.0.1", port))
    with application, nginx:
        report = run(sys.executable, "manage.py", "probe", *options)
    if not report.stdout.startswith("["):
        pytest.fail(report.stdout + report.stderr, pytrace=False)
    for question in json.loads(report.stdout):
        assert question["ok"] is not False, f"{question['name']}: {question['sentence']}"
