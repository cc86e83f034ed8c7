"""Take the README's pictures of the first page, signed out. Used by `make screenshots`."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from demo import TEMPLATE, UV, free_port, manage, render
from playwright.sync_api import ViewportSize, sync_playwright

SIZE: ViewportSize = {"width": 1280, "height": 720}


def wait_for(url: str, server: subprocess.Popen) -> None:
    """Wait until a URL responds, or exit with the server."""
    while server.poll() is None:
        try:
            return urllib.request.urlopen(url).close()
        except OSError:
            time.sleep(0.1)
    sys.exit("The development server did not start: `make demo` shows why.")


def main() -> None:
    """Render the default project, serve it as `make run` does, and take the pictures."""
    chromium = shutil.which("chromium")
    if not chromium:
        sys.exit("chromium is not on PATH. Install it: apt install chromium")
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        project, port = render(Path(directory)), free_port()
        manage(project, "migrate", "--verbosity", "0")
        server = subprocess.Popen(
            [UV, "run", "--quiet", "manage.py", "runserver", "--noreload", str(port)],
            cwd=project,
            env=os.environ | {"LOCAL_DEV": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}/"
            wait_for(url, server)
            sandbox = bool(os.getuid())  # Chromium's sandbox refuses root
            browser = playwright.chromium.launch(executable_path=chromium, chromium_sandbox=sandbox)
            page = browser.new_page(viewport=SIZE)
            page.goto(url)
            page.screenshot(path=TEMPLATE / "docs/first-page.png")
            page.emulate_media(color_scheme="dark")
            page.screenshot(path=TEMPLATE / "docs/first-page-dark.png")
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    main()
