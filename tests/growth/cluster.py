"""Two application servers behind one nginx, with one PostgreSQL and one bucket."""

import os
import re
import shutil
import signal
import socket
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from network import PORT, Namespace, network

from support.commands import SECRET_KEY, run_ok
from support.http import Client
from support.object_storage import Bucket, seaweedfs
from support.packages import find_nginx
from support.postgresql import postgresql
from support.site import Server, answers, free_port, lay_out, rendered_for, server_directory, until

# Before the site's files, which must replace what an administrator's nginx.conf can have.
HTTP = """
proxy_next_upstream error timeout non_idempotent;
log_format servers '$request_method $request_uri $status $upstream_addr';
"""

# Starts a program as systemd does, with an open socket.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass
class ApplicationServer:
    """A server that runs the application, installed from the same commit as all others."""

    name: str
    namespace: Namespace
    python: Path
    release: Path
    environment: dict[str, str]
    listener: socket.socket = field(init=False)
    process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"{self.namespace.address}:{PORT}"

    def __post_init__(self) -> None:
        self.listen()

    def listen(self) -> None:
        """Open the socket; it stays open while the application restarts, as that of systemd."""
        self.listener = self.namespace.listen()

    def manage(self, *arguments: str) -> str:
        """Run manage.py."""
        return run_ok(self.python, "manage.py", *arguments, cwd=self.release, **self.environment)

    def deploy(self, release: Path) -> None:
        """Do what a release does on an application server, except for its checks."""
        self.release = release
        self.manage("collectstatic", "--noinput", "--verbosity", "0")
        self.manage("migrate", "--verbosity", "0")

    def start(self) -> None:
        """Start gunicorn with the open socket, as systemd does."""
        number = self.listener.fileno()
        command = [self.python, "-c", ACTIVATE, number, self.python, "-m", "gunicorn"]
        with (self.release.parent / f"{self.name}.err").open("a") as errors:
            self.process = subprocess.Popen(
                [*self.namespace.command, *map(str, command), "config.wsgi"],
                cwd=self.release,
                env=os.environ | self.environment,
                stderr=errors,
                pass_fds=[number],
                start_new_session=True,
            )
        until(self.responds, self.process)

    def responds(self) -> bool:
        """Return whether the process that was started last responds."""
        return self.client().get("/")["X-Process"] == str(self.process.pid)

    def client(self) -> Client:
        """Return a client that connects to this server as nginx does."""
        return DirectClient(
            self.environment["DOMAIN"],
            lambda: socket.create_connection((self.namespace.address, PORT), 20),
        )

    @property
    def busy(self) -> Path:
        """A file that exists while a request is delayed: cluster_settings.py."""
        return Path(self.environment["STATE_DIR"], "busy")

    def restart(self) -> None:
        """Start the application again, beside the running one, which then ends its requests."""
        running = self.process
        self.start()
        running.terminate()
        running.wait(80)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the application at once."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill the application; the socket stays open."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def crash(self) -> None:
        """Kill all of the server's processes, systemd too: connections are refused."""
        self.kill()
        self.listener.close()

    def stop(self) -> None:
        """End what is left of the server."""
        if self.process and self.process.poll() is None:
            self.kill()
        self.listener.close()

    def recover(self) -> None:
        """Bring a crashed server up again."""
        self.listen()
        self.start()


class DirectClient(Client):
    """A client that sends the headers of nginx/proxy.conf."""

    def request(self, method: str, path: str, body: bytes = b"", **headers: str):
        return super().request(method, path, body, X_Forwarded_Proto="https", **headers)


@dataclass
class Cluster:
    """One nginx, which is a server of the site too, and its application servers."""

    front: Server
    servers: list[ApplicationServer]
    address: str  # of nginx's server
    bucket: Bucket

    def install_nginx(self, *edits: tuple[str, str]) -> None:
        """Start nginx with the project's files, in which texts are replaced."""
        root, slug = self.front.root, self.front.project.name
        if hasattr(self.front, "nginx"):
            self.front.stop_nginx()
        lay_out(self.front.project, root, (self.front.http, self.front.https), find_nginx())
        (root / "conf.d/a.conf").write_text(HTTP)
        site = root / f"sites-enabled/{slug}.conf"
        self.list_servers(site)
        files = [site, root / slug / "proxy.conf"]
        site.write_text(site.read_text().replace("access.log combined", "servers.log servers"))
        for old, new in edits:
            assert sum(file.read_text().count(old) for file in files) >= 1, old
            for file in files:
                file.write_text(file.read_text().replace(old, new))
        self.front.start_nginx(find_nginx())

    def list_servers(self, site: Path) -> None:
        """Run the lines of deploy.sh that write the servers of nginx's upstream."""
        script = (self.front.project / "deploy/deploy.sh").read_text()
        lines = re.findall(r'^(?:value\(\) | +servers=| +\[ -z "\$servers").*$', script, re.M)
        assert len(lines) == 3
        environment = self.front.root / "server.env"
        listed = ",".join(server.address for server in self.servers)
        environment.write_text(f"APPLICATION_SERVERS={listed}\n")
        command = "\n".join(lines).replace("$conf/site.conf", str(site))
        run_ok("sh", "-euc", command, cwd=site.parent, environment=environment)

    def log(self) -> list[str]:
        """Return nginx's log: method, URL, status, servers that were tried."""
        return (self.front.root / "servers.log").read_text().splitlines()

    def client(self, keep_alive: bool = False) -> Client:
        return Client(self.front.domain, self.front.connect, keep_alive)

    def photos(self) -> int:
        """Return how many photos the database has."""
        code = "from welcome.models import Photo; print(Photo.objects.count())"
        return int(self.servers[0].manage("shell", "--verbosity", "0", "--command", code))


@contextmanager
def cluster(project: Path, python: Path, root: Path):
    """Run two application servers, a database and nginx until the block ends."""
    domain = answers(project)[1]
    with ExitStack() as stack:
        address, namespaces = stack.enter_context(network(2))
        database = stack.enter_context(postgresql(address))
        bucket = stack.enter_context(seaweedfs(address))
        web_root = root / "www"
        common = {"DATABASE_URL": database, "SECRET_KEY": SECRET_KEY, "DOMAIN": domain}
        common |= bucket.environment | {"DJANGO_SETTINGS_MODULE": "cluster_settings"}
        common |= {"PYTHONPATH": str(Path(__file__).parent), "SERVER": "nginx"}
        servers = []
        for name, namespace in zip("ab", namespaces, strict=True):
            own = root / name
            (own / "var").mkdir(parents=True)
            release = shutil.copytree(project, own / project.name)
            environment = common | {"WEB_ROOT": f"{own}/www", "STATE_DIR": f"{own}/var"}
            environment |= {"SERVER": name, "LISTEN": f"{namespace.address}:{PORT}"}
            servers.append(ApplicationServer(name, namespace, python, release, environment))
        ports = free_port(), free_port()
        front = Server(project, root, domain, *ports, python, web_root, common)
        front.manage("collectstatic", "--noinput", "--verbosity", "0")
        for server in servers:
            stack.callback(server.stop)
            server.deploy(server.release)
            server.start()
        cluster = Cluster(front, servers, address, bucket)
        cluster.install_nginx()
        stack.callback(front.stop_nginx)
        yield cluster


@contextmanager
def running_cluster(copy_of, python):
    """Render a project and run it on several servers, with a Python that has the extra `s3`."""
    with (
        server_directory() as root,
        cluster(copy_of(**rendered_for(root)), python, root) as found,
    ):
        yield found
