"""DATABASE_URL=postgres://… with a real PostgreSQL, on a socket in a temporary directory."""

import pytest

from support.commands import run_ok, shell
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
