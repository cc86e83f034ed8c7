"""Compare a default rendering with those of two other templates: a Markdown table.

    uv run benchmarks/compare.py [COOKIECUTTER_DJANGO DJANGO_LAYOUT]

The arguments are Git repositories; without them both are cloned from GitHub. Each template is
rendered with its default answers, hooks included, and every cell is found by running something. A
cell "by reading" names files, in which this script looks for the text that it relies on.

Needs nginx and what the other templates need: uv, a network, Python 3.14, and gcc with the headers
of Python and libpq for psycopg[c].
"""

import datetime
import json
import os
import platform
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
sys.path[:0] = [str(TEMPLATE / "scripts"), str(TEMPLATE / "tests")]

from size import UV, dependencies, distributions, lines, text_files  # noqa: E402

from support.site import deployed, free_port, rendered_for  # noqa: E402

SOURCES = [
    "https://github.com/cookiecutter/cookiecutter-django.git",
    "https://github.com/lincolnloop/django-layout.git",
]
PYTHON = "3.14"
UV_RUN = [str(UV), "run", "--quiet", "--no-dev"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
ENVIRONMENT["PATH"] = f"{Path(UV).parent}:{ENVIRONMENT['PATH']}"
# What the compose file of django-layout sets, with SQLite, the default of its DATABASE_URL.
LAYOUT = {"DEBUG": "1", "DJANGO_ENV": "development", "SECRET_KEY": "not-secret"}
LAYOUT["DJANGO_SETTINGS_MODULE"] = "my_site.settings"


def run(*command, cwd: Path, **environment: str) -> str:
    """Run a command that must succeed and return its output; errors go to standard error."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=ENVIRONMENT | environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


class Template:
    """A clone of a template's repository, and its default rendering."""

    def __init__(self, source: str, work: Path):
        self.clone = work / "clone"
        run("git", "clone", "--quiet", source, self.clone, cwd=work)
        self.project = self.render(work)
        pyproject = self.project / "pyproject.toml"  # one of them requires a patch version
        text = re.sub(rf'"=={PYTHON}\.\d+"', f'"=={PYTHON}.*"', pyproject.read_text())
        pyproject.write_text(text)

    def render(self, work: Path) -> Path:
        command = ["-m", "cookiecutter", self.clone, "--no-input", "--default-config", "-o"]
        run(sys.executable, *command, work / "rendered", cwd=work)
        return next((work / "rendered").iterdir())

    def git(self, *arguments: str) -> str:
        return run("git", *arguments, cwd=self.clone).strip()

    def mentions(self, words: str) -> bool:
        """Return whether the newest commit contains a word, in whatever file."""
        command = ["git", "grep", "--quiet", "--ignore-case", "--extended-regexp", words]
        return subprocess.run(command, cwd=self.clone).returncode == 0

    def read(self, name: str, text: str) -> None:
        """Look for the text that a cell "by reading" relies on."""
        assert re.search(text, (self.clone / name).read_text()), f"{name} lacks {text}"

    def questions(self) -> int:
        answers = json.loads((self.clone / "cookiecutter.json").read_text())
        return sum(not name.startswith("_") for name in answers)

    def row_size(self) -> str:
        files = text_files(self.project)
        return f"{self.questions()} · {len(files)} · {lines(self.project):,}"

    def row_dependencies(self) -> str:
        direct, installed = dependencies(self.project), distributions(self.project, PYTHON)
        return f"{len(direct)} · {len(installed)}"

    def row_extras(self) -> str:
        """Which of some parts a default rendering has, and which ones a question can add."""
        names = " ".join(dependencies(self.project))
        paths = [file.name for file in text_files(self.project)]
        included = {
            "sign-up": "django-allauth" in names,
            "MFA": "allauth[mfa]" in names,
            "Docker": any(name.startswith("Dockerfile") for name in paths),
            "Celery": "celery" in names,
            "CSS or JS build": "package.json" in paths,
            "Sentry": "sentry-sdk" in names,
        }
        words = {"Docker": "use_docker", "Celery": "use_celery", "Sentry": "use_sentry"}
        words |= {"CSS or JS build": "frontend_pipeline", "REST API": "rest_api"}
        file = self.clone / "cookiecutter.json"
        questions = json.loads(file.read_text()) if file.exists() else {}
        has = [part for part, there in included.items() if there]
        can = [part for part, word in words.items() if word in questions and part not in has]
        return ", ".join(has or ["none"]) + (f"; by a question: {', '.join(can)}" if can else "")

    def row_updates(self) -> str:
        return "documented" if self.mentions("cruft|copier") else "not documented"

    def row_history(self) -> str:
        year = self.git("log", "--max-parents=0", "--format=%as", "HEAD").split("\n")[-1][:4]
        authors = len(self.git("shortlog", "--summary", "HEAD").splitlines())
        return f"{year} · {authors} · {self.git('log', '-1', '--format=%as')}"


class Ours(Template):
    name = "this template"

    def row_first_page(self) -> str:
        return first_page(["make", "run"], self.project, "make and Python")

    def row_uploads(self) -> str:
        with tempfile.TemporaryDirectory(prefix="site-") as work:
            root = Path(work)
            root.chmod(0o755)
            answer = f"web_root={rendered_for(root)['web_root']}"
            command = ["-m", "cookiecutter", self.clone, "--no-input", "--default-config", "-o"]
            run(sys.executable, *command, root, answer, cwd=root)
            project = root / "client_site"
            run(UV, "sync", "--quiet", cwd=project)
            with deployed(project, root, project / ".venv/bin/python") as server:
                code = "from django.core.files.base import ContentFile as C\n"
                code += "from django.core.files.storage import default_storage as s\n"
                code += "print(s.path(''), s.url(s.save('x.html', C(b'<script>'))))"
                shell = ("shell", "--verbosity", "0", "--command", code)
                path, url = server.manage(*shell).split()
                headers = server.browser().get(url).headers
        assert not Path(path).is_relative_to(project)
        assert "sandbox" in headers["Content-Security-Policy"]
        kind, disposition = headers["Content-Type"], headers["Content-Disposition"]
        return f"on disk, outside the checkout; nginx sends `{kind}`, {disposition}, CSP sandbox"

    def row_deployment(self) -> str:
        self.read("{{cookiecutter.project_slug}}/deploy/deploy.sh", "Switching traffic")
        return "one Debian or Ubuntu server, with nginx and systemd (by reading `deploy/deploy.sh`)"

    def row_updates(self) -> str:
        assert (self.clone / "tests/template/test_update.py").exists()
        return "`cruft update` (tested: `tests/template/test_update.py`)"


class CookiecutterDjango(Template):
    name = "cookiecutter-django"

    def row_first_page(self) -> str:
        done = subprocess.run(
            [*UV_RUN, "manage.py", "check"], cwd=self.project, env=ENVIRONMENT, capture_output=True
        )
        assert b"Set the POSTGRES_DB environment variable" in done.stderr, done.stderr
        assert any(name.startswith("psycopg[c]") for name in dependencies(self.project))
        self.read("cookiecutter.json", "use_docker")
        return "PostgreSQL, uv and a C compiler; or, by a question, Docker"

    def row_uploads(self) -> str:
        variables = {}
        for name in (".django", ".postgres"):  # rendered with random passwords
            text = (self.project / ".envs/.production" / name).read_text()
            variables |= dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
        variables["DJANGO_AWS_STORAGE_BUCKET_NAME"] = "bucket"
        code = "from django.core.files.storage import default_storage as s\n"
        code += "print(s.url('x.html'), sorted(s.get_object_parameters('x.html')))"
        shell = [*UV_RUN, "manage.py", "shell", "--verbosity", "0", "--command", code]
        url, headers = run(*shell, cwd=self.project, **variables).strip().split(" ", 1)
        assert url == "https://bucket.s3.amazonaws.com/media/x.html"
        assert headers == "['CacheControl']"
        return "in S3, or elsewhere by a question; the bucket sends `text/html`, on its own origin"

    def row_deployment(self) -> str:
        for name in ("with-docker", "on-heroku", "on-pythonanywhere"):
            self.read(f"docs/3-deployment/deployment-{name}.rst", "^Deployment")
        return "Docker with Traefik, Heroku, PythonAnywhere (by reading `docs/3-deployment/`)"


class DjangoLayout(Template):
    name = "django-layout"

    def render(self, work: Path) -> Path:
        """Run the command of its README with the clone in place of the archive on GitHub."""
        readme = (self.clone / "README.md").read_text()
        (block,) = re.findall(r"```bash\n(uv run --with django .*?)```", readme, re.DOTALL)
        words = shlex.split(block.replace("\\\n", ""))
        words = [re.sub("^--template=.*", f"--template={self.clone}", word) for word in words]
        assert words.pop() == "YOUR_PROJECT_NAME" and words.pop(0) == "uv"
        (work / "rendered").mkdir()
        run(UV, *words, "my_site", cwd=work / "rendered")
        return work / "rendered/my_site"

    def questions(self) -> int:
        return 1  # the name, in the command

    def row_first_page(self) -> str:
        self.read("README.md", "make init")
        self.read("Makefile", "docker compose build")
        run(*UV_RUN, "manage.py", "migrate", "--verbosity", "0", cwd=self.project, **LAYOUT)
        command = [*UV_RUN, "manage.py", "runserver"]
        page = first_page(command, self.project, "", **LAYOUT)
        assert page == ""
        return f"Docker; or uv and {len(LAYOUT)} environment variables"

    def row_uploads(self) -> str:
        code = "from django.core.files.storage import default_storage as s\n"
        code += "from django.urls import resolve\nprint(s.location)\n"
        code += "try: resolve(s.url('x.html'))\n"
        code += "except Exception as error: print(type(error).__name__)"
        shell = [*UV_RUN, "manage.py", "shell", "--verbosity", "0", "--command", code]
        output = run(*shell, cwd=self.project, **(LAYOUT | {"DJANGO_ENV": "production"}))
        location, error = output.split()
        assert Path(location) == self.project and error == "Resolver404", output
        return "not set up: MEDIA_ROOT is Django's default, and no URL serves it"

    def row_deployment(self) -> str:
        self.read("docker/app/Dockerfile", "CMD .*gunicorn")
        return "Docker (by reading `docker/app/Dockerfile`)"


def first_page(command: list, project: Path, needs: str, **environment: str) -> str:
    """Return what a project needs, after a server of it has returned its first page."""
    port = free_port()
    command = [*command, f"PORT={port}" if command[0] == "make" else str(port)]
    server = subprocess.Popen(
        command,
        cwd=project,
        env=ENVIRONMENT | environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/").close()
                return needs
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{command} served no page")
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(20)


ROWS = {
    "questions · files · lines": "row_size",
    "dependencies · installed distributions": "row_dependencies",
    "the first page needs": "row_first_page",
    "an upload `x.html` in production": "row_uploads",
    "more parts": "row_extras",
    "runs on": "row_deployment",
    "updates of a rendered project": "row_updates",
    "first commit · authors · measured commit": "row_history",
}


def main(sources: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="compare-") as work:
        templates = []
        for kind, source in zip(
            (Ours, CookiecutterDjango, DjangoLayout), [str(TEMPLATE), *sources], strict=True
        ):
            directory = Path(work, kind.__name__)
            directory.mkdir()
            templates.append(kind(source, directory))
        today = datetime.date.today().isoformat()
        print(f"Measured on {today} with Python {platform.python_version()}, at the commits")
        print(
            "; ".join(f"{t.name} `{t.git('rev-parse', '--short=10', 'HEAD')}`" for t in templates)
        )
        print(f"\n| | {' | '.join(template.name for template in templates)} |")
        print("|---|---|---|---|")
        for title, row in ROWS.items():
            cells = " | ".join(getattr(template, row)() for template in templates)
            print(f"| {title} | {cells} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or SOURCES)
