"""Sites under attack: behind nginx, or the development server; with test files and accounts."""

import os
import socket
import ssl
import subprocess
import threading
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from attacks.files import created_files
from support.commands import TEMPLATE, run_ok
from support.http import Response, read
from support.site import free_port, until

ACCOUNTS = """
from django.contrib.auth import get_user_model
from django.test import Client
for name, staff in (("visitor", False), ("staff", True)):
    client, users = Client(), get_user_model().objects
    client.force_login(users.create_user(name, is_staff=staff, is_superuser=staff))
    print(client.cookies.output(attrs=[], header="session"))
"""
# The environment that adds the test views to a project.
SETTINGS = {"DJANGO_SETTINGS_MODULE": "attacks.app.settings", "PYTHONPATH": str(TEMPLATE / "tests")}


@dataclass
class Site:
    """A site under attack. It sends requests byte for byte: a client library would normalize them."""

    domain: str
    https: int
    http: int | None
    media: Path
    static: Path
    private: Path
    local: bool = False
    brotli: bool = False  # whether nginx has the module
    visitor: str = ""  # session cookie of a user without staff status
    staff: str = ""  # session cookie of a user who can upload in the admin
    log: Callable[[], str] = lambda: ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def media_domain(self) -> str:
        """The optional separate domain for uploads."""
        return self.domain.replace(".", "-uploads.", 1)

    def path(self, name: str) -> Path:
        """Return the path of a test file, such as media/u/a.png."""
        directory, _, rest = name.partition("/")
        www = self.media.parent.parent
        roots = {"www": www, "media": self.media, "static": self.static, "private": self.private}
        return roots[directory] / rest

    def expand(self, text: str) -> str:
        """Replace the placeholders that cases use: domains, and the session cookies of two users."""
        for name, value in {
            "$DOMAIN": self.domain,
            "$UPPER": self.domain.upper(),
            "$MEDIA_DOMAIN": self.media_domain,
            "$VISITOR": self.visitor,
            "$STAFF": self.staff,
        }.items():
            text = text.replace(name, value)
        return text

    def encode(self, data: bytes) -> bytes:
        """Replace the same placeholders in the bytes of a request."""
        return self.expand(data.decode("latin-1")).encode("latin-1")

    def connect(
        self, sni="$DOMAIN", tls=True, alpn=(), version=None, timeout=5, port=None, resumed=(),
        ciphers="ALL:@SECLEVEL=0", address="127.0.0.1", client=None,
    ) -> socket.socket:  # fmt: skip
        """Return a connection to nginx or runserver; without SNI if it is None.

        `client` is the loopback address that it comes from, such as 127.0.0.2; `resumed` is the SSLContext and the SSLSession of an earlier connection.
        """
        port = port or (self.https if tls else self.http)
        source = client and (client, 0)
        plain = socket.create_connection((address, port), timeout, source)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.local or not tls:
            return plain
        context, session = resumed or (ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), None)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if version:
            context.set_ciphers(ciphers)
            with warnings.catch_warnings(action="ignore"):  # old versions are deprecated
                context.minimum_version = context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(alpn)
        try:
            name = sni and self.expand(sni)
            return context.wrap_socket(plain, server_hostname=name, session=session)
        except BaseException:
            plain.close()
            raise

    def raw(
        self, data: bytes, sni: str | None = "$DOMAIN", tls: bool = True, **connection
    ) -> Response | None:
        """Send bytes and return the response, or None if the connection is closed without one."""
        try:
            with self.connect(sni, tls, **connection) as sock:
                sock.sendall(self.encode(data))
                return read(sock, data.startswith(b"HEAD "))
        except (ssl.SSLError, ConnectionError):
            return None


@contextmanager
def under_attack(site: Site, manage: Callable[..., str]):
    """Create test files and accounts on a site until the block ends."""
    with created_files(site):
        lines = manage("shell", "--command", ACCOUNTS).splitlines()
        site.visitor, site.staff = (x.split()[1] for x in lines if x.startswith("session"))
        yield site


def behind_nginx(server) -> AbstractContextManager[Site]:
    """Create test files and accounts on a deployed server until the block ends."""
    www, var = server.web_root / "s", server.root / "var/s"
    brotli = (server.root / server.project.name / "brotli.conf").exists()
    site = Site(
        server.domain, server.https, server.http, www / "media", www / "static", var / "private",
        brotli=brotli, log=server.log,
    )  # fmt: skip
    return under_attack(site, server.manage)


@contextmanager
def development_server(project: Path, python: Path):
    """Serve a project as `make run` does, with test files and accounts, until the block ends."""
    var = project.with_name(f"{project.name}-var")
    port = free_port()
    environment = SETTINGS | {"LOCAL_DEV": "1", "DEBUG": "0"}

    def manage(*arguments: str) -> str:
        return run_ok(python, "manage.py", *arguments, cwd=project, **environment)

    manage("migrate", "--verbosity", "0")
    media, private = var / "www/s/media", var / "s/private"
    site = Site(f"127.0.0.1:{port}", port, None, media, project / "static", private, local=True)
    with under_attack(site, manage), (var / "errors").open("w") as errors:
        process = subprocess.Popen(
            [python, "manage.py", "runserver", "--noreload", "--skip-checks", str(port)],
            cwd=project,
            env=os.environ | environment,
            stdout=errors,
            stderr=errors,
        )
        try:
            until(lambda: site.connect().close() is None, process)
            yield site
        finally:
            process.terminate()
            process.wait(20)
