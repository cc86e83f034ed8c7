"""A PostgreSQL server of the distribution, in a temporary directory."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from support.commands import run_ok, skip_or_fail
from support.site import NOBODY


@contextmanager
def postgresql(address: str = ""):
    """Yield the DATABASE_URL of an empty database: on a socket, or on an address and port 5432."""
    paths = [*Path("/usr/lib/postgresql").glob("*/bin"), *os.environ["PATH"].split(":")]
    bin = next((Path(p) for p in paths if shutil.which("initdb", path=p)), None)
    if not bin:
        skip_or_fail("PostgreSQL is not installed")
    directory = Path(tempfile.mkdtemp(prefix="split-postgresql-"))
    user = []
    if not os.geteuid():  # PostgreSQL refuses to run as root
        os.chown(directory, NOBODY, NOBODY)
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    try:
        options = ["-D", directory / "data", "-U", "site", "--auth=trust", "--no-sync"]
        run_ok(*user, bin / "initdb", *options, cwd=directory, HOME=directory)
        if address:
            with (directory / "data/pg_hba.conf").open("a") as hba:
                hba.write(f"host site site {address}/24 trust\n")
        options = ["-D", directory / "data", "-k", directory, "-h", address, "-F"]
        server = subprocess.Popen(
            [*user, bin / "postgres", *options], cwd=directory, stderr=subprocess.DEVNULL
        )
        try:
            ready = [bin / "pg_isready", "--quiet", "-h", directory, "-t", "20"]
            while subprocess.run(ready).returncode and server.poll() is None:
                pass
            run_ok(bin / "createdb", "-h", directory, "-U", "site", "site", cwd=directory)
            yield f"postgres://site@{address}/site" + f"?host={directory}" * (not address)
        finally:
            server.terminate()
            server.wait(20)
    finally:
        shutil.rmtree(directory)
