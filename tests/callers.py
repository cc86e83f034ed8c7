"""The two callers of the rules, as a user runs them: the hook's entry and `manage.py check`."""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

SECRET_KEY = "for tests only, and long: 0c41d5a7e2b94f6f8d3b1a5c7e9f0d2b4a6c8e0f"

# Runs manage.py in a child that has Django imported already: the command is the real one, and a
# process of its own, but starts in a third of the time.
FORK = """
import json, os, runpy, sys, tempfile
sys.dont_write_bytecode = True
import django.contrib.staticfiles.checks, django.core.management.commands.check
import django.core.servers.basehttp, django.db.backends.sqlite3.base, django.forms
import django.template.backends.django, django.test.signals, django.urls, django.views.defaults
for line in sys.stdin:
    order = json.loads(line)
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), 1), os.dup2(said.fileno(), 2)
            os.chdir(order["cwd"])
            os.environ.update(order["environment"])
            sys.argv, sys.path[0] = ["manage.py", *order["arguments"]], order["cwd"]
            try:
                runpy.run_path("manage.py", run_name="__main__")
            except SystemExit as end:
                code = end.code
                if isinstance(code, str):
                    print(code, file=sys.stderr)
                    code = 1
                sys.stdout.flush(), sys.stderr.flush()
                os._exit(code or 0)
            except BaseException:
                import traceback
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(70)
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        print(json.dumps([status, said.read().decode()]), flush=True)
"""


class Manage:
    """Runs manage.py commands, each in a process of its own."""

    def __init__(self, python: Path):
        self.process = subprocess.Popen(
            [python, "-W", "error", "-c", FORK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, project: Path, *arguments: str, **environment: str) -> tuple[int, str]:
        """Return the exit status of `manage.py …` and what it printed."""
        environment = {"SECRET_KEY": SECRET_KEY, **environment}
        order = {"cwd": str(project), "arguments": arguments, "environment": environment}
        print(json.dumps(order), file=self.process.stdin, flush=True)
        status, said = json.loads(self.process.stdout.readline())
        assert "Traceback" not in said, said
        return status, said

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def hook(project: Path) -> tuple[set[str], str]:
    """Return the ids that the template's hook would print for a project, and all it printed."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "files"],
        cwd=project,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    found = set(re.findall(r"^(files\.[EW]\d+): ", done.stderr, re.MULTILINE))
    assert done.returncode == bool(found)
    return found, done.stderr


def ids(said: str) -> set[str]:
    """Return the ids of system checks in what `manage.py check` printed."""
    return set(re.findall(r"\((\w+\.[EWI]\d+)\) ", said))


@contextmanager
def edited(project: Path, edits: list[tuple]):
    """Edit files of a project until the block ends.

    An edit is (file, text) to append, or (file, regular expression, replacement); a file that is
    not there is made.
    """
    before = {}
    try:
        for name, *change in edits:
            path = project / name
            if path not in before:
                before[path] = path.read_text() if path.exists() else None
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text() if path.exists() else ""
            if len(change) == 1:
                text += f"\n{change[0]}\n"
            else:
                old, new = change
                text, count = re.subn(old, lambda _, new=new: new, text, flags=re.MULTILINE)
                assert count, f"{name} holds nothing like {change[0]!r}"
            path.write_text(text, errors="surrogateescape")
        yield
    finally:
        for path, text in before.items():
            if text is None:
                path.unlink()
                for folder in path.parents:
                    if any(folder.iterdir()):
                        break
                    folder.rmdir()
            else:
                path.write_text(text)
