"""Run a command that serves a site over HTTP, such as `make run`."""

import os
import re
import signal
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

from support.http import Client
from support.site import until


@contextmanager
def serving(command: str, directory: Path, environment: dict[str, str]):
    """Run a command that serves a site; yield a client of it once it responds."""
    server = subprocess.Popen(
        command.split(),
        cwd=directory,
        env=environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert server.stdout
    try:
        output = ""
        while not (url := re.search(r"http://(127\.0\.0\.1:(\d+))/", output)):
            line = server.stdout.readline()
            assert line, output
            output += line
        client = Client(url[1], lambda: socket.create_connection(("127.0.0.1", url[2]), 20))
        until(lambda: client.connect().close() is None, server, 60)
        yield client
    finally:
        # uv forwards SIGTERM, and a second one at the same moment can block Django's reloader.
        os.killpg(server.pid, signal.SIGKILL)
        server.communicate(timeout=20)
