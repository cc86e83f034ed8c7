"""`python -m deploy.database save FILE` copies the database to a file, `load FILE` replaces it.
Both work while the site is live: other connections wait, or see the state before.
"""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

from config.settings import DATABASES

DATABASE = DATABASES["default"]
POSTGRESQL = {
    "save": 'pg_dump --format=custom --file="$0" --dbname="$1"',
    # Drops all tables first: the dump lacks some if the database is of a newer release.
    "load": r"""{
        echo "BEGIN; SET client_min_messages = warning;"
        echo "SELECT format('DROP TABLE IF EXISTS %I CASCADE', tablename) FROM pg_tables"
        echo "WHERE schemaname = current_schema AND tableowner = current_user \gexec"
        pg_restore --clean --if-exists --no-owner --file=- "$0" && echo "COMMIT;" || echo "Damaged;"
    } | psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --output=/dev/null --dbname="$1" """,
}


def postgresql(command: str, file: str) -> None:
    """Save or load with PostgreSQL's programs, with the password in the environment only."""
    variables = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
    connection = {variables[key]: str(DATABASE[key]) for key in variables if DATABASE.get(key)}
    script = ["sh", "-c", POSTGRESQL[command], file, DATABASE["NAME"]]
    raise SystemExit(subprocess.run(script, env=os.environ | connection).returncode)


def sqlite(command: str, file: str) -> None:
    """Replace the content of one SQLite database by another's, in one transaction."""
    source, target = (file, DATABASE["NAME"]) if command == "load" else (DATABASE["NAME"], file)
    connection = sqlite3.connect(f"file:{source}?mode=rw", timeout=60, uri=True)
    with closing(connection) as old, closing(sqlite3.connect(target, timeout=60)) as new:
        try:
            result = old.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            result = error
        if result != "ok":
            raise SystemExit(f"The database is damaged, nothing was changed: {result}")
        old.backup(new)


if __name__ == "__main__":
    backend = postgresql if DATABASE["ENGINE"].endswith("postgresql") else sqlite
    backend(*sys.argv[1:])
