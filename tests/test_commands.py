"""The commands of the READMEs, word for word, where there is no uv, no nginx and no browser."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import TEMPLATE, passes
from servers import free_port

pytestmark = pytest.mark.slow
README = (TEMPLATE / "README.md").read_text()


@pytest.fixture(scope="module")
def machine(tmp_path_factory) -> dict[str, str]:
    """The environment of a fresh machine: git, make, Python and the shell's own tools."""
    tools = tmp_path_factory.mktemp("tools")
    (tools / "python3").symlink_to(sys._base_executable)
    for tool in ("git", "make", "sh", "sed", "expand"):
        (tools / tool).symlink_to(shutil.which(tool))
    for tool in ("rm", "test", "echo"):
        (tools / tool).symlink_to(f"/usr/bin/{tool}")
    return {n: v for n, v in os.environ.items() if not n.startswith("UV")} | {"PATH": str(tools)}


@contextmanager
def served(command: str, folder: Path, environment: dict[str, str]):
    """Run a command that serves a site, and yield its address once the site answers."""
    server = subprocess.Popen(
        command.split(),
        cwd=folder,
        env=environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said = ""
        while not (address := re.search(r"http://127\.0\.0\.1:\d+(?=/)", said)):
            line = server.stdout.readline()
            assert line, said
            said += line
        for _ in range(200):
            try:
                fetch(address[0] + "/")
                break
            except OSError:
                time.sleep(0.1)
        yield address[0]
    finally:
        # uv passes a SIGTERM on, and one more in the same moment can lock Django's reloader up.
        os.killpg(server.pid, signal.SIGKILL)
        server.communicate(timeout=20)


def fetch(url: str) -> tuple[bytes, str]:
    """Return the body at an address and its type."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read(), answer.headers["Content-Type"]


def test_make_demo_serves_both_kinds_of_file(machine, tmp_path):
    assert "\nmake demo" in README and "\nmake test" in README
    clone = tmp_path / "clone"
    passes("git", "clone", "--quiet", TEMPLATE, clone, cwd=tmp_path)
    with served("make demo", clone, machine) as address:
        page = fetch(f"{address}/")[0].decode()
        style = re.search(r'<link rel="stylesheet" href="(/s/static/[^"]+)"', page)[1]
        assert fetch(address + style)[1] == "text/css; charset=utf-8"
        (photo,) = (clone / "demo/client_site-var/www/s/media/photos").iterdir()
        media = fetch(f"{address}/s/media/photos/{photo.name}")
        assert media == (photo.read_bytes(), "image/png")
    assert passes("git", "status", "--porcelain", cwd=clone) == ""


def test_make_run_and_make_test_in_a_rendered_project(bake, machine, tmp_path):
    project = shutil.copytree(bake(), tmp_path / "project")
    port = free_port()
    with served(f"make run PORT={port}", project, machine) as address:
        assert address == f"http://127.0.0.1:{port}"
        assert fetch(f"{address}/s/static/admin/css/base.css")[1] == "text/css; charset=utf-8"
    for target in ("check", "test"):
        done = subprocess.run(
            ["make", target], cwd=project, env=machine, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "uv.lock").exists()
