"""The rendered project on servers of its own: what its README promises, done and broken.

The tests of a machine run in the order of this file: they are one server's life. Several machines
may run beside each other, each in a process of its own.
"""

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import attacker
import pytest
import traffic
from booted import Machine, commands, fetch, image, impossible
from conftest import CACHE, passes
from servers import answers

pytestmark = [
    pytest.mark.server,
    # .ci/run must not pass because nothing could be booted.
    pytest.mark.skipif(
        bool(impossible()) and not os.environ.get("CI"), reason=impossible() or "it can"
    ),
]

CSS = "welcome/static/welcome/welcome.css"
PASSWORD = "a-password-of-tests"
VISITORS = ["ada", "bob", "eve"]
SERVERS = {
    "trixie": {"django_version": "6.1"},
    # 40 letters: Linux takes no more than 32 for a user.
    "bookworm": {
        "project_slug": "a_site_with_the_longest_name_of_all_ours",
        "domain_name": "the-longest-name-that-a-client-has-come-up-with-yet.example",
        "web_root": "/srv/www/longest",
        "served_url": "/files/",
    },
    "noble": {"django_version": "6.1", "web_root": "/srv/www/site"},
}


@dataclass
class Site:
    """A site on its machine, and the repository that its releases come from."""

    machine: Machine
    project: Path
    repository: Path
    lines: list[str]

    def __post_init__(self):
        self.slug, self.domain = answers(self.project)
        self.user = self.slug[:31]
        self.home = f"/srv/{self.slug}"
        settings = (self.project / "files/layout.py").read_text()
        self.web_root = re.search(r'^WEB_ROOT = "(.+)"', settings, re.MULTILINE)[1]
        self.served = self.web_root + re.search(r'^SERVED_URL = "(.+)/"', settings, re.MULTILINE)[1]
        self.media = f"{self.served}/media"

    def command(self, start: str) -> str:
        """Return the command of the README that starts like this."""
        return next(line for line in self.lines if line.startswith(start))

    def type(self, start: str) -> str:
        """Type a command of the README in the checkout."""
        return self.machine.type(self.command(start), f"{self.home}/checkout")

    def make(self, task: str) -> subprocess.CompletedProcess:
        """Run a command that may fail."""
        return self.machine.run("make", "-C", f"{self.home}/checkout", task)

    def manage(self, *arguments: str) -> str:
        """Run one of Django's commands on the server."""
        server = f"{self.home}/checkout/deploy/deploy.sh"
        return self.machine.passes("sh", server, "manage", *arguments)

    def outside(self, *command: str, **options) -> subprocess.Popen:
        """Start a program of this machine in the network of the server."""
        return subprocess.Popen(
            ["nsenter", f"--target={self.machine.leader}", "--net", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )

    @contextlib.contextmanager
    def visited(self, rate: int = 200):
        """Send visitors while the block runs; what they report is in the dictionary it is given."""
        accounts = [f"{name}:{PASSWORD}" for name in VISITORS]
        process = self.outside(sys.executable, traffic.__file__, self.domain, str(rate), *accounts)
        report = {}
        try:
            time.sleep(1)
            yield report
        finally:
            out, _ = process.communicate()
        report |= json.loads(out)

    def stylesheet(self) -> str:
        """Visit the first page and its stylesheet, and return the stylesheet's address."""
        done = self.python("import sys, traffic; print(traffic.Visitor(sys.argv[1]).page())")
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def green(self, seconds: float = 30) -> None:
        """Wait until the site answers a visitor and the probe as it should, without a hand."""
        deadline = time.monotonic() + seconds
        while (visit := self.visit()).returncode:
            if time.monotonic() > deadline:
                pytest.fail(f"{visit.stdout}\n{self.machine.journal()}", pytrace=False)
            time.sleep(0.2)
        self.manage("probe", "--connect", "127.0.0.1:443", "--insecure")

    def traffic(self, code: str, *arguments: str) -> list[str]:
        """Return the command that runs code with the visitors of traffic.py."""
        return [sys.executable, "-c", code, self.domain, *arguments]

    path = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess:
        """Run code with the visitors of traffic.py in the network of the server."""
        return subprocess.run(
            ["nsenter", f"--target={self.machine.leader}", "--net"]
            + self.traffic(code, *arguments),
            env=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def visit(self) -> subprocess.CompletedProcess:
        """Ask the site for all that a visitor may want."""
        code = (
            "import sys, traffic\n"
            "v = traffic.Visitor(sys.argv[1])\n"
            "v.page(); v.sign_in('ada', sys.argv[2]); v.upload(traffic.picture(sys.argv[3]))\n"
        )
        return self.python(code, PASSWORD, str(time.time()))

    def curl(self, path: str, *options: str) -> list[str]:
        """Return the command that asks for a page from inside, and ends with the status."""
        return [
            *("curl", "--silent", "--insecure", "--max-time", "90"),
            *("--write-out", "\n%{http_code}"),
            *("--resolve", f"{self.domain}:443:127.0.0.1"),
            *("--resolve", f"{self.domain}:80:127.0.0.1"),
            *options,
            path if "://" in path else f"https://{self.domain}{path}",
        ]

    def ask(self, path: str, *options: str) -> tuple[int, str]:
        """Return status and body of an answer."""
        body, status = self.machine.run(*self.curl(path, *options)).stdout.rsplit("\n", 1)
        return int(status), body

    def commit(self, subject: str, **files: str | None) -> None:
        """Commit files and push."""
        for name, text in files.items():
            (self.project / name).parent.mkdir(parents=True, exist_ok=True)
            (self.project / name).write_text(text)
        git(self.project, "add", "--all")
        git(self.project, "commit", "--quiet", "--allow-empty", "--message", subject)
        git(self.project, "push", "--quiet", str(self.repository), "HEAD:main")

    def show(self, unit: str, name: str) -> str:
        """Return a property of one of the site's units."""
        out = self.machine.passes("systemctl", "show", f"{self.slug}-{unit}", f"--property={name}")
        return out.strip().split("=", 1)[1]


def git(folder: Path, *arguments: str) -> str:
    own = ["-c", "user.name=A Developer", "-c", "user.email=developer@client.example"]
    return passes("git", *own, *arguments, cwd=folder)


@pytest.fixture(scope="module", params=SERVERS)
def site(request, cookies_session):
    """A site rendered, in a repository of its own, and a server that nothing is installed on."""
    if reason := impossible():
        pytest.fail(f"no system can be booted: {reason}", pytrace=False)
    # Not pytest's folder: other sessions remove what they take for old.
    work = Path(tempfile.mkdtemp(prefix=f"split-{request.param}-"))
    result = cookies_session.bake(
        extra_context=SERVERS[request.param], template=str(Path(__file__).parent.parent)
    )
    assert result.exception is None
    project = work / result.project_path.name
    shutil.copytree(result.project_path, project)
    lines = commands((project / "README.md").read_text())
    tree = image(request.param, lines[0])
    fetched = CACHE / "server" / f"fetched-{request.param}"
    fetch(project, tree, fetched)
    repository = work / "repository.git"
    git(work, "init", "--quiet", "--bare", "--initial-branch=main", str(repository))
    git(project, "init", "--quiet", "--initial-branch=main")
    machine = Machine(tree, work / "root", fetched, repository)
    machine.ran.append(lines[0])  # the image is made by it
    site = Site(machine, project, repository, lines)
    try:
        site.commit("A client's site")
        yield site
    finally:
        machine.off()
        shutil.rmtree(work)


def on_a_terminal(site: Site, command: list[str], dialogue: dict[str, str]) -> str:
    """Run a command as somebody at a terminal does, answering its questions."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = ""
    for question, answer in dialogue.items():
        while question not in said:
            said += os.read(ours, 4096).decode()
        said = said.split(question, 1)[1]
        os.write(ours, answer.encode() + b"\n")
    with contextlib.suppress(OSError):  # the terminal is gone with its last user
        while more := os.read(ours, 4096).decode():
            said += more
    assert process.wait(60) == 0, said
    return said


def accounts(site: Site, names: list[str]) -> None:
    """Make accounts that may sign in."""
    code = "from django.contrib.auth import get_user_model as user\n"
    code += f"for name in {names!r}:\n"
    code += f"    user().objects.create_superuser(name, password={PASSWORD!r})"
    site.manage("shell", "--no-imports", "--command", code)


# One server's life


def test_the_readme_installs_it(site):
    machine = site.machine
    clone = site.command("git clone").replace("YOUR_REPOSITORY", "/repository.git")
    machine.type(clone)
    machine.ran[-1] = site.command("git clone")
    machine.type(site.command("cd "))
    said = site.type("make install")
    assert f"https://{site.domain}/ is live" in said
    create = site.command("sh deploy/deploy.sh manage createsuperuser")
    machine.ran.append(create)
    on_a_terminal(
        site,
        machine.command("sh", "-c", f"cd {site.home}/checkout; {create}"),
        {
            "Username": "ada",
            "Email": "",
            "Password:": PASSWORD,
            "(again):": PASSWORD,
        },
    )
    accounts(site, VISITORS[1:])
    site.green()


def test_owners_and_modes_are_the_contract_s(site):
    expected = {
        f"/etc/{site.slug}.env": "root root 600",
        f"/var/lib/{site.slug}": f"{site.user} {site.user} 710",
        f"/var/lib/{site.slug}/db.sqlite3": f"{site.user} {site.user} 600",
        site.media: f"{site.user} {site.user} 750",
        f"{site.served}/static": "root root 755",
        f"{site.home}/checkout": "root root 755",
        f"/run/{site.slug}/gunicorn.sock": f"root {site.user} 660",
        f"/etc/ssl/{site.domain}/privkey.pem": "root root 600",
    }
    found = {path: site.machine.passes("stat", "-c", "%U %G %a", path).strip() for path in expected}
    assert found == expected


def test_a_second_installation_changes_nothing(site):
    files = [f"/etc/{site.slug}.env", f"/etc/ssl/{site.domain}/privkey.pem"]
    before = site.machine.passes("sha256sum", *files)
    install = f"umask 077; make -C {site.home}/checkout install"  # root's, where it is careful
    site.machine.passes("sh", "-c", install)
    assert site.machine.passes("sha256sum", *files) == before
    site.green()


def test_two_releases_at_once_are_one_too_many(site):
    with subprocess.Popen(site.machine.command("flock", site.home, "sleep", "60")) as holder:
        site.machine.wait(lambda: site.machine.run("pgrep", "sleep").returncode == 0, "lock")
        said = site.make("release")
        site.machine.passes("pkill", "sleep")
        holder.wait()
    assert said.returncode
    assert f"Another deploy command is running for {site.slug}" in said.stdout


def test_unknown_hosts_are_refused_and_plain_http_is_sent_on(site):
    assert site.ask(f"http://{site.domain}/x", "--head")[0] == 301
    assert site.ask("/", "--header", "Host: other.example")[0] == 0
    status, body = site.ask("https://other.example/")
    assert (status, body) == (0, "")


PEBBLE = {
    "pebble": {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": "/etc/ssl/localhost.pem",
        "privateKey": "/etc/ssl/localhost.key",
        "httpPort": 80,
        "tlsPort": 443,
    }
}
CERTBOT = """server = https://localhost:14000/dir
no-verify-ssl = true
agree-tos = true
register-unsafely-without-email = true
"""


def test_certbot_gets_a_real_certificate_and_renews_it(site):
    machine = site.machine
    (site.repository / "pebble.json").write_text(json.dumps(PEBBLE))
    (site.repository / "cli.ini").write_text(CERTBOT)  # what certbot would ask for
    machine.passes("cp", "/repository.git/cli.ini", "/etc/letsencrypt/cli.ini")
    machine.passes(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
        *("-keyout", "/etc/ssl/localhost.key", "-out", "/etc/ssl/localhost.pem"),
    )
    names = f"127.0.0.1 {site.domain} www.{site.domain}"
    machine.passes("sh", "-c", f"echo {names} >>/etc/hosts")
    machine.passes(
        # Without the difficulties that it makes by chance.
        *("systemd-run", "--unit=pebble", "--setenv=PEBBLE_VA_NOSLEEP=1"),
        "--setenv=PEBBLE_WFE_NONCEREJECT=0",
        *("pebble", "-config", "/repository.git/pebble.json"),
    )
    directory = ["curl", "--silent", "--insecure", "https://localhost:14000/dir"]
    machine.wait(lambda: machine.run(*directory).returncode == 0, "certificate authority")

    def issuer() -> str:
        show = f"openssl s_client -connect 127.0.0.1:443 -servername {site.domain} </dev/null"
        return machine.passes("sh", "-c", f"{show} 2>/dev/null | openssl x509 -noout -text")

    assert "self-signed" in issuer()
    site.type("certbot certonly")
    machine.wait(lambda: "Issuer: CN=Pebble" in issuer().replace(" = ", "="), "certificate")
    first = issuer()
    assert f"DNS:www.{site.domain}" in first
    machine.passes("certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew")
    machine.wait(lambda: issuer() != first, "second certificate")
    site.green()


def test_units_are_verified_in_silence_and_rated(site):
    units = [f"{site.slug}-{unit}" for unit in ("web@current.service", "web.socket")]
    units += [f"{site.slug}-daily.service", f"{site.slug}-daily.timer"]
    verified = site.machine.run("systemd-analyze", "verify", "--man=no", *units)
    assert (verified.returncode, verified.stdout) == (0, "")
    for unit in (units[0], units[2]):
        said = site.machine.passes("systemd-analyze", "security", "--no-pager", unit)
        exposure = float(re.search(r"exposure level for \S+ (\S+)", said)[1])
        print(f"{unit}: exposure {exposure}")
        assert exposure <= 2.0


# Saves an upload, and dies in the middle of it.
DIES = """
import os, signal
from django.core.files.base import ContentFile
from django.core.files.storage import storages
class Half(ContentFile):
    def chunks(self, chunk_size=None):
        yield b"half"
        os.kill(os.getpid(), signal.SIGKILL)
storages["{}"].save("x.png", Half(b""))
"""


def test_a_day_s_work_is_done(site):
    machine = site.machine
    roots = site.media, f"/var/lib/{site.slug}{site.served.removeprefix(site.web_root)}/private"

    def die(kind: str) -> None:
        with pytest.raises(pytest.fail.Exception):
            site.manage("shell", "--no-imports", "--command", DIES.format(kind))

    def halves() -> set[str]:
        return set(machine.passes("find", *roots, "-name", ".*").split())

    die("default")
    die("private")
    old = halves()
    assert {str(Path(path).parent) for path in old} == set(roots)
    machine.passes("touch", "-d", "2 days ago", *old, f"{site.media}/old.png")
    die("default")
    (young,) = halves() - old  # another process may be writing it
    machine.passes("systemctl", "start", f"{site.slug}-daily.service")
    assert halves() == {young}
    machine.passes("rm", f"{site.media}/old.png", young)  # both are there
    assert site.show("daily.service", "Result") == "success"
    assert site.show("daily.timer", "ActiveState") == "active"


def test_it_survives_a_reboot(site):
    site.machine.reboot()
    site.green()
    failed = site.machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout
    # Not each unit of systemd's own is at home in a container.
    assert not re.search(r"^(?!systemd-)\S", failed, re.MULTILINE), failed


def toggle(site: Site, number: int) -> None:
    """Commit another stylesheet: one of two."""
    path = site.project / CSS
    text = path.read_text().split("\n/* version")[0]
    site.commit(f"Version {number}", **{str(path): f"{text}\n/* version {number % 2} */\n"})


@contextlib.contextmanager
def alone():
    """Wait for the other machines' visitors: together they are too many for two cores."""
    with (CACHE / "server" / "load").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_ten_releases_under_load_drop_nothing(site):
    taken = []
    with alone(), site.visited(160) as report:  # visits: most are several requests
        for number in range(10):
            toggle(site, number)
            started = time.monotonic()
            site.type("make release")
            taken.append(time.monotonic() - started)
    print(json.dumps(report, indent=1), f"a release took {min(taken):.1f} to {max(taken):.1f} s")
    assert report["failures"] == []
    assert report["uploads_lost"] == []
    assert len(report["stylesheets"]) == 3  # the first one, and two in turn
    assert report["per_second"] >= 200
    assert report["uploads"] >= 100


def test_going_back_is_one_command(site):
    now = site.stylesheet()
    with site.visited(160) as report:
        site.type("make rollback")
    assert report["failures"] == []
    assert site.stylesheet() != now
    site.machine.passes("make", "-C", f"{site.home}/checkout", "rollback")
    assert site.stylesheet() == now


# Faults


@pytest.mark.parametrize("who", ["worker", "master"])
def test_a_killed_process_comes_back(site, who):
    master = site.show("web@current.service", "MainPID")
    assert int(master) > 1  # `kill 0` would end the tests
    process = master
    if who == "worker":
        process = site.machine.passes("pgrep", "--parent", master).split()[0]
    site.machine.passes("kill", "-9", process)
    if who == "master":  # what its workers take before they follow it is lost
        site.machine.wait(lambda: site.show("web@current.service", "MainPID") != master, "end")
    status, page = site.ask("/")  # it waits in the socket
    if status == 503 and who == "master":  # a process about to die took it: who asks again waits
        print(site.machine.run("tail", "-n", "5", "/var/log/nginx/error.log").stdout)
        print(site.machine.journal())
        assert "Back in a moment" in page
        status, _ = site.ask("/")
    assert status == 200
    site.green()


def test_a_killed_nginx_comes_back(site):
    def master() -> str:
        return site.machine.passes("systemctl", "show", "nginx", "--property=MainPID", "--value")

    killed = master()
    assert int(killed) > 1
    site.machine.passes("kill", "-9", killed.strip())
    # Its workers may answer a while longer, and end in the middle of the probe.
    site.machine.wait(lambda: int(master()) and master() != killed, "nginx", 60)
    site.green()


def test_a_visitor_who_looks_at_all_files_leaves_nginx_able_to_open_more(site):
    """A cache of each kind keeps up to 1000 files open; a program may open 1024 by default."""
    machine, number = site.machine, 1500
    folders = [f"{site.media}/many", f"{site.served}/static/many"]
    for folder in folders:
        machine.passes("install", "-d", "-o", site.user, "-g", site.user, folder)
        make = f"cd {folder}; for i in $(seq {number}); do echo $i >$i.txt; done; chmod 644 *"
        machine.passes("sh", "-euc", make)
        url = f"{folder.removeprefix(site.web_root)}/[1-{number}].txt"
        site.ask(url, "--output", "/dev/null")  # most of them are kept open now
    statuses = machine.run(*site.curl(url, "--output", "/dev/null")).stdout.split()
    assert statuses == ["200"] * number
    site.green()
    machine.passes("rm", "-r", *folders)


def test_an_application_that_could_not_start_for_a_while_comes_back(site):
    environment, aside = f"/etc/{site.slug}.env", f"/etc/{site.slug}.env.aside"
    site.machine.passes("mv", environment, aside)
    site.machine.run("systemctl", "restart", f"{site.slug}-web@current")
    code = "import sys, traffic; traffic.Visitor(sys.argv[1]).page()"
    waiting = [site.outside(*site.traffic(code), env=site.path) for _ in range(40)]
    time.sleep(5)
    site.machine.passes("mv", aside, environment)
    site.green()
    for visitor in waiting:  # they waited in the socket
        visitor.communicate()
        assert visitor.returncode == 0


@contextlib.contextmanager
def mounted(site: Site, options: str):
    """Put a file system of its own under the uploads while the block runs."""
    owner = f"uid={site.user},gid={site.user},mode=750"
    site.machine.passes("mount", "-t", "tmpfs", "-o", f"{options},{owner}", "tmpfs", site.media)
    try:
        yield
    finally:
        site.machine.passes("umount", "--lazy", site.media)  # nginx has files of it open


def refused_upload(site: Site) -> tuple[int, str]:
    """Return the answer to an upload that cannot be stored."""
    code = (
        "import json, sys, traffic\n"
        "v = traffic.Visitor(sys.argv[1])\n"
        "v.sign_in('bob', sys.argv[2])\n"
        "status, _, body = v.post('/', {}, traffic.picture(sys.argv[3], 200))\n"
        "v.page()\n"  # all else works
        "print(json.dumps([status, body.decode()]))\n"
    )
    done = site.python(code, PASSWORD, str(time.time()))
    assert done.returncode == 0, done.stdout
    return tuple(json.loads(done.stdout))


def files(site: Site) -> set[str]:
    """Return the names of all uploads, half-written ones too."""
    return set(site.machine.passes("find", site.media, "-type", "f").split())


def test_a_full_disk_fails_uploads_only_and_leaves_nothing(site):
    with mounted(site, "size=256k"):
        site.green()
        filler = f"{site.media}/filler"
        site.machine.run("dd", "if=/dev/zero", f"of={filler}", "bs=1k", "count=200")
        before = files(site)
        status, page = refused_upload(site)
        assert status == 500
        assert "Something went wrong" in page
        assert files(site) == before
        site.machine.passes("rm", filler)
        site.green()
    site.green()


def test_a_read_only_disk_fails_uploads_only(site):
    with mounted(site, "size=1m"):
        site.machine.passes("mount", "-o", "remount,ro", site.media)
        status, page = refused_upload(site)
        assert status == 500
        assert "Something went wrong" in page
        site.machine.passes("mount", "-o", "remount,rw", site.media)
        site.green()
    site.green()


def test_uploads_on_a_disk_that_goes_away_come_back_with_it(site):
    machine = site.machine
    disk, restart = "/mnt/uploads", ["systemctl", "restart", f"{site.slug}-web@current"]
    machine.passes("mv", site.media, disk)
    machine.passes("mkdir", site.media)  # root's: nothing can be written below the mount
    machine.passes("mount", "--bind", disk, site.media)
    machine.passes(*restart)
    site.green()
    before = files(site)
    for while_gone in (["true"], restart):  # it goes under a running service; it is late at a boot
        machine.passes("umount", "--lazy", site.media)
        machine.passes(*while_gone)
        status, page = refused_upload(site)
        assert status == 500
        assert "Something went wrong" in page
        assert files(site) == set()
        machine.passes("mount", "--bind", disk, site.media)
        site.green()
        assert before <= files(site)
    machine.passes("umount", "--lazy", site.media)
    machine.passes("rmdir", site.media)
    machine.passes("mv", disk, site.media)
    machine.passes(*restart)
    site.green()


def test_a_locked_database_is_waited_for(site):
    database = f"/var/lib/{site.slug}/db.sqlite3"
    code = (
        "import sqlite3, sys, time\n"
        f"sqlite3.connect({database!r}, isolation_level=None).execute('BEGIN EXCLUSIVE')\n"
    )
    command = site.machine.command("python3", "-c", code + "print(flush=True); time.sleep(5)")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        assert site.ask("/")[0] == 200  # a visitor who is not signed in needs no database
        assert site.visit().returncode == 0  # signing in waits
    site.green()


def test_a_database_out_of_reach_is_said_and_comes_back(site):
    folder = f"/var/lib/{site.slug}"
    site.machine.passes("chmod", "0", folder)
    status, page = site.ask("/", "--cookie", "sessionid=abcdefghijklmnopqrstuvwxyz012345")
    assert status == 500
    assert "Something went wrong" in page
    assert site.ask("/")[0] == 200
    site.machine.passes("chmod", "710", folder)
    site.green()


# Releases that must not go live

BAD = {
    "migration": {
        "accounts/migrations/0099_broken.py": """
            from django.db import migrations
            class Migration(migrations.Migration):
                dependencies = [("accounts", "0001_initial")]
                operations = [migrations.RunSQL("ALTER TABLE nowhere ADD COLUMN x int")]
            """,
    },
    "settings": {"config/settings.py": "import nothing_of_that_name"},
    "manifest": {"welcome/templates/welcome/page.html": "{% load static %}{% static 'gone.css' %}"},
    "gunicorn": {"gunicorn.conf.py": "worker_class = 'of no such kind'"},
    "nginx": {"nginx/tls.conf": "ssl_protocols TLSv9;"},
    # Only the probe can see it.
    "behaviour": {"nginx/upload_headers.conf": lambda text: text.replace("max_ranges 1;", "")},
    "unit": {"deploy/systemd/web@.service": "[Service]\nExecStart=/nowhere\n"},
    "lock": {"pyproject.toml": lambda text: text.replace('"pillow', '"requests", "pillow')},
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_release_leaves_the_site_as_it_was(site, fault):
    was = site.machine.passes("readlink", f"{site.home}/current")
    stylesheet = site.stylesheet()
    toggle(site, 0)
    good = git(site.project, "rev-parse", "HEAD").strip()
    for name, text in BAD[fault].items():
        if callable(text):
            text = text((site.project / name).read_text())
        (site.project / name).write_text(textwrap.dedent(text))
    if fault == "migration":  # the leaf of whatever migrations there are
        last = sorted((site.project / "accounts/migrations").glob("0*.py"))[-2].stem
        broken = site.project / "accounts/migrations/0099_broken.py"
        broken.write_text(broken.read_text().replace("0001_initial", last))
    site.commit(f"Break the {fault}")
    with site.visited(100) as report:
        done = site.make("release")
    git(site.project, "read-tree", "--reset", "-u", good)
    site.commit(f"Mend the {fault}")
    print(done.stdout)
    assert done.returncode != 0
    early = fault in {"settings", "lock"}
    migrated = "" if early else "; migrations that ran stay applied"
    assert f"The previous release is still live{migrated}. Fix the problem" in done.stdout
    assert ("Switching traffic" in done.stdout) == (fault == "behaviour")
    # When its files change nginx closes idle connections, and browsers ask again on another.
    closed = "RemoteDisconnected|ConnectionResetError" if fault == "behaviour" else "^$"
    assert [failure for failure in report["failures"] if not re.search(closed, failure)] == []
    assert site.machine.passes("readlink", f"{site.home}/current") == was
    assert report["stylesheets"] == [stylesheet] or fault == "behaviour"
    assert site.stylesheet() == stylesheet
    site.green()


def test_the_next_good_release_goes_live(site):
    stylesheet = site.stylesheet()
    site.type("make release")
    assert site.stylesheet() != stylesheet


# Power


def test_power_lost_in_the_middle_of_collectstatic(site):
    stylesheet = site.stylesheet()
    toggle(site, 1 if "version 0" in (site.project / CSS).read_text() else 0)
    command = site.machine.command("make", "-C", f"{site.home}/checkout", "release")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as release:
        for line in release.stderr:
            if "Collecting" in line:
                break
        site.machine.wait(
            lambda: site.machine.run("pgrep", "-f", "manage.py collectstatic").returncode == 0,
            "collectstatic",
        )
        time.sleep(0.4)
        site.machine.cut()
    site.machine.on()
    site.green()
    assert site.stylesheet() == stylesheet
    site.type("make release")
    assert site.stylesheet() != stylesheet


def test_power_lost_in_the_middle_of_uploads(site):
    code = (
        "import sys, time, traffic\n"
        "v = traffic.Visitor(sys.argv[1])\n"
        "v.sign_in('eve', sys.argv[2])\n"
        "while True:\n"
        "    print(v.upload(traffic.picture(sys.argv[3], 1000)), flush=True)\n"
    )
    before = files(site)
    uploader = site.outside(*site.traffic(code, PASSWORD, str(time.time())), env=site.path)
    stored = [uploader.stdout.readline().strip()]
    time.sleep(1.5)
    site.machine.cut()
    stored += uploader.communicate()[0].split()
    site.machine.on()
    site.green()
    new = files(site) - before
    assert len(stored) > 1
    for src in stored:  # what was answered for is there
        assert site.ask(src, "--output", "/dev/null")[0] == 200
    for path in new:  # what can be seen is whole
        if not Path(path).name.startswith("."):
            end = site.machine.passes("sh", "-c", f"tail -c 12 {path} | od -An -tx1").split()
            assert end[-8:-4] == ["49", "45", "4e", "44"], path  # IEND


# An attacker who runs code of his own in the application


@pytest.fixture(scope="module")
def prey(site):
    """What lies about on a machine for an attacker to find, and what attacker.py must know."""
    site.machine.passes(
        *("sh", "-euc"),
        """
        umask 077
        echo SECRET_KEY=x >/etc/other_site.env
        echo x >/etc/of_another
        chown www-data /etc/of_another
        install -m 4755 /usr/bin/cat /usr/local/bin/cat-as-root
        install -d -m 755 /home/open /usr/lib/modules
        install -d -m 1777 /srv/open
        umask 022
        echo x | tee /home/open/notes /tmp/of_another /dev/shm/of_another \\
            /dev/of_the_machine /usr/lib/modules/x >/dev/kmsg
        """,
    )
    return {
        **{"home": site.home, "served": site.served, "slug": site.slug},
        "key": f"/etc/ssl/{site.domain}/privkey.pem",
        "nginx": int(site.machine.passes("cat", "/run/nginx.pid")),
    }


def done(outcomes: dict[str, str]) -> set[str]:
    """Return the names of what an attacker has done."""
    return {name for name, outcome in outcomes.items() if outcome.startswith("done")}


def test_code_of_an_attacker_reaches_nothing(site, prey):
    machine = site.machine
    good = git(site.project, "rev-parse", "HEAD").strip()
    views = site.project / "welcome/views.py"
    urls = site.project / "welcome/urls.py"
    views.write_text(
        views.read_text()
        + "\n\nfrom django.views.decorators.csrf import csrf_exempt\n"
        + "@csrf_exempt\ndef run(request):\n    space = {}\n"
        + "    exec(request.body, space)\n    import json\n"
        + "    return HttpResponse(json.dumps(space['result']))\n"
    )
    urls.write_text(
        urls.read_text().replace("urlpatterns = [", "urlpatterns = [path('run/', views.run), ")
    )
    site.commit("Let strangers run code")
    site.type("make release")
    shared = site.repository / "attack.py"  # a folder that the machine sees
    shared.write_text(f"{Path(attacker.__file__).read_text()}\nresult = main({prey!r})")
    status, body = site.ask("/run/", "--data-binary", "@/repository.git/attack.py")
    assert status == 200, body
    outcomes = json.loads(body)
    print(json.dumps(outcomes, indent=1))
    assert len(outcomes["attempts"]) > 40
    assert done(outcomes["attempts"]) == set()
    assert done(outcomes["work"]) == set(outcomes["work"])

    # The release that ends this waits for nobody, and nobody waits for one slow request.
    git(site.project, "read-tree", "--reset", "-u", good)
    toggle(site, 1 if "version 0" in (site.project / CSS).read_text() else 0)
    slow = "import subprocess; result = subprocess.run(['sleep', '20']).returncode"
    shared.write_text(slow)
    release = machine.command("make", "-C", f"{site.home}/checkout", "release")
    with subprocess.Popen(release, stderr=subprocess.PIPE, text=True) as releasing:
        for line in releasing.stderr:
            if "Migrating" in line:
                attack = site.curl("/run/", "--data-binary", "@/repository.git/attack.py")
                slow = subprocess.Popen(machine.command(*attack), stdout=subprocess.PIPE, text=True)
            if "Switching traffic" in line:
                break
        time.sleep(1)
        for _ in range(5):
            site.stylesheet()
        assert slow.poll() is None
        assert "is live" in releasing.stderr.read()
    assert slow.communicate()[0] == "0\n200"
    shared.unlink()
    assert site.ask("/run/", "--data", "x=1")[0] == 404


def test_each_line_of_the_sandbox_stops_something(site, prey):
    text = (site.project / "deploy/systemd/sandbox.conf").read_text()
    lines = [line for line in text.splitlines() if line and line[0] not in "#["]
    shutil.copy(attacker.__file__, site.repository)

    def attack(lines: list[str], user: str) -> dict[str, dict[str, str]]:
        said = site.machine.run(
            *("systemd-run", "--quiet", "--collect", "--wait", "--pipe", "--service-type=exec"),
            *(f"--property=User={user}", *(f"--property={line}" for line in lines)),
            *("python3", "/repository.git/attacker.py", json.dumps(prey)),
        ).stdout
        # A call that the filter refuses without an error number ends the program.
        return json.loads(said) if said.startswith("{") else {"attempts": {}, "work": {}}

    bare = {user: done(attack([], user)["attempts"]) for user in (site.user, "root")}
    useless = []
    for line in lines:
        without = attack([other for other in lines if other != line], site.user)
        if done(without["attempts"]) or len(done(without["work"])) < 3:
            stops = "without it", done(without["attempts"]) or "no work is done"
        else:  # another line stops the same: then this one must do so by itself
            alone = {user: done(attack([line], user)["attempts"]) for user in bare}
            stops = "by itself", set().union(*(bare[user] - alone[user] for user in bare))
        print(f"{line[:50]:50} {stops}")
        useless += [line] if not stops[1] else []
    assert done(attack(lines, site.user)["attempts"]) == set()
    assert done(attack(lines, "root")["attempts"]) == set()
    assert useless == []


# Back-ups and tidying up


def test_a_backup_is_consistent_and_comes_back(site):
    lose_and_restore(site)
    said = site.make("restore")
    assert said.returncode and "No backup at FROM=''" in said.stdout


def lose_and_restore(site: Site) -> None:
    """Lose database and uploads, and bring both back: from under traffic, and to the row."""
    users = "from django.contrib.auth import get_user_model as user; import os\n"
    users += "for u in user().objects.order_by('pk'):\n"
    users += "    print(u.username, u.photo.name, not u.photo or os.path.exists(u.photo.path))"

    def who() -> list[str]:
        return site.manage("shell", "--no-imports", "--command", users).splitlines()

    def back_up() -> str:
        site.type("make backup")
        return site.machine.passes("sh", "-c", f"ls /var/backups/{site.slug}/*.tar").split()[-1]

    def lose_and_bring_back(backup: str) -> None:
        code = (
            "from django.contrib.auth import get_user_model as user; user().objects.all().delete()"
        )
        site.manage("shell", "--no-imports", "--command", code)
        site.machine.passes("sh", "-c", f"rm -r {site.media}/*")
        assert who() == []
        restore = site.command("make restore")
        site.machine.type(re.sub(r"FROM=\S+", f"FROM={backup}", restore), f"{site.home}/checkout")
        site.machine.ran[-1] = restore

    site.green()
    with site.visited(100) as report:
        busy = back_up()
        time.sleep(1)
    assert report["failures"] == []
    site.machine.passes("find", site.media, "-name", ".*.part", "-delete")  # a lost power's
    quiet, before, uploads = back_up(), who(), files(site)
    assert site.machine.passes("stat", "-c", "%U %a", busy).strip() == "root 600"
    assert before[0].startswith("ada photos/")

    lose_and_bring_back(quiet)
    assert who() == before
    assert files(site) == uploads
    lose_and_bring_back(busy)
    assert [line.split()[0] for line in who()] == [line.split()[0] for line in before]
    assert [line for line in who() if not line.endswith("True")] == []  # each row's file is there
    site.green()


def test_pruning_takes_what_is_old_and_unnamed(site):
    machine = site.machine
    new = site.stylesheet()
    site.type("make rollback")
    middle = site.stylesheet()
    site.type("make rollback")
    assert site.stylesheet() == new != middle
    static = f"{site.served}/static"
    found = machine.passes("sh", "-c", f"ls {static}/welcome/welcome.*.css").split()
    old = {path.removeprefix(site.web_root) for path in found} - {middle, new}
    assert old  # the first release's
    uploads = files(site)
    old_files = f"{site.home}/releases/* $(find {static})"
    machine.passes("sh", "-c", f"touch -d '40 days ago' {old_files}")
    machine.passes("sh", "-c", f"find {site.media} -exec touch -d '400 days ago' {{}} +")
    site.type("make prune")
    assert {site.ask(path)[0] for path in old} == {404}
    assert site.ask(middle)[0] == 200  # a rollback needs it
    assert site.ask(new)[0] == 200
    assert files(site) == uploads
    site.type("make rollback")
    assert site.stylesheet() == middle


def test_postgresql_takes_over_goes_away_and_is_backed_up(site):
    machine = site.machine
    machine.passes("systemctl", "start", "postgresql")
    for statement in (
        f"CREATE ROLE site LOGIN PASSWORD '{PASSWORD}'",
        "CREATE DATABASE site OWNER site",
    ):
        machine.passes("runuser", "-u", "postgres", "--", "psql", "-qc", statement)
    url = f"DATABASE_URL=postgres://site:{PASSWORD}@localhost/site"
    machine.passes("sh", "-c", f"echo {url} >>/etc/{site.slug}.env")
    site.type("make release")
    accounts(site, VISITORS)
    lose_and_restore(site)
    machine.passes("systemctl", "stop", "postgresql@*")
    status, page = site.ask("/", "--cookie", "sessionid=abcdefghijklmnopqrstuvwxyz012345")
    assert status == 500
    assert "Something went wrong" in page
    assert site.ask("/")[0] == 200
    machine.passes("systemctl", "start", "postgresql")
    site.green()


def test_each_command_of_the_readme_was_run(site):
    left = [line for line in site.lines if line not in site.machine.ran]
    assert left == []
