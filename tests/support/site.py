"""The rendered project as on a server: nginx with the project's files, gunicorn on a Unix socket.

Only what an unprivileged test cannot have is different: the ports, one directory in place of /etc,
/run and /var/lib, and a self-signed certificate.
"""

import os
import random
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.commands import SECRET_KEY, run_ok
from support.http import Client
from support.packages import find_nginx, version

NOBODY = 65534
CONFIGURATION = """
daemon off;
{load}
pid {root}/nginx.pid;
error_log {root}/error.log;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    # Directives of Debian 12's nginx.conf, the commented ones too, and some that administrators
    # add: the site's files must work with all of them.
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
    ssl_prefer_server_ciphers on;
    gzip on;
    gzip_types text/plain text/css application/json application/javascript image/svg+xml;
    gzip_static on;
    autoindex on;
    ssi on;
    open_file_cache_valid 30s;
    open_file_cache_errors on;

    access_log {root}/access.log;
    client_body_temp_path {root}/tmp/body;
    proxy_temp_path {root}/tmp/proxy;
    fastcgi_temp_path {root}/tmp/fastcgi;
    uwsgi_temp_path {root}/tmp/uwsgi;
    scgi_temp_path {root}/tmp/scgi;
    include conf.d/*.conf;
    include sites-enabled/*.conf;
}}
"""


# Each once, and below the ports that Linux gives to outgoing connections.
PORTS = iter(random.sample(range(20000, 32768), 12768))


def free_port() -> int:
    """Return a port that nothing on the loopback interface uses, another one at each call."""
    return next(port for port in PORTS if is_free(port))


def is_free(port: int) -> bool:
    with socket.socket() as bound, suppress(OSError):
        bound.bind(("127.0.0.1", port))
        return True
    return False


def unprivileged(group: int | None = None) -> list[str]:
    """Return the command prefix that runs a program as nobody, by default in our own group."""
    if os.geteuid():
        return []
    group = os.getegid() if group is None else group
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={group}", "--clear-groups"]


@dataclass
class Server:
    """A running site."""

    project: Path
    root: Path
    domain: str
    http: int
    https: int
    python: Path
    web_root: Path
    settings: dict[str, str] = field(default_factory=dict)
    application: subprocess.Popen = field(init=False)
    nginx: subprocess.Popen = field(init=False)

    def manage(self, *arguments: str) -> str:
        """Run manage.py with the server's environment and return its output."""
        return run_ok(self.python, "manage.py", *arguments, cwd=self.project, **self.environment)

    @property
    def environment(self) -> dict[str, str]:
        state = {"WEB_ROOT": f"{self.web_root}", "STATE_DIR": f"{self.root}/var"}
        return {"SECRET_KEY": SECRET_KEY, **state, **self.settings}

    def start_application(self) -> None:
        """Start gunicorn with the project's configuration, on a socket below the root."""
        with (self.root / "application.err").open("a") as errors:
            self.application = subprocess.Popen(
                [self.python, "-m", "gunicorn", "--bind", f"unix:{self.root}/run/gunicorn.sock"]
                + ["--access-logfile", self.root / "application.log", "config.wsgi"],
                cwd=self.project,
                env=os.environ | self.environment,
                stderr=errors,
            )
        until(lambda: (self.root / "run/gunicorn.sock").is_socket(), self.application)

    def stop_application(self) -> None:
        """Stop gunicorn. Its worker ignores the first signal if it is being started."""
        self.application.terminate()
        try:
            self.application.wait(4)
        except subprocess.TimeoutExpired:
            self.application.send_signal(signal.SIGQUIT)
            self.application.wait(20)

    def start_nginx(self, nginx: str) -> None:
        """Start nginx with the project's files."""
        command = [*unprivileged(), nginx, "-e", "stderr", "-p", self.root, "-c", "nginx.conf"]
        test = subprocess.run([*command, "-t"], capture_output=True, text=True)
        if test.returncode or "[warn]" in test.stderr:
            raise Refused(test.stderr)
        with (self.root / "nginx.err").open("a") as errors:
            self.nginx = subprocess.Popen(command, stderr=errors)
        until(
            lambda: socket.create_connection(("127.0.0.1", self.https)).close() is None, self.nginx
        )

    def stop_nginx(self) -> None:
        """Stop nginx."""
        self.nginx.send_signal(signal.SIGTERM)
        self.nginx.wait(20)

    def connect(self, name: str | None = None) -> ssl.SSLSocket:
        """Return a TLS connection to nginx with `name` as SNI, the site's own by default."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.https), timeout=20)
        return context.wrap_socket(plain, server_hostname=name or self.domain)

    def client(self) -> Client:
        """Return a client with its own cookies."""
        return Client(self.domain, self.connect)

    def log(self) -> str:
        """Return gunicorn's access log."""
        path = self.root / "application.log"
        return path.read_text() if path.exists() else ""


class Refused(Exception):
    """nginx rejects a configuration, or warns; the text is its message."""


def until(ready, process: subprocess.Popen, seconds: float = 20) -> None:
    """Wait until `ready()` is true; an OSError means not yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.02)
    pytest.fail(f"{process.args} did not start", pytrace=False)


@contextmanager
def server_directory():
    """A directory that an unprivileged nginx can read, its path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="site-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def rendered_for(root: Path) -> dict[str, str]:
    """Return the answers of a project with its web root below `root`; the others are defaults."""
    return {"web_root": f"{root}/www"}


def lay_out(
    project: Path, root: Path, ports: tuple[int, int], nginx: str, brotli: bool = True
) -> None:
    """Install the project's nginx files below `root` as the deploy script does below /etc/nginx."""
    slug, domain = answers(project)
    for name in ("conf.d", "sites-enabled", slug, "run", "tmp", "ssl", "www", "var"):
        (root / name).mkdir(exist_ok=True)
    module = Path(nginx).parent / "usr/lib/nginx/modules/ngx_http_brotli_static_module.so"
    load = f"load_module {module};" if brotli and module.exists() else ""
    (root / "nginx.conf").write_text(CONFIGURATION.format(root=root, load=load))
    targets = {
        "default_server.conf": "conf.d/default_server.conf",
        "site.conf": f"sites-enabled/{slug}.conf",
        "media_domain.conf": f"sites-enabled/{slug}_media_domain.conf",
    }
    if load:
        (root / slug / "brotli.conf").write_text("brotli_static on;\n")
    http2 = version(nginx) >= (1, 25, 1)
    for file in (project / "nginx").glob("*.conf"):
        targets.setdefault(file.name, f"{slug}/{file.name}")
    for name, target in targets.items():
        text = (project / "nginx" / name).read_text()
        if http2 and name == "default_server.conf":
            text = "http2 on;\n" + text.replace("ssl http2 default_server", "ssl default_server")
        for port, free in zip((80, 443), ports, strict=True):
            text = re.sub(rf"listen {port}\b", f"listen 127.0.0.1:{free}", text)
            text = text.replace(f"listen [::]:{port}", f"listen [::1]:{free}")
        text = text.replace(f"/run/{slug}/", f"{root}/run/")
        text = text.replace(f"/var/log/nginx/{slug}.", f"{root}/")
        text = text.replace(f"/var/lib/{slug}", f"{root}/var")
        text = text.replace(f"/etc/ssl/{domain}/", f"{root}/ssl/")
        (root / target).write_text(text)
    if not (root / "ssl/privkey.pem").exists():
        command = shlex.split(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
            f" -subj /CN=site -addext subjectAltName=DNS:{domain}"
            " -keyout ssl/privkey.pem -out ssl/fullchain.pem"
        )
        run_ok(*command, cwd=root)
        (root / "ssl/privkey.pem").chmod(0o640)
    if not os.geteuid():
        os.chown(root / "tmp", NOBODY, -1)
        os.chown(root, NOBODY, -1)


def answers(project: Path) -> tuple[str, str]:
    """Return the slug and the domain that a project was rendered with."""
    settings = (project / "config/settings.py").read_text()
    (domain,) = re.findall(r'"DOMAIN", "(.+)"', settings, re.MULTILINE)
    return project.name, domain


@contextmanager
def deployed(project: Path, root: Path, python: Path, nginx: str | None = None, **settings: str):
    """Run migrate and collectstatic, and serve a project below `root` until the block ends.

    `settings` are environment variables of the application.
    """
    nginx = nginx or find_nginx()
    domain = answers(project)[1]
    ports = free_port(), free_port()
    server = Server(project, root, domain, *ports, python, root / "www", settings)
    lay_out(project, root, (server.http, server.https), nginx)
    server.manage("migrate", "--verbosity", "0")
    server.manage("collectstatic", "--noinput", "--verbosity", "0")
    server.start_application()
    try:
        server.start_nginx(nginx)
        try:
            yield server
        finally:
            server.stop_nginx()
    finally:
        if server.application.poll() is None:
            server.stop_application()
