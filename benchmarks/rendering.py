"""Rendering, and from the command to the first page."""

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from lab import RENDER, TEMPLATE, UV, Lab, run, seconds, start_plain
from measure import Row

from support.site import free_port


def rows(lab: Lab) -> Iterator[Row]:
    empty = lab.work / "empty"
    (empty / "{{cookiecutter.slug}}").mkdir(parents=True)
    (empty / "cookiecutter.json").write_text('{"slug": "empty"}')

    def render(template: Path, *options: str) -> float:
        output = lab.work / "rendered"
        try:
            return seconds(*RENDER, template, "-o", output, *options, cwd=lab.work)
        finally:
            shutil.rmtree(output)

    yield Row(
        "render a project",
        "s",
        {
            "this template": lambda: render(TEMPLATE),
            "an empty template": lambda: render(empty),
            "this template without hooks": lambda: render(TEMPLATE, "--accept-hooks", "no"),
        },
        "≤ 1.8",
    )
    yield Row(
        "from the command to the first page",
        "s",
        {
            "this template": lambda: first_page(lab.work, render_and_run),
            "a plain project": lambda: first_page(lab.work, start_and_run),
        },
        "≤ 1.0",
    )


def render_and_run(work: Path, port: int) -> tuple[list, Path]:
    run(*RENDER, TEMPLATE, "-o", work, cwd=work)
    return ["make", "run", f"PORT={port}"], work / "client_site"


def start_and_run(work: Path, port: int) -> tuple[list, Path]:
    plain = start_plain(work / "plain")
    run(UV, "run", "--quiet", "manage.py", "migrate", "--verbosity=0", cwd=plain)
    return [UV, "run", "--quiet", "manage.py", "runserver", str(port)], plain


def first_page(work: Path, prepare) -> float:
    """Return the seconds from the first command until a server returns its first page."""
    directory, port = work / "first", free_port()
    directory.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment["PATH"] = f"{Path(UV).parent}:{environment['PATH']}"
    start = time.perf_counter()
    command, project = prepare(directory, port)
    server = subprocess.Popen(
        command,
        cwd=project,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - start < 120 and server.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/").close()
                return time.perf_counter() - start
            except OSError:
                time.sleep(0.01)
        raise SystemExit(f"{command} did not serve a page")
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(20)
        shutil.rmtree(directory)
