"""Programs of Debian and Ubuntu releases, downloaded without root."""

import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.commands import CACHE, cache_locked, run_ok, skip_or_fail

PATH = f"{os.environ['PATH']}:/usr/sbin"
OWN_RELEASE = platform.freedesktop_os_release().get("VERSION_CODENAME", "bookworm")
# The supported releases and the newest packaged nginx, each with its version.
RELEASES = {"bookworm": "1.22", "noble": "1.24", "trixie": "1.26", "sid": ""}
# Runs a program of another release with that release's loader and libraries.
WRAPPER = """#!/bin/sh
here=$(dirname "$(realpath "$0")")
libraries=$(echo "$here"/lib/*-linux-gnu* "$here"/usr/lib/*-linux-gnu* | tr " " :)
exec "$here"/{loader} --library-path "$libraries" "$here"/{program} "$@"
"""


def find_nginx() -> str:
    """Return an nginx: $NGINX_BIN, the one on PATH, or the distribution's, downloaded without root.

    Skips the test if there is none.
    """
    if found := os.environ.get("NGINX_BIN") or shutil.which("nginx", path=PATH):
        return found
    return fetch_nginx(OWN_RELEASE)


def fetch_nginx(release: str) -> str:
    """Return the nginx of a Debian or Ubuntu release, with the brotli module; downloaded once."""
    return fetch_program("usr/sbin/nginx", release, "nginx", "libnginx-mod-http-brotli-static")


def fetch_program(program: str, release: str, *packages: str) -> str:
    """Return a program of a release's packages, downloaded once, that runs on this host."""
    directory = CACHE / f"{Path(program).name}-{release}"
    wrapper = directory / Path(program).name
    with cache_locked():
        if not wrapper.exists():
            fetch(directory, *packages, release=release)
            loader = next(directory.glob("**/ld-linux*.so*")).relative_to(directory)
            wrapper.write_text(WRAPPER.format(loader=loader, program=program))
            wrapper.chmod(0o755)
    return str(wrapper)


def fetch(directory: Path, *packages: str, release: str) -> None:
    """Unpack packages of a release, with their dependencies, into a directory: without root.

    Nothing is installed on the host. Skips the test if it has no apt.
    """
    if not shutil.which("apt-get"):
        skip_or_fail(f"no apt-get to download {', '.join(packages)}")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as work:
        mirror, components, keys = source(release)
        for name in ("lists/partial", "cache/archives/partial", "root"):
            Path(work, name).mkdir(parents=True)
        Path(work, "status").touch()  # no package is installed, so apt downloads all dependencies
        signed = f"[signed-by={keys}] " if keys else ""
        Path(work, "sources.list").write_text(f"deb {signed}{mirror} {release} {components}\n")
        options = {
            **{"Dir::Etc::sourcelist": f"{work}/sources.list", "Dir::Etc::sourceparts": "-"},
            **{"Dir::State::status": f"{work}/status", "Dir::State::lists": f"{work}/lists"},
            **{"Dir::Cache": f"{work}/cache", "APT::Sandbox::User": "", "Debug::NoLocking": "1"},
            **{"APT::Install-Recommends": "false", "Acquire::Languages": "none"},
        }
        apt = ["apt-get", "--quiet", "--quiet"]
        apt += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        run_ok(*apt, "update", cwd=Path(work))
        run_ok(*apt, "install", "--yes", "--download-only", *packages, cwd=Path(work))
        for package in Path(work, "cache/archives").glob("*.deb"):
            run_ok("dpkg", "-x", package, f"{work}/root", cwd=Path(work))
        Path(work, "root").chmod(0o755)
        Path(work, "root").replace(directory)


def source(release: str) -> tuple[str, str, str]:
    """Return the mirror of a release, its components, and its keys if apt does not have them."""
    listed = run_ok("apt-get", "indextargets", "--format", "$(SITE)", cwd=Path("/")).split()
    if release == "noble" and not any(site.endswith("/ubuntu") for site in listed):
        # Debian's debootstrap contains Ubuntu's mirror; a Debian package contains its keys.
        ubuntu = CACHE / "ubuntu"
        if not ubuntu.exists():
            fetch(ubuntu, "debootstrap", "ubuntu-archive-keyring", release="trixie")
        script = (ubuntu / "usr/share/debootstrap/scripts/gutsy").read_text()
        mirrors = re.findall(r"default_mirror (\S+)", script)
        mirror = next(mirror for mirror in mirrors if "old" not in mirror)
        keys = ubuntu / "usr/share/keyrings/ubuntu-archive-keyring.gpg"
        return mirror, "main universe", str(keys)
    system = "ubuntu" if release == "noble" else "debian"
    mirror = next((site for site in listed if site.endswith(f"/{system}")), None)
    if not mirror:
        skip_or_fail(f"apt has no mirror for {release}")
    return mirror, "main universe" if system == "ubuntu" else "main", ""


def version(nginx: str) -> tuple[int, ...]:
    """Return the version of an nginx, such as (1, 22, 1)."""
    output = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr
    (number,) = re.findall(r"nginx/([\d.]+)", output)
    return tuple(map(int, number.split(".")))
