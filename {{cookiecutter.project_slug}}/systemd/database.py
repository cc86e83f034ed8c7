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
        if task == "load":
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
        ends = [DATABASE["NAME"], copy.name]
        source, target = ends if task == "save" else reversed(ends)
        with closing(sqlite3.connect(source, 60)) as source, closing(sqlite3.connect(target, 60)) as target:
            if source.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise SystemExit(f"{ends[task == 'load']} is damaged: nothing was changed.")
            source.backup(target)
        if task == "save":
            shutil.copyfileobj(copy, sys.stdout.buffer)


if __name__ == "__main__":
    engine = postgresql if DATABASE["ENGINE"].endswith("postgresql") else sqlite
    engine(sys.argv[1])
