"""A PostgreSQL server of the distribution, in a temporary directory."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.commands import run_ok, skip_or_fail
from support.site import NOBODY, unprivileged, until


@dataclass
class PostgreSQL:
    """A server that can be restarted; its database is `site`."""

    bin: Path
    directory: Path
    address: str
    process: subprocess.Popen = field(init=False, repr=False)

    @property
    def url(self) -> str:
        """The DATABASE_URL."""
        return f"postgres://site@{self.address}/site" + f"?host={self.directory}" * (
            not self.address
        )

    def start(self) -> None:
        options = ["-D", self.directory / "data", "-k", self.directory, "-h", self.address, "-F"]
        self.process = subprocess.Popen(
            [*unprivileged(NOBODY), self.bin / "postgres", *options],
            cwd=self.directory,
            stderr=subprocess.DEVNULL,
        )
        ready = [self.bin / "pg_isready", "--quiet", "-h", self.directory]
        until(lambda: subprocess.run(ready).returncode == 0, self.process)

    def stop(self) -> None:
        """Close all connections and stop, as `systemctl restart postgresql` does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@contextmanager
def server(address: str = ""):
    """Run a server with an empty database: on a socket, or on an address and port 5432."""
    paths = [*Path("/usr/lib/postgresql").glob("*/bin"), *os.environ["PATH"].split(":")]
    bin = next((Path(p) for p in paths if shutil.which("initdb", path=p)), None)
    if not bin:
        skip_or_fail("PostgreSQL is not installed")
    directory = Path(tempfile.mkdtemp(prefix="split-postgresql-"))
    if not os.geteuid():
        os.chown(directory, NOBODY, NOBODY)
    try:
        options = ["-D", directory / "data", "-U", "site", "--auth=trust", "--no-sync"]
        run_ok(*unprivileged(NOBODY), bin / "initdb", *options, cwd=directory, HOME=directory)
        if address:
            with (directory / "data/pg_hba.conf").open("a") as hba:
                hba.write(f"host site site {address}/24 trust\n")
        server = PostgreSQL(bin, directory, address)
        server.start()
        try:
            run_ok(bin / "createdb", "-h", directory, "-U", "site", "site", cwd=directory)
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


@contextmanager
def postgresql(address: str = ""):
    """Yield the DATABASE_URL of such a server."""
    with server(address) as running:
        yield running.url
