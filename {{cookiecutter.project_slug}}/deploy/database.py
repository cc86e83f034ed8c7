"""`python -m deploy.database save` writes the database to standard output, `load` replaces it from
standard input. Both work while the site is live: other connections wait, or see the state before.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing

from config.settings import DATABASES

DATABASE = DATABASES["default"]
POSTGRESQL = {
    "save": ["pg_dump", "--format=custom"],
    "load": ["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction"],
}


def postgresql(command: str) -> None:
    """Run pg_dump or pg_restore, with the password in the environment and in no argument."""
    variables = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
    connection = {variables[key]: str(DATABASE[key]) for key in variables if DATABASE.get(key)}
    arguments = [*POSTGRESQL[command], f"--dbname={DATABASE['NAME']}"]
    raise SystemExit(subprocess.run(arguments, env=os.environ | connection).returncode)


def sqlite(command: str) -> None:
    """Copy through a temporary file: the copy is complete before it is used."""
    with tempfile.NamedTemporaryFile() as copy:
        if command == "save":
            replace(copy.name, DATABASE["NAME"])
            shutil.copyfileobj(copy, sys.stdout.buffer)
        else:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
            replace(DATABASE["NAME"], copy.name)


def replace(target: str, source: str) -> None:
    """Replace the content of one SQLite database by another's, in one transaction."""
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
    backend(sys.argv[1])
