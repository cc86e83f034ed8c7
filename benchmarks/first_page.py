"""Measure rendering and the time to the first page, beside django-admin startproject.

Both are measured alternately in one run, with warm caches; medians and their ratio are printed.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from support.site import free_port  # noqa: E402

UV = os.environ.get("UV") or shutil.which("uv") or TEMPLATE / ".uv/bin/uv"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
ENVIRONMENT["PATH"] = f"{Path(UV).parent}:{ENVIRONMENT['PATH']}"
RENDER = [sys.executable, "-m", "cookiecutter", TEMPLATE, "--no-input", "--default-config"]
START = [UV, "run", "--quiet", "--no-project", "--with", "django>=5.2,<5.3"]
ROUNDS = 5


def run(command: list, directory: Path) -> float:
    """Run a command. Return the seconds it took."""
    before = time.perf_counter()
    subprocess.run(command, cwd=directory, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - before


def first_page(command: list, directory: Path, port: int) -> float:
    """Start a server. Return the seconds until it returns its first page, then stop it."""
    before = time.perf_counter()
    server = subprocess.Popen(
        command,
        cwd=directory,
        env=ENVIRONMENT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - before < 120 and server.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/").close()
                return time.perf_counter() - before
            except OSError:
                time.sleep(0.02)
        raise SystemExit(f"{command} did not serve a page")
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(20)


def main() -> None:
    """Print a table of medians in seconds."""
    rows: dict[str, list[tuple[float, float]]] = {"render": [], "to the first page": []}
    for _ in range(ROUNDS + 1):  # the first round warms the caches
        with tempfile.TemporaryDirectory() as scratch:
            directory, port = Path(scratch), str(free_port())
            ours = run(RENDER, directory)
            theirs = run([*START, "django-admin", "startproject", "plain"], directory)
            rows["render"].append((ours, theirs))
            site, plain = directory / "client_site", directory / "plain"
            ours += first_page(["make", "run", f"PORT={port}"], site, int(port))
            serve = [*START, "manage.py", "runserver", port]
            theirs += run([*START, "manage.py", "migrate"], plain)
            theirs += first_page(serve, plain, int(port))
            rows["to the first page"].append((ours, theirs))
    head = f"median of {ROUNDS}, seconds"
    print(f"{head:24}{'template':>12}{'startproject':>14}{'ratio':>8}")
    for name, times in rows.items():
        ours, theirs = (statistics.median(column) for column in zip(*times[1:], strict=True))
        ratio = statistics.median(our / their for our, their in times[1:])
        print(f"{name:24}{ours:12.2f}{theirs:14.2f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
