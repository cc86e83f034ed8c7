"""Run a command that serves a site, and request its URLs."""

import os
import re
import signal
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(command: str, directory: Path, environment: dict[str, str]):
    """Run a command that serves a site; yield its URL, without a slash, once it responds."""
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
        while not (url := re.search(r"http://127\.0\.0\.1:\d+(?=/)", output)):
            line = server.stdout.readline()
            assert line, output
            output += line
        for _ in range(200):
            try:
                fetch(url[0] + "/")
                break
            except OSError:
                time.sleep(0.1)
        yield url[0]
    finally:
        # uv forwards SIGTERM, and a second one at the same moment can block Django's reloader.
        os.killpg(server.pid, signal.SIGKILL)
        server.communicate(timeout=20)


def fetch(url: str) -> tuple[bytes, str]:
    """Return the body and the content type of a URL."""
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.read(), response.headers["Content-Type"]
