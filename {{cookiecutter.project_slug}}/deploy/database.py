"""`database.py save` writes the database to standard output, `load` replaces it by standard input.

Both while the site runs: SQLite's backup interface and PostgreSQL's own tools take one moment's
state, and readers and writers wait for it or see the state before.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config.settings import DATABASES  # noqa: E402

DATABASE = DATABASES["default"]
POSTGRESQL = {
    "save": ["pg_dump", "--format=custom"],
    "load": ["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction"],
}


def postgresql(task: str) -> None:
    """Run pg_dump or pg_restore with the settings' connection; the password is in no argument."""
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
    own = {names[key]: str(DATABASE[key]) for key in names if DATABASE.get(key)}
    command = [*POSTGRESQL[task], f"--dbname={DATABASE['NAME']}"]
    raise SystemExit(subprocess.run(command, env=os.environ | own).returncode)


def sqlite(task: str) -> None:
    """Copy through a file that is complete before it is used."""
    with tempfile.NamedTemporaryFile() as copy:
        if task == "save":
            duplicate(DATABASE["NAME"], copy.name)
            shutil.copyfileobj(copy, sys.stdout.buffer)
        else:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
            duplicate(copy.name, DATABASE["NAME"])


def duplicate(source: str, target: str) -> None:
    """Replace what `target` holds by what `source` holds, in one transaction."""
    with (
        closing(sqlite3.connect(f"file:{source}?mode=rw", 60, uri=True)) as there,
        closing(sqlite3.connect(target, 60)) as here,
    ):
        try:
            whole = there.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        except sqlite3.DatabaseError:
            whole = False
        if not whole:
            raise SystemExit(f"{source} is no database or a damaged one: nothing was changed.")
        there.backup(here)


if __name__ == "__main__":
    engine = postgresql if DATABASE["ENGINE"].endswith("postgresql") else sqlite
    engine(sys.argv[1])
