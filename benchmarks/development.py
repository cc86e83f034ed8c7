"""The development server, and what the checks add to `manage.py check`."""

import http.client
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from lab import Lab, python, running, seconds
from measure import Row

from support.site import free_port, until

WITHOUT = """
from files.apps import FilesConfig
FilesConfig.ready = lambda self: None
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check"])
"""
CONNECTIONS = 6  # of a browser to one host


def rows(lab: Lab) -> Iterator[Row]:
    yield checks(lab)
    with hosts(lab) as found:
        yield Row(
            "development: a static file on a new connection",
            "ms",
            {name: lambda h=host: one_file(*h) for name, host in found.items()},
            "≤ 1.3",
        )
        yield Row(
            "development: a page with 50 static files",
            "ms",
            {name: lambda h=host: page(*h, files=50) for name, host in found.items()},
            "≤ 0.3",
        )


@contextmanager
def hosts(lab: Lab) -> Generator[dict[str, tuple[str, str]]]:
    """Run both development servers; yield host and STATIC_URL of each."""
    found = {}
    with ExitStack() as stack:
        for name, project, url in (
            ("this template", lab.project, "/s/static/"),
            ("Django", lab.plain, "/static/"),
        ):
            for number in range(200):
                file = project / f"static/{number}.css"
                file.write_text(f"/* {number} */\n" + "a{b:c}" * 1000)
            port = free_port()
            server = subprocess.Popen(
                [python(project), "manage.py", "runserver", "--noreload", str(port)],
                cwd=project,
                env=os.environ | {"LOCAL_DEV": "1", "DEBUG": "1"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.enter_context(running(server))
            until(lambda p=port: socket.create_connection(("127.0.0.1", p)).close() is None, server)
            found[name] = f"127.0.0.1:{port}", url
        yield found


def checks(lab: Lab) -> Row:
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "x" * 50}
    commands = {"this template": ["manage.py", "check"], "without our checks": ["-c", WITHOUT]}
    return Row(
        "`manage.py check`",
        "ms",
        {
            name: lambda a=arguments: (
                seconds(python(lab.project), *a, cwd=lab.project, **environment) * 1000
            )
            for name, arguments in commands.items()
        },
        "+10 ms",
    )


def one_file(host: str, url: str) -> float:
    """Return the median time of 50 requests, each on a connection of its own."""
    times = []
    for _ in range(50):
        start = time.perf_counter()
        get(http.client.HTTPConnection(host), f"{url}1.css")
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def page(host: str, url: str, files: int) -> float:
    """Return the time of a page and its files, over as many kept connections as browsers open."""
    connections = [http.client.HTTPConnection(host) for _ in range(CONNECTIONS)]

    def load(number: int) -> None:
        for file in range(number, files, CONNECTIONS):
            get(connections[number], f"{url}{file}.css", close=False)

    start = time.perf_counter()
    get(connections[0], "/", close=False)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(load, range(CONNECTIONS)))
    duration = time.perf_counter() - start
    for connection in connections:
        connection.close()
    return duration * 1000


def get(connection: http.client.HTTPConnection, path: str, close: bool = True) -> None:
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.status == 200, (path, response.status)
    response.read()
    if close:
        connection.close()
