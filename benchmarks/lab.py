"""What is measured: a rendered project, and a plain Django project that was set up with uv."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
UV = os.environ.get("UV") or shutil.which("uv") or str(TEMPLATE / ".uv/bin/uv")
RENDER = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config"]
SECRET_KEY = "for benchmarks only, and long: 0c41d5a7e2b94f6f8d3b1a5c7e9f0d2b"
DJANGO = "django>=5.2,<5.3"


def run(*command, cwd: Path, **environment) -> str:
    """Run a command that must succeed and return its output; errors go to standard error."""
    clean = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    clean["PATH"] = f"{Path(UV).parent}:{clean['PATH']}"
    clean |= {name: str(value) for name, value in environment.items()}
    words = [str(word) for word in command]
    return subprocess.run(
        words, cwd=cwd, env=clean, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def seconds(*command, cwd: Path, **environment) -> float:
    """Return how long a command takes, as a whole process."""
    start = time.perf_counter()
    run(*command, cwd=cwd, **environment)
    return time.perf_counter() - start


@contextmanager
def running(process: subprocess.Popen):
    """Stop a process at the end of the block."""
    try:
        yield process
    finally:
        process.terminate()
        process.wait(40)


class Lab:
    """A directory with the projects, each made when it is first used."""

    def __init__(self, work: Path):
        self.work = work

    @cached_property
    def project(self) -> Path:
        """The default rendering, with its environment and its migrated database."""
        run(*RENDER, TEMPLATE, "-o", self.work, cwd=self.work)
        project = self.work / "client_site"
        run(UV, "sync", "--quiet", cwd=project)
        run(python(project), "manage.py", "migrate", "--verbosity=0", cwd=project, LOCAL_DEV=1)
        return project

    @cached_property
    def plain(self) -> Path:
        """A project of `django-admin startproject`, likewise, with a directory static/."""
        project = start_plain(self.work / "plain")
        settings = project / "plain/settings.py"
        with settings.open("a") as file:
            file.write("\nSTATICFILES_DIRS = [BASE_DIR / 'static']\nMEDIA_URL = '/media/'\n")
        (project / "static").mkdir()
        run(python(project), "manage.py", "migrate", "--verbosity=0", cwd=project)
        return project


def python(project: Path) -> Path:
    return project / ".venv/bin/python"


def start_plain(directory: Path) -> Path:
    """Create a plain project as Django's and uv's documentation say."""
    directory.mkdir()
    run(UV, "init", "--quiet", "--bare", "--no-workspace", cwd=directory)
    run(UV, "add", "--quiet", DJANGO, cwd=directory)
    run(UV, "run", "--quiet", "django-admin", "startproject", "plain", ".", cwd=directory)
    return directory
