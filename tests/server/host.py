"""Hosts for the tests: Debian and Ubuntu systems, booted with systemd in nspawn containers.

A host has its own PID 1, units, users, mounts and network with ports 80 and 443; only the kernel is
shared. It cannot reach other networks without a `cable`: what it installs is downloaded before.
"""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.commands import CACHE, run_ok, run_on_terminal
from support.packages import source

# The packages of a freshly installed server, and the tests' certificate authority and database.
FRESH = "apt,ca-certificates,systemd,systemd-sysv,dbus,iproute2,procps,curl,pebble,postgresql"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OFFLINE = {
    "UV_CACHE_DIR": "/var/cache/fetched/uv",
    "UV_OFFLINE": "1",
    "PIP_FIND_LINKS": "/var/cache/fetched/wheels",
    "PIP_NO_INDEX": "1",
}


def why_not_bootable() -> str | None:
    """Return why no system can be booted here, or None."""
    if os.geteuid():
        return "booting a system needs root"
    for tool in ("systemd-nspawn", "mmdebstrap"):
        if not shutil.which(tool):
            return f"{tool} is missing: apt install systemd-container mmdebstrap"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"]).returncode:
        return "namespaces are not permitted: this is a container without privileges"
    return None


def image(release: str, command: str) -> Path:
    """Return a directory with a fresh system on which `command`, the README's first, was run."""
    key = hashlib.sha256(f"{FRESH} {command}".encode()).hexdigest()[:8]
    tree = CACHE / "server" / f"{release}-{key}"
    if tree.exists():
        return tree
    tree.parent.mkdir(parents=True, exist_ok=True)
    for outdated in tree.parent.glob(f"{release}-*"):
        shutil.rmtree(outdated)
    building = tree.with_suffix(".part")
    shutil.rmtree(building, ignore_errors=True)
    mirror, components, keys = source(release)
    run_ok(
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={FRESH}"),
        f'--customize-hook=chroot "$1" env DEBIAN_FRONTEND=noninteractive {command}',
        *([f"--keyring={keys}"] if keys else []),
        *(release, building, f"deb {mirror} {release} {components}"),
        cwd=tree.parent,
    )
    building.rename(tree)
    return tree


def own_cgroup(name: str) -> Path:
    """Create a cgroup below that of this process.

    nspawn boots a system in the cgroup `payload` below its own. Systems that share one remove each
    other's cgroups, and `systemctl kill` does not find all processes of a unit.
    """
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    mount = next(mount for _, mount, kind, *_ in mounts if kind == "cgroup2")
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    path = next(line.removeprefix("0::") for line in lines if line.startswith("0::"))
    cgroup = Path(mount, path.strip("/"), name)
    cgroup.mkdir(exist_ok=True)
    return cgroup


class Host:
    """A booted system."""

    def __init__(self, tree: Path, root: Path, fetched: Path, shared: Path):
        self.root = root
        self.ran: list[str] = []  # commands of the README
        run_ok("cp", "-a", "--reflink=auto", tree, root, cwd=root.parent)
        # On the same file system, so that uv can make hard links.
        run_ok("cp", "-a", fetched, root / "var/cache/fetched", cwd=root.parent)
        # The site's user installs the packages.
        run_ok("chmod", "-R", "a+rwX", root / "var/cache/fetched", cwd=root.parent)
        self.shared = shared
        self.on()

    def on(self) -> None:
        """Boot, and wait until all enabled units have started."""
        self.console = (self.root.parent / "console.log").open("a")
        self.cgroup = own_cgroup(self.root.parent.name)
        self.nspawn = subprocess.Popen(
            ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', self.cgroup]
            + ["systemd-nspawn", "--quiet", "-D", self.root, "-b", "--register=no", "--keep-unit"]
            + ["--private-network", "--console=read-only", f"--machine={self.root.name}"]
            + ["--settings=no"]
            # The site's sandbox must refuse these calls, not nspawn.
            + ["--system-call-filter=@clock"]
            + [f"--bind={self.shared}:/{self.shared.name}"],
            stdin=subprocess.DEVNULL,
            stdout=self.console,
            stderr=self.console,
            env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )
        self.wait(lambda: self.started() in {"running", "degraded"}, "boot", 60)

    def started(self) -> str:
        """Return the state that systemd reports, or "off"."""
        children = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text()
        if not children:
            return "off"
        self.leader = int(children.split()[0])
        return self.run("systemctl", "is-system-running").stdout.strip()

    def wait(self, ready, what: str, seconds: float = 30) -> None:
        """Wait until `ready()` holds."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                pytest.fail(f"No {what} within {seconds} s\n{self.journal()}", pytrace=False)
            time.sleep(0.1)

    def command(self, *command: str) -> list[str]:
        """Return the command that runs a command on the host as root."""
        return [
            *("nsenter", f"--target={self.leader}", "--all", "--wdns=/root", "env", "-i"),
            *(f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb"),
            *(f"{name}={value}" for name, value in OFFLINE.items()),
            *map(str, command),
        ]

    def run(self, *command: str) -> subprocess.CompletedProcess:
        """Run a command on the host and return what it printed, both streams in one."""
        return subprocess.run(
            self.command(*command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run_ok(self, *command: str) -> str:
        """Run a command that must succeed and return what it printed."""
        done = self.run(*command)
        if done.returncode:
            pytest.fail(f"{' '.join(command)}\n{done.stdout}\n{self.journal()}", pytrace=False)
        return done.stdout

    def run_readme(self, command: str, directory: str = "/root") -> str:
        """Run a command of the README that must succeed, and return what it printed."""
        self.ran.append(command)
        return self.run_ok("sh", "-euc", f"cd {directory}; {command}")

    def run_on_terminal(self, command: str, dialogue: dict[str, str]) -> None:
        """Run a command on a terminal and answer its questions."""
        run_on_terminal(self.command("sh", "-c", command), dialogue)

    def journal(self) -> str:
        """Return the last lines of the host's journal."""
        return self.run("journalctl", "--no-pager", "-n", "60").stdout

    @contextlib.contextmanager
    def cable(self):
        """Connect the host to this one until the block ends; yield the address on this side."""
        end, subnet = f"host{os.getpid()}", f"10.78.{os.getpid() % 256}"
        peer = ["type", "veth", "peer", "name", "eth0", "netns", str(self.leader)]
        run_ok("ip", "link", "add", end, *peer, cwd=self.root)
        try:
            run_ok("ip", "address", "add", f"{subnet}.1/24", "dev", end, cwd=self.root)
            run_ok("ip", "link", "set", end, "up", cwd=self.root)
            self.run_ok("ip", "address", "add", f"{subnet}.2/24", "dev", "eth0")
            self.run_ok("ip", "link", "set", "eth0", "up")
            yield f"{subnet}.1"
        finally:
            run_ok("ip", "link", "delete", end, cwd=self.root)

    def reboot(self) -> None:
        """Reboot in an orderly way."""
        self.off()
        self.on()

    def off(self) -> None:
        """Shut down in an orderly way, unless it is off."""
        if self.nspawn.poll() is None:
            self.run("systemctl", "poweroff")
        try:
            self.nspawn.wait(60)
        except subprocess.TimeoutExpired:
            self.cut_power()
        self.console.close()
        for cgroup, *_ in os.walk(self.cgroup, topdown=False):
            with contextlib.suppress(OSError):  # the kernel has not removed its last process yet
                os.rmdir(cgroup)

    def cut_power(self) -> None:
        """Kill the system at once."""
        os.kill(self.leader, signal.SIGKILL)
        self.nspawn.wait(60)
        self.console.close()


def fetch(project: Path, tree: Path, directory: Path) -> None:
    """Download what an installation gets from PyPI, for the host's own Python."""
    commands = """
        cp -r /project /tmp/project && cd /tmp/project
        python3 -m venv /tmp/uv
        /tmp/uv/bin/pip download --quiet --dest /fetched/wheels "uv>=0.13,<1" pip
        /tmp/uv/bin/pip install --quiet --find-links /fetched/wheels uv
        UV_PYTHON=python3 UV_CACHE_DIR=/fetched/uv /tmp/uv/bin/uv sync --quiet --no-dev --extra s3
        cp uv.lock /project/
    """
    directory.mkdir(parents=True, exist_ok=True)
    certificates = "/etc/ssl/certs/ca-certificates.crt"
    run_ok(
        *("systemd-nspawn", "--quiet", "-D", tree, "--volatile=overlay", "--register=no"),
        *("--keep-unit", "--pipe", "--resolv-conf=copy-host", f"--bind-ro={certificates}"),
        *(f"--bind={project}:/project", f"--bind={directory}:/fetched"),
        f"--setenv=SSL_CERT_FILE={certificates}",
        *("/bin/sh", "-euc", commands),
        cwd=directory,
    )


def commands(readme: str) -> list[str]:
    """Return the commands in the code blocks of the README's section on the server."""
    section = readme.split("## On a server\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [line.split("  # ")[0].strip() for line in "".join(blocks).splitlines() if line]
