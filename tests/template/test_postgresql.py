"""DATABASE_URL=postgres://… with a real PostgreSQL, on a socket in a temporary directory."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.commands import run_ok, shell, skip_or_fail
from support.site import NOBODY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database_url(tmp_path_factory):
    """The URL of an empty database in a temporary cluster."""
    paths = [*Path("/usr/lib/postgresql").glob("*/bin"), *os.environ["PATH"].split(":")]
    bin = next((Path(p) for p in paths if shutil.which("initdb", path=p)), None)
    if not bin:
        skip_or_fail("PostgreSQL is not installed")
    directory = Path("/tmp", f"split-postgresql-{os.getpid()}")
    directory.mkdir(mode=0o700)
    user = []
    if not os.geteuid():  # PostgreSQL refuses to run as root
        os.chown(directory, NOBODY, NOBODY)
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    try:
        options = ["-D", directory / "data", "-U", "site", "--auth=trust", "--no-sync"]
        run_ok(*user, bin / "initdb", *options, cwd=directory, HOME=directory)
        server = subprocess.Popen(
            [*user, bin / "postgres", "-D", directory / "data", "-k", directory, "-h", "", "-F"],
            cwd=directory,
            stderr=subprocess.DEVNULL,
        )
        try:
            ready = [bin / "pg_isready", "--quiet", "-h", directory, "-t", "20"]
            while subprocess.run(ready).returncode and server.poll() is None:
                pass
            run_ok(bin / "createdb", "-h", directory, "-U", "site", "site", cwd=directory)
            yield f"postgres://site@/site?host={directory}"
        finally:
            server.terminate()
            server.wait(20)
    finally:
        shutil.rmtree(directory)


def test_the_project_with_postgresql(copy_of, python, database_url):
    project, database = copy_of(), {"DATABASE_URL": database_url, "LOCAL_DEV": 1}
    run_ok(python(), "manage.py", "migrate", "--verbosity", "0", cwd=project, **database)
    run_ok(python(), "-m", "pytest", "-q", cwd=project, **database)
    code = "from django.db import connection; print(connection.vendor)"
    assert shell(python(), project, code, **database).strip() == "postgresql"
