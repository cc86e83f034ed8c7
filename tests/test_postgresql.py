"""DATABASE_URL=postgres://… with a real PostgreSQL, on a socket in a temporary folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import missing, passes
from servers import NOBODY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database_url(tmp_path_factory):
    """The URL of an empty database of a cluster that ends with the tests."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *os.environ["PATH"].split(":")]
    bin = next((Path(p) for p in places if shutil.which("initdb", path=p)), None)
    if not bin:
        missing("there is no PostgreSQL")
    folder = Path("/tmp", f"split-postgresql-{os.getpid()}")
    folder.mkdir(mode=0o700)
    user = []
    if not os.geteuid():  # PostgreSQL refuses to run as root
        os.chown(folder, NOBODY, NOBODY)
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    try:
        initdb = [bin / "initdb", "-D", folder / "data", "-U", "site", "--auth=trust", "--no-sync"]
        passes(*user, *initdb, cwd=folder, HOME=folder)
        server = subprocess.Popen(
            [*user, bin / "postgres", "-D", folder / "data", "-k", folder, "-h", "", "-F"],
            cwd=folder,
            stderr=subprocess.DEVNULL,
        )
        try:
            ready = [bin / "pg_isready", "--quiet", "-h", folder, "-t", "20"]
            while subprocess.run(ready).returncode and server.poll() is None:
                pass
            passes(bin / "createdb", "-h", folder, "-U", "site", "site", cwd=folder)
            yield f"postgres://site@/site?host={folder}"
        finally:
            server.terminate()
            server.wait(20)
    finally:
        shutil.rmtree(folder)


def test_the_site_runs_on_postgresql(project, python, database_url):
    folder, database = project(), {"DATABASE_URL": database_url, "LOCAL_DEV": 1}
    passes(python(), "manage.py", "migrate", "--verbosity", "0", cwd=folder, **database)
    passes(python(), "-m", "pytest", "-q", cwd=folder, **database)
    ask = "from django.db import connection; print(connection.vendor)"
    shell = (python(), "manage.py", "shell", "--verbosity", "0", "--command", ask)
    assert passes(*shell, cwd=folder, **database).strip() == "postgresql"
