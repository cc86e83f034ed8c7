"""DATABASE_URL=postgres://… with a real PostgreSQL, on a socket in a temporary directory."""

from subprocess import CompletedProcess

import pytest

from support.commands import run, run_ok, shell
from support.postgresql import postgresql

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database_url():
    """The URL of an empty database."""
    with postgresql() as url:
        yield url


def test_the_project_with_postgresql(copy_of, python, database_url):
    project, database = copy_of(), {"DATABASE_URL": database_url, "LOCAL_DEV": 1}
    run_ok(python(), "manage.py", "migrate", "--verbosity", "0", cwd=project, **database)
    run_ok(python(), "-m", "pytest", "-q", cwd=project, **database)
    code = "from django.db import connection; print(connection.vendor)"
    assert shell(python(), project, code, **database).strip() == "postgresql"


def test_restore_of_a_newer_database(copy_of, python, database_url, tmp_path):
    """Staging can have tables that production's dump lacks, and that refer to others."""
    project, dump = copy_of(), tmp_path / "dump"
    settings = {"DATABASE_URL": database_url.partition("?")[0], "LOCAL_DEV": 1}
    settings["PGHOST"] = database_url.rpartition("=")[2]  # as for psql

    def count(table: str) -> str:
        sql = f"SELECT count(*) FROM {table}"
        code = "from django.db import connection\nwith connection.cursor() as cursor:\n"
        code += f"    print(cursor.execute({sql!r}).fetchone()[0])"
        done = run(python(), "manage.py", "shell", "-v", "0", "-c", code, cwd=project, **settings)
        return done.stdout.strip()

    def execute(sql: str) -> None:
        code = f"from django.db import connection; connection.cursor().execute({sql!r})"
        shell(python(), project, code, **settings)

    def load() -> CompletedProcess:
        return run(python(), "-m", "deploy.database", "load", dump, cwd=project, **settings)

    run_ok(python(), "manage.py", "migrate", "--verbosity", "0", cwd=project, **settings)
    run_ok(python(), "-m", "deploy.database", "save", dump, cwd=project, **settings)
    execute("CREATE TABLE newer (user_id bigint REFERENCES accounts_user)")
    execute("INSERT INTO welcome_photo (image) VALUES ('later.png')")
    content = dump.read_bytes()
    dump.write_bytes(content[: len(content) // 2])
    assert load().returncode
    assert (count("newer"), count("welcome_photo")) == ("0", "1")  # nothing was changed
    dump.write_bytes(content)
    done = load()
    assert (done.returncode, done.stdout) == (0, "")
    assert count("welcome_photo") == "0" and 'relation "newer" does not exist' in count("newer")
