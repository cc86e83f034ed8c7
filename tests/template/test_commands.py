"""The commands of the READMEs, word for word, on a host without uv, nginx and a browser."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import PROJECT, TEMPLATE, run_ok
from support.edits import edit
from support.serving import serving
from support.site import free_port

pytestmark = pytest.mark.slow
README = (TEMPLATE / "README.md").read_text()


@pytest.fixture(scope="module")
def minimal_environment(tmp_path_factory) -> dict[str, str]:
    """The environment of a fresh host: git, make, Python and the tools that a shell needs.

    uv has an empty cache and only the system's certificates: here, a proxy's can be among them.
    """
    tools = tmp_path_factory.mktemp("tools")
    (tools / "python3").symlink_to(sys._base_executable)
    for tool in ("git", "make", "sh", "sed", "expand", "tee"):
        (tools / tool).symlink_to(shutil.which(tool))
    for tool in ("rm", "mv", "test", "echo"):
        (tools / tool).symlink_to(f"/usr/bin/{tool}")
    environment = {
        n: v for n, v in os.environ.items() if not n.startswith(("MAKE", "MFLAGS", "UV", "SSL_"))
    }
    return environment | {"PATH": str(tools), "UV_CACHE_DIR": str(tmp_path_factory.mktemp("cache"))}


def run_in(environment: dict[str, str], project: Path, *command: str) -> str:
    """Run a command that must succeed in exactly this environment, and return its output."""
    done = subprocess.run(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_make_demo(minimal_environment, tmp_path):
    assert "\nmake demo" in README and "\nmake test" in README
    clone = tmp_path / "clone"
    run_ok("git", "clone", "--quiet", TEMPLATE, clone, cwd=tmp_path)
    with serving("make demo", clone, minimal_environment) as client:
        page = client.get("/").body.decode()
        style = re.search(r'<link rel="stylesheet" href="(/s/static/[^"]+)"', page)[1]
        assert client.get(style)["Content-Type"] == "text/css; charset=utf-8"
        (photo,) = (clone / "demo/client_site-var/www/s/media/photos").iterdir()
        assert f'<img src="/s/media/photos/{photo.name}"' in page
        media = client.get(f"/s/media/photos/{photo.name}")
        assert (media.body, media["Content-Type"]) == (photo.read_bytes(), "image/png")

    # A change to the template is served too, and what it no longer has is removed.
    (clone / "demo/client_site/static/stale.css").touch()
    installed = (clone / "demo/client_site/.venv/pyvenv.cfg").stat().st_ino
    edit(clone / PROJECT.name, ("templates/base.html", "</body>", "<p>A change</p></body>"))
    (tmp_path / "demo.sh").write_text("make demo | tee output")
    with serving(f"sh {tmp_path}/demo.sh", clone, minimal_environment) as client:
        page = client.get("/").body.decode()
        assert "<p>A change</p>" in page
        assert f'<img src="/s/media/photos/{photo.name}"' in page
    assert not (clone / "demo/client_site/static/stale.css").exists()
    assert (clone / "demo/client_site/.venv/pyvenv.cfg").stat().st_ino == installed
    assert (clone / "output").read_text().splitlines()[:4] == [
        "Rendering the default project into demo/client_site/ …",
        "The settings are consistent.",
        "Installing its dependencies …",
        "Creating its database …",
    ]
    (clone / "output").unlink()
    run_ok("git", "checkout", "--quiet", ".", cwd=clone)
    assert run_ok("git", "status", "--porcelain", cwd=clone) == ""


def test_make_demo_keeps_another_project(tmp_path):
    from demo import render

    page = tmp_path / "client_site/templates/404.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p>A team's own page")
    sentence = f"{tmp_path}/client_site is not from this make demo: delete it, or choose another"
    with pytest.raises(SystemExit, match=sentence):
        render(tmp_path)
    assert page.read_text() == "<p>A team's own page"


GREET = """
from django.core.management.base import BaseCommand
class Command(BaseCommand):
    def handle(self, **options):
        self.stdout.write("hello")
"""
MORE_COMMANDS = """
. .venv/bin/activate
python manage.py makemigrations
python manage.py shell --command "print('shell works')"
python manage.py greet
pytest -q tests/test_site.py
"""


def test_commands_of_a_project(project, minimal_environment):
    port = free_port()
    with serving(f"make run PORT={port}", project, minimal_environment) as client:
        assert client.domain == f"127.0.0.1:{port}"
        style = client.get("/s/static/admin/css/base.css")
        assert style["Content-Type"] == "text/css; charset=utf-8"
    for target in ("check", "test"):
        run_in(minimal_environment, project, "make", target)
    assert (project / "uv.lock").exists()
    readme = (project / "README.md").read_text()
    commands = re.search(r"For Django's other commands:\n\n```\n(.*?)```", readme, re.DOTALL)[1]
    assert "python manage.py startapp gallery" in commands
    run_in(minimal_environment, project, "sh", "-ec", commands)
    edit(
        project,
        ("gallery/management/commands/greet.py", GREET),
        ("config/settings.py", 'INSTALLED_APPS.append("gallery")'),
    )
    output = run_in(minimal_environment, project, "sh", "-ec", MORE_COMMANDS)
    assert "shell works" in output and "hello" in output
