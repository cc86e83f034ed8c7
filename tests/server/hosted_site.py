"""A rendered site on its host, and what visitors and administrators do there."""

import contextlib
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import traffic
from host import Host, commands, fetch, image

from support.commands import CACHE, git
from support.site import answers

HERE = Path(__file__).parent
CSS = "welcome/static/welcome/welcome.css"
PASSWORD = "a-password-of-tests"
VISITORS = ["ada", "bob", "eve"]


@dataclass
class Site:
    """A site on its host, and the Git repository that its releases come from."""

    host: Host
    project: Path
    repository: Path
    text: str  # of README.md

    def __post_init__(self):
        self.readme = commands(self.text)
        self.slug, self.domain = answers(self.project)
        self.user = self.slug[:31]
        self.home = f"/srv/{self.slug}"
        layout = (self.project / "files/layout.py").read_text()
        self.web_root = re.search(r'^WEB_ROOT = "(.+)"', layout, re.MULTILINE)[1]
        self.public = self.web_root + re.search(r'^URL_PREFIX = "(.+)/"', layout, re.MULTILINE)[1]
        self.media = f"{self.public}/media"

    def instance(self, name: str, domain: str) -> "Site":
        """Return another instance of the site on the same host."""
        other = copy.copy(self)
        other.slug = other.user = name
        other.domain, other.home = domain, f"/srv/{name}"
        other.web_root = f"/var/www/{domain}"
        other.public = other.web_root + self.public.removeprefix(self.web_root)
        other.media = f"{other.public}/media"
        return other

    def command(self, start: str) -> str:
        """Return the README's command that starts with `start`."""
        return next(line for line in self.readme if line.startswith(start))

    def run_readme(self, start: str) -> str:
        """Run the README's command that starts with `start` in the checkout."""
        return self.host.run_readme(self.command(start), f"{self.home}/checkout")

    def make(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run a make target that may fail."""
        return self.host.run("make", "-C", f"{self.home}/checkout", *arguments)

    def manage(self, *arguments: str) -> str:
        """Run a management command on the server."""
        server = f"{self.home}/checkout/deploy/deploy.sh"
        return self.host.run_ok("sh", server, "manage", *arguments)

    def create_superusers(self, names: list[str]) -> None:
        """Create accounts that can sign in to the admin."""
        code = "from django.contrib.auth import get_user_model as user\n"
        code += f"for name in {names!r}:\n"
        code += f"    user().objects.create_superuser(name, password={PASSWORD!r})"
        self.manage("shell", "--no-imports", "--command", code)

    def show(self, unit: str, name: str) -> str:
        """Return a property of one of the site's units."""
        out = self.host.run_ok("systemctl", "show", f"{self.slug}-{unit}", f"--property={name}")
        return out.strip().split("=", 1)[1]

    def commit(self, subject: str, **files: str | None) -> None:
        """Commit files and push."""
        for name, text in files.items():
            (self.project / name).parent.mkdir(parents=True, exist_ok=True)
            (self.project / name).write_text(text)
        git(self.project, "add", "--all")
        git(self.project, "commit", "--quiet", "--allow-empty", "--message", subject)
        git(self.project, "push", "--quiet", str(self.repository), "HEAD:main")

    def change_stylesheet(self, version: int | None = None) -> None:
        """Commit the stylesheet in version 0 or 1, by default in the one that it does not have."""
        text, _, found = (self.project / CSS).read_text().partition("\n/* version ")
        version = int(found[:1] == "0") if version is None else version
        self.commit(f"Version {version}", **{CSS: f"{text}\n/* version {version} */\n"})

    environment = os.environ | {"PYTHONPATH": f"{HERE}:{HERE.parent}"}

    def visitor_command(self, *arguments: str) -> list[str]:
        """Return the command of a Python in the host's network that may import traffic.py."""
        return ["nsenter", f"--target={self.host.leader}", "--net", sys.executable, *arguments]

    def start_visitor(self, *arguments: str) -> subprocess.Popen:
        """Start Python with these arguments in the host's network."""
        return subprocess.Popen(
            self.visitor_command(*arguments),
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run_visitor(self, code: str, *arguments: str) -> subprocess.CompletedProcess:
        """Run code in the host's network, with the domain and `arguments` in sys.argv."""
        return subprocess.run(
            self.visitor_command("-c", code, self.domain, *arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @contextlib.contextmanager
    def visitors(self, rate: int = 200):
        """Send visitors while the block runs; afterwards the dictionary holds their report."""
        accounts = [f"{name}:{PASSWORD}" for name in VISITORS]
        process = self.start_visitor(traffic.__file__, self.domain, str(rate), *accounts)
        report = {}
        try:
            time.sleep(1)
            yield report
        finally:
            out, _ = process.communicate()
        report |= json.loads(out)

    def visit(self) -> subprocess.CompletedProcess:
        """Request a page and a static file, sign in, and upload a file."""
        code = (
            "import sys, traffic\n"
            "v = traffic.Visitor(sys.argv[1])\n"
            "v.page(); v.sign_in('ada', sys.argv[2]); v.upload(traffic.picture(sys.argv[3]))\n"
        )
        return self.run_visitor(code, PASSWORD, str(time.time()))

    def upload(self, seed: str) -> str:
        """Upload a picture, and return the URL in the admin's link."""
        code = (
            "import sys, traffic\n"
            "v = traffic.Visitor(sys.argv[1])\n"
            "v.sign_in('ada', sys.argv[2])\n"
            "print(traffic.Client.upload(v, traffic.picture(sys.argv[3])))\n"
        )
        done = self.run_visitor(code, PASSWORD, seed)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def stylesheet(self) -> str:
        """Request the home page and its stylesheet, and return the stylesheet's URL."""
        done = self.run_visitor("import sys, traffic; print(traffic.Visitor(sys.argv[1]).page())")
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def failing_upload(self) -> tuple[int, str]:
        """Return status and body of the response to an upload that cannot be stored."""
        code = (
            "import json, sys, traffic\n"
            "v = traffic.Visitor(sys.argv[1])\n"
            "v.sign_in('bob', sys.argv[2])\n"
            "image = traffic.picture(sys.argv[3], 200)\n"
            "form = {'image': (b'me.png', image)}\n"
            "response = v.post('/admin/welcome/photo/add/', {'_save': '1'}, form)\n"
            "v.page()\n"  # everything else works
            "print(json.dumps([response.status, response.body.decode()]))\n"
        )
        done = self.run_visitor(code, PASSWORD, str(time.time()))
        assert done.returncode == 0, done.stdout
        return tuple(json.loads(done.stdout))

    def wait_until_healthy(self, seconds: float = 30) -> None:
        """Wait until a visit succeeds without intervention, then run the probe."""
        deadline = time.monotonic() + seconds
        while (visit := self.visit()).returncode:
            if time.monotonic() > deadline:
                pytest.fail(f"{visit.stdout}\n{self.host.journal()}", pytrace=False)
            time.sleep(0.2)
        self.manage("probe", "--connect", "127.0.0.1:443", "--insecure")

    def curl(self, path: str, *options: str) -> list[str]:
        """Return the command that requests a page on the host and prints body and status."""
        return [
            *("curl", "--silent", "--insecure", "--max-time", "90"),
            *("--write-out", "\n%{http_code}"),
            *("--resolve", f"{self.domain}:443:127.0.0.1"),
            *("--resolve", f"{self.domain}:80:127.0.0.1"),
            *options,
            path if "://" in path else f"https://{self.domain}{path}",
        ]

    def request(self, path: str, *options: str) -> tuple[int, str]:
        """Return status and body of a response."""
        body, status = self.host.run(*self.curl(path, *options)).stdout.rsplit("\n", 1)
        return int(status), body

    def request_with_session(self, path: str) -> tuple[int, str]:
        """Request a page with a session cookie, which Django looks up in the database."""
        return self.request(path, "--cookie", "__Host-sessionid=abcdefghijklmnopqrstuvwxyz012345")

    def stored_uploads(self) -> set[str]:
        """Return the paths of all uploads, partial ones too."""
        return set(self.host.run_ok("find", self.media, "-type", "f").split())

    @contextlib.contextmanager
    def mounted(self, options: str):
        """Mount a separate file system at the media root while the block runs."""
        owner = f"uid={self.user},gid={self.user},mode=750"
        self.host.run_ok("mount", "-t", "tmpfs", "-o", f"{options},{owner}", "tmpfs", self.media)
        try:
            yield
        finally:
            self.host.run_ok("umount", "--lazy", self.media)  # nginx has files of it open


@contextlib.contextmanager
def hosted_site(release: str, rendered: Path):
    """Yield a site in its own repository, and a host where nothing is installed yet."""
    (CACHE / "server").mkdir(parents=True, exist_ok=True)
    # Not in /tmp: it may be small, or mounted without setuid, and pytest removes old directories.
    work = Path(tempfile.mkdtemp(prefix=f"work-{release}-", dir=CACHE / "server"))
    project = shutil.copytree(rendered, work / rendered.name)
    text = (project / "README.md").read_text()
    apt = commands(text)[0]
    tree = image(release, apt)
    fetched = CACHE / "server" / f"fetched-{release}"
    fetch(project, tree, fetched)
    repository = work / "repository.git"
    git(work, "init", "--quiet", "--bare", "--initial-branch=main", str(repository))
    git(project, "init", "--quiet", "--initial-branch=main")
    host = Host(tree, work / "root", fetched, repository)
    host.ran.append(apt)  # while the image was built
    site = Site(host, project, repository, text)
    try:
        site.commit("A client's site")
        yield site
    finally:
        host.off()
        shutil.rmtree(work)
