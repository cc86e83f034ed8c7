"""Serving over TLS, as visitors have it: static files, uploads, handshakes, a dynamic page."""

import os
import re
import socket
import ssl
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab import RENDER, TEMPLATE, Lab, python, run, running
from measure import Row

from support.environments import with_packages
from support.packages import OWN_RELEASE, fetch_program, find_nginx
from support.site import Server, deployed, free_port, unprivileged, until

SIZES = {"1 KB": 1024, "30 KB": 30 * 1024, "1 MB": 1024 * 1024}
# nginx closes a connection after 1,000 requests, and h2load does not open another.
CONNECTIONS = 16
REQUESTS = {"1 KB": 12_000, "30 KB": 6_000, "1 MB": 320}
LOGIN = "/accounts/login/"
# Two of the machine's processors: where one is named, the servers get it, and h2load the other.
SERVERS, CLIENT = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))

# Only what a file needs. `sendfile on` and larger chunks made no difference beyond the noise.
BARE = """
daemon off;
pid {root}/bare.pid;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {root}/tmp/body;
    proxy_temp_path {root}/tmp/proxy;
    fastcgi_temp_path {root}/tmp/fastcgi;
    uwsgi_temp_path {root}/tmp/uwsgi;
    scgi_temp_path {root}/tmp/scgi;
    sendfile off;
    open_file_cache max=1000;
    types {{ image/png png; }}
    ssl_certificate {root}/ssl/fullchain.pem;
    ssl_certificate_key {root}/ssl/privkey.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    upstream whitenoise {{ server unix:{root}/run/whitenoise.sock; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        root {root}/www;
        location /whitenoise/ {{
            proxy_pass http://whitenoise;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""
WHITENOISE = """
from whitenoise import WhiteNoise
application = WhiteNoise(None, root={directory!r}, prefix="whitenoise/")
"""
EMPTY = """
from django.http import HttpResponse
urlpatterns.append(path("empty/", lambda request: HttpResponse()))
"""


def rows(lab: Lab) -> Iterator[Row]:
    root = lab.work / "serving"
    root.mkdir()
    root.chmod(0o755)
    run(*RENDER, TEMPLATE, "-o", root / "project", f"web_root={root}/www", cwd=lab.work)
    project = root / "project/client_site"
    with (project / "config/urls.py").open("a") as file:
        file.write(EMPTY)
    interpreter = with_packages(
        python(lab.project), "benchmarks", ["click", "granian", "whitenoise"]
    )
    with ExitStack() as stack:
        server = stack.enter_context(deployed(project, root, interpreter))
        server.stop_application()
        edit_nginx(server, "access_log .*;", "access_log off;")
        restart_nginx(server)
        yield from files(server, stack)
        yield handshakes(server)
        # One address sends what many visitors send, and waits for servers that are too slow.
        edit_nginx(server, r"limit_conn clients \d+;", "")
        edit_nginx(server, r"worker_connections \d+", "worker_connections 1000")
        yield from pages(server, stack)


def files(server: Server, stack: ExitStack) -> Iterator[Row]:
    """Yield the rows of static files and uploads."""
    for name, size in SIZES.items():
        for path in (static(name), upload(name)):
            file = Path(f"{server.web_root}{path}")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(os.urandom(size))
    bare, port = stack.enter_context(bare_nginx(server.root))
    text = WHITENOISE.format(directory=f"{server.web_root}/s/static")
    (server.project / "whitenoise_site.py").write_text(text)
    whitenoise = stack.enter_context(gunicorn(server, "whitenoise", module="whitenoise_site"))
    pin({SERVERS}, server.nginx, bare, whitenoise)

    def at(port: int, path: str, requests: int, *servers: subprocess.Popen) -> Callable[[], float]:
        return lambda: rate(server.domain, port, path, requests, *servers)

    for name, requests in REQUESTS.items():
        contenders = {
            "this template": at(server.https, static(name), requests, server.nginx),
            "bare nginx": at(port, static(name), requests, bare),
        }
        if name == "30 KB":
            path = static(name).replace("/s/static/", "/whitenoise/")
            contenders["WhiteNoise under gunicorn"] = at(port, path, 600, bare, whitenoise)
        yield Row(f"a static file of {name}", "req/s", contenders, "≥ 0.95")
    for name, requests in REQUESTS.items():
        contenders = {
            "this template": at(server.https, upload(name), requests, server.nginx),
            "its static files": at(server.https, static(name), requests, server.nginx),
        }
        yield Row(f"an uploaded file of {name}", "req/s", contenders, "≥ 0.9")


def static(size: str) -> str:
    return f"/s/static/{size.replace(' ', '')}.0123456789ab.png"


def upload(size: str) -> str:
    return f"/s/media/{size.replace(' ', '')}.png"


@contextmanager
def bare_nginx(root: Path):
    """Run an nginx that only serves files; yield its process and its port."""
    port = free_port()
    (root / "bare.conf").write_text(BARE.format(root=root, port=port))
    command = [*unprivileged(), find_nginx(), "-e", "stderr", "-p", root, "-c", "bare.conf"]
    with running(subprocess.Popen(command)) as bare:
        until(lambda: socket.create_connection(("127.0.0.1", port)).close() is None, bare)
        yield bare, port


def rate(domain: str, port: int, path: str, requests: int, *servers: subprocess.Popen) -> float:
    """Return the requests per second of the servers' processor time: waiting does not count."""
    before = processor_time(*servers)
    h2load(domain, port, path, f"--requests={requests}", "--max-concurrent-streams=10")
    return requests / (processor_time(*servers) - before)


def h2load(domain: str, port: int, path: str, *options: str) -> str:
    """Send requests to a port of this host over HTTP/2 and TLS 1.3; return h2load's output."""
    program = fetch_program("usr/bin/h2load", OWN_RELEASE, "nghttp2-client")
    output = subprocess.run(
        ["taskset", "--cpu-list", f"{CLIENT}", program, f"--clients={CONNECTIONS}", *options]
        + ["--header=Accept-Encoding: gzip, br", f"--connect-to=127.0.0.1:{port}"]
        + [f"https://{domain}:{port}{path}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.search(r" 0 failed,.*\n.* 0 3xx, 0 4xx, 0 5xx", output), output
    return output


def tree(process: int) -> list[int]:
    """Return a process and its descendants."""
    lists = [file.read_text() for file in Path(f"/proc/{process}/task").glob("*/children")]
    return [process, *(pid for child in " ".join(lists).split() for pid in tree(int(child)))]


def threads(*processes: subprocess.Popen) -> list[Path]:
    """Return the directories in /proc of all threads of processes and their descendants."""
    pids = [pid for process in processes for pid in tree(process.pid)]
    return [thread for pid in pids for thread in Path(f"/proc/{pid}/task").iterdir()]


def processor_time(*processes: subprocess.Popen) -> float:
    """Return the seconds that processes and their descendants have used so far."""
    nanoseconds = [int((t / "schedstat").read_text().split()[0]) for t in threads(*processes)]
    return sum(nanoseconds) / 1e9


def pin(processors: set[int], *processes: subprocess.Popen) -> None:
    """Let processes and their descendants use only these processors."""
    for thread in threads(*processes):
        os.sched_setaffinity(int(thread.name), processors)


def handshakes(server: Server) -> Row:
    """Return the row of TLS handshakes: of clients who return, and of new ones."""
    contenders = {
        "this template, resumed": lambda: handshake(server, resume=True),
        "a full handshake": lambda: handshake(server, resume=False),
    }
    return Row("a TLS 1.3 handshake", "ms", contenders, "≤ 0.8")


def handshake(server: Server, resume: bool) -> float:
    """Return the median time of 50 handshakes, without that of the TCP connection."""
    context = ssl.create_default_context(cafile=server.root / "ssl/fullchain.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    request = f"GET /s/ HTTP/1.1\r\nHost: {server.domain}\r\nConnection: close\r\n\r\n".encode()
    session, times = None, []
    for _ in range(51):
        plain = socket.create_connection(("127.0.0.1", server.https), timeout=20)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = time.perf_counter()
        with context.wrap_socket(plain, server_hostname=server.domain, session=session) as client:
            times.append(time.perf_counter() - start)
            assert client.session_reused == bool(session)
            client.sendall(request)
            while client.recv(4096):  # with TLS 1.3 the session follows the handshake
                pass
            session = client.session if resume else None
    return statistics.median(times[1:]) * 1000


def pages(server: Server, stack: ExitStack) -> Iterator[Row]:
    """Yield the rows of a dynamic page: throughput on two processors and on one, and latency."""
    both, one = {SERVERS, CLIENT}, {SERVERS}
    applications = {
        "this template": gunicorn(server, "this template"),
        "for one processor": gunicorn(server, "for one processor", workers=1),
        "1 worker, 8 threads": gunicorn(server, "1 worker, 8 threads", workers=1, threads=8),
        "2 sync workers": gunicorn(server, "2 sync workers", worker_class="sync", threads=1),
        "granian": granian(server, "granian", workers=2, threads=4),
    }
    processes = {name: stack.enter_context(manager) for name, manager in applications.items()}

    def prepare(name: str, processors: set[int]) -> None:
        select(server, name)
        pin(processors, server.nginx, processes[name])

    def throughput(name: str, processors: set[int], path: str = LOGIN) -> float:
        prepare(name, processors)
        return requests_per_second(server, path)

    def latency(name: str, rate: float) -> float:
        prepare(name, both)
        return percentile_99(server, LOGIN, rate)

    two = [name for name in applications if name != "for one processor"]
    row = Row(
        "the login page, two processors",
        "req/s",
        {name: lambda n=name: throughput(n, both) for name in two}
        | {"an empty view": lambda: throughput("this template", both, "/empty/")},
    )
    yield row
    load = 0.8 * row.median("this template")
    yield Row(
        f"99th percentile at {load:,.0f} req/s",
        "ms",
        {name: lambda n=name: latency(n, load) for name in two},
    )
    yield Row(
        "the login page, one processor",
        "req/s",
        {
            "this template": lambda: throughput("for one processor", one),
            "2 workers, 4 threads": lambda: throughput("this template", one),
            "2 sync workers": lambda: throughput("2 sync workers", one),
            "granian": lambda: throughput("granian", one),
        },
    )


@contextmanager
def application(server: Server, name: str, *command: str):
    """Run an application server; yield its process when nginx can connect to its socket."""
    environment = os.environ | server.environment
    words = [server.python, "-m", *command]
    with (server.root / "application.err").open("a") as log:
        process = subprocess.Popen(
            words, cwd=server.project, env=environment, stdout=log, stderr=log
        )
    with running(process):
        until(lambda: accepts(server.root / f"run/{name}.sock"), process)
        yield process


def accepts(path: Path) -> bool:
    """Return whether nginx can connect to a Unix socket. Raises OSError if nobody can."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    return bool(path.stat().st_mode & 0o020)


def gunicorn(server: Server, name: str, module: str = "config.wsgi", **settings: str | int):
    """Run gunicorn with the project's settings, except for these."""
    options = [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
    bind = f"--bind=unix:{server.root}/run/{name}.sock"
    return application(server, name, "gunicorn", bind, *options, module)


def granian(server: Server, name: str, workers: int, threads: int):
    """Run granian for WSGI."""
    bind = [f"--uds={server.root}/run/{name}.sock", "--uds-permissions=660"]
    size = [f"--workers={workers}", f"--blocking-threads={threads}", "--no-ws"]
    command = ["granian", "--interface=wsgi", *bind, *size, "config.wsgi:application"]
    return application(server, name, *command)


def edit_nginx(server: Server, pattern: str, text: str) -> None:
    """Replace a pattern in the configuration of nginx, before it is restarted."""
    for file in (server.root / "nginx.conf", *server.root.glob("sites-enabled/*.conf")):
        file.write_text(re.sub(pattern, text, file.read_text()))


def restart_nginx(server: Server) -> None:
    server.stop_nginx()
    server.start_nginx(find_nginx())


def select(server: Server, name: str) -> None:
    """Let nginx pass requests to the application that listens on the socket of this name."""
    link = server.root / "run/gunicorn.sock"
    link.unlink(missing_ok=True)
    link.symlink_to(f"{name}.sock")
    restart_nginx(server)  # closes the connections to the former one


def requests_per_second(server: Server, path: str) -> float:
    options = ["--requests=400", "--max-concurrent-streams=2"]
    output = h2load(server.domain, server.https, path, *options)
    (number,) = re.findall(r"finished in .*, ([\d.]+) req/s", output)
    return float(number)


def percentile_99(server: Server, path: str, rate: float) -> float:
    """Return the 99th percentile of the response times in a second with this many requests."""
    log = server.root / "h2load.log"
    log.unlink(missing_ok=True)  # h2load appends
    options = [f"--rps={rate / CONNECTIONS:.2f}", "--max-concurrent-streams=32"]
    options += [f"--requests={rate:.0f}", f"--log-file={log}"]
    h2load(server.domain, server.https, path, *options)
    times = [int(line.split("\t")[2]) for line in log.read_text().splitlines()]
    return statistics.quantiles(times, n=100)[98] / 1000
