"""docs/growth.md: rclone moves the uploads to a bucket and back, while the site serves."""

import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from support.commands import TEMPLATE, run_ok
from support.http import Failure
from support.images import png
from support.object_storage import fetch, program
from support.site import deployed, until

pytestmark = pytest.mark.growth
FILES, SIZE = 5000, 205_000
CREATE_SUPERUSER = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("ada", password="a long password")
"""
# Blocks of the page, by the comment in their first line.
PAGE = (TEMPLATE / "docs/growth.md").read_text()
BLOCKS = dict(re.findall(r"^ *```sh\n *# (.+?)\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def site(project, directory, python_with_s3):
    """The site with its uploads on disk."""
    with deployed(project, directory, python_with_s3) as server:
        server.manage("shell", "--command", CREATE_SUPERUSER)
        yield server


class Visitors:
    """A visitor reads the page and its pictures, and an editor uploads one from time to time."""

    def __init__(self, site):
        self.site = site
        self.failures: list[str] = []
        self.uploads: dict[str, bytes] = {}
        self.requests, self.moved = 0, False  # whether a page showed a file in the bucket
        self.switching, self.early = False, set()  # uploads that were shown before they were copied
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.read), threading.Thread(target=self.write)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    @contextmanager
    def switch(self):
        """Accept that uploads of the last seconds are not where the application looks yet."""
        self.switching = True
        yield
        self.switching = False

    def picture(self, url: str) -> bytes:
        """Return a picture from nginx or from the bucket."""
        switching = self.switching
        response = self.site.client().get(url) if url.startswith("/") else fetch(url)
        if response.status == 404 and switching:
            self.early.add(url.partition("/media/")[2].partition("?")[0])
            return b""
        self.moved = self.moved or not url.startswith("/")
        self.requests += 1
        if response.status != 200:
            raise Failure(f"{url}: {response.status}")
        return response.body

    def read(self) -> None:
        while not self.stopped.wait(0.2):
            try:
                response = self.site.client().get("/photos/")
                self.requests += 1
                if response.status != 200:
                    raise Failure(f"/photos/: {response.status}")
                for url in re.findall(r'src="([^"]+)"', response.body.decode())[:5]:
                    self.picture(url.replace("&amp;", "&"))
            except Failure as failure:
                self.failures.append(str(failure))

    def write(self) -> None:
        editor = self.site.client()
        editor.sign_in("ada", "a long password")
        while not self.stopped.wait(1):
            content = png(str(len(self.uploads)), 40, 30)
            files = {"image": (b"me.png", content)}
            try:
                response = editor.post("/admin/welcome/photo/add/", {"_continue": "1"}, files)
                page = editor.get(response["Location"]).body.decode()
                name = re.search(r"photos/[\w-]{22}\.png", page)[0]
                self.uploads[name] = content
            except (Failure, TypeError) as failure:
                self.failures.append(f"upload: {failure}")


@pytest.fixture
def rclone(site, bucket):
    """Return a function that runs a block of the page; `kill_after` files rclone is killed."""
    directories = {"/var/www/client-site.example": site.web_root}
    directories |= {"/var/lib/client_site": site.root / "var"}
    environment = os.environ | bucket.rclone
    environment["PATH"] = f"{Path(program('rclone')).parent}:{os.environ['PATH']}"

    def rclone(block: str, kill_after: int = 0) -> str:
        script = BLOCKS[block]
        for path, other in directories.items():
            script = script.replace(path, str(other))
        options = environment | {"RCLONE_VERBOSE": "1", "RCLONE_STATS": "0"}
        command = ["sh", "-e", "-c", script]
        output = ""
        with subprocess.Popen(
            command, env=options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        ) as process:  # fmt: skip
            for line in process.stdout:
                output += line
                if kill_after and output.count(": Copied (new)") >= kill_after:
                    os.killpg(process.pid, signal.SIGKILL)
        code = process.returncode
        assert code == (-signal.SIGKILL if kill_after else 0), output[-2000:]
        return output

    return rclone


# As systemd starts it.
GUNICORN = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "config.wsgi"])
"""


@contextmanager
def restarts_without_downtime(site):
    """Let gunicorn have its socket from here, as from deploy/systemd/web.socket, until the end."""
    path = site.root / "run/gunicorn.sock"
    site.stop_application()
    with socket.socket(socket.AF_UNIX) as listener:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o660)
        listener.listen(512)

        def start() -> None:
            site.application = subprocess.Popen(
                [site.python, "-c", GUNICORN, str(listener.fileno())],
                cwd=site.project,
                env=os.environ | site.environment,
                pass_fds=[listener.fileno()],
            )

        def restart(**settings: str) -> None:
            """Start the application with other settings beside the old one, then stop that."""
            old = site.application
            site.settings = settings
            start()
            master = site.application
            workers = Path(f"/proc/{master.pid}/task/{master.pid}/children")
            until(lambda: workers.read_text().strip(), master, 60)
            old.terminate()
            old.wait(80)

        start()
        until(lambda: site.client().get("/").status == 200, site.application, 60)
        yield restart
    site.stop_application()
    site.start_application()


def digests(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of all files by name."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(f.relative_to(directory)): sha256(f.read_bytes()).hexdigest() for f in files}


def test_moving_uploads_to_a_bucket_and_back(site, bucket, rclone):
    media, private, noise = site.web_root / "s/media", site.root / "var/s/private", random.Random(0)
    types = ["png", "jpg", "html", "SVG", "pdf", "zip", "txt"]
    for number in range(FILES):
        path = media / f"{number % 50}/größe {number}.{types[number % len(types)]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise.randbytes(SIZE))
    (private / "papers").mkdir(parents=True)
    (private / "papers/a.html").write_bytes(b"private")
    (media / "0/.x.part").write_bytes(b"a partial upload")
    with restarts_without_downtime(site) as restart, Visitors(site) as visitors:
        for _ in range(2):
            rclone("Copy the uploads", kill_after=FILES // 4)
        rest = rclone("Copy the uploads").count(": Copied (new)")
        print(f"{FILES} files, {FILES * SIZE / 1e9:.2f} GB: killed twice, then {rest} were left")
        assert FILES // 4 < rest <= FILES * 3 // 4
        rclone("Copy the uploads")
        with visitors.switch():
            restart(**bucket.environment)
            rclone("Copy the uploads")
        expected = digests(media) | digests(private)
        assert "0 differences found" in rclone("Compare every byte")
        while not visitors.moved:
            time.sleep(0.2)
        rclone("Copy the uploads back")
        with visitors.switch():
            restart()
            rclone("Copy the uploads back")
        time.sleep(2)
    told = f"{visitors.requests} requests and {len(visitors.uploads)} uploads meanwhile"
    print(f"{told}; {len(visitors.early)} of them were shown before they were copied")
    assert not visitors.failures, visitors.failures[:5]
    assert expected.items() <= (digests(media) | digests(private)).items()
    assert len(visitors.early) < len(visitors.uploads)
    for name, content in visitors.uploads.items():
        assert (media / name).read_bytes() == content


def test_moved_documents_are_downloads(site, bucket, python_with_s3):
    code = "from django.core.files.storage import storages\n"
    code += "for n in (0, 1, 2, 3, 4, 6): print(storages['default'].url(f'{n}/größe {n}.' + "
    code += "['png', 'jpg', 'html', 'SVG', 'pdf', 'zip', 'txt'][n]))\n"
    code += "print(storages['private'].signed_url('papers/a.html'))"
    command = (python_with_s3, "manage.py", "shell", "--verbosity", "0", "--command", code)
    urls = run_ok(*command, cwd=site.project, **site.environment | bucket.environment).split()
    attached = [fetch(url)["Content-Disposition"] == "attachment" for url in urls]
    assert attached == [False, False, True, True, True, False, True]
