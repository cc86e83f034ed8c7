"""The commands of the READMEs, word for word, on a host without uv, nginx and a browser."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from support.commands import PROJECT, TEMPLATE, run_ok
from support.serving import fetch, serving
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


def test_make_demo(minimal_environment, tmp_path):
    assert "\nmake demo" in README and "\nmake test" in README
    clone = tmp_path / "clone"
    run_ok("git", "clone", "--quiet", TEMPLATE, clone, cwd=tmp_path)
    with serving("make demo", clone, minimal_environment) as url:
        page = fetch(f"{url}/")[0].decode()
        style = re.search(r'<link rel="stylesheet" href="(/s/static/[^"]+)"', page)[1]
        assert fetch(url + style)[1] == "text/css; charset=utf-8"
        (photo,) = (clone / "demo/client_site-var/www/s/media/photos").iterdir()
        assert f'<img src="/s/media/photos/{photo.name}"' in page
        media = fetch(f"{url}/s/media/photos/{photo.name}")
        assert media == (photo.read_bytes(), "image/png")

    # A change to the template is served too, and what it no longer has is removed.
    (clone / "demo/client_site/static/stale.css").touch()
    installed = (clone / "demo/client_site/.venv/pyvenv.cfg").stat().st_ino
    base = clone / PROJECT.name / "templates/base.html"
    base.write_text(base.read_text().replace("</body>", "<p>A change</p></body>"))
    (tmp_path / "demo.sh").write_text("make demo | tee output")
    with serving(f"sh {tmp_path}/demo.sh", clone, minimal_environment) as url:
        page = fetch(f"{url}/")[0].decode()
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


def test_make_run_check_and_test_in_a_project(bake, minimal_environment, tmp_path):
    project = shutil.copytree(bake(), tmp_path / "project")
    port = free_port()
    with serving(f"make run PORT={port}", project, minimal_environment) as url:
        assert url == f"http://127.0.0.1:{port}"
        assert fetch(f"{url}/s/static/admin/css/base.css")[1] == "text/css; charset=utf-8"
    for target in ("check", "test"):
        done = subprocess.run(
            ["make", target], cwd=project, env=minimal_environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "uv.lock").exists()
    readme = (project / "README.md").read_text()
    commands = re.search(r"For Django's other commands:\n\n```\n(.*?)```", readme, re.DOTALL)[1]
    assert "python manage.py startapp gallery" in commands
    command = project / "gallery/management/commands/greet.py"
    more = """
        python manage.py makemigrations
        python manage.py shell --command "print('shell works')"
        python manage.py greet
        pytest -q tests/test_site.py
    """
    assert (
        subprocess.run(["sh", "-ec", commands], cwd=project, env=minimal_environment).returncode
        == 0
    )
    command.parent.mkdir(parents=True)
    command.write_text(GREET)
    settings = project / "config/settings.py"
    settings.write_text(settings.read_text() + 'INSTALLED_APPS.append("gallery")\n')
    done = subprocess.run(
        ["sh", "-ec", ". .venv/bin/activate" + more],
        cwd=project, env=minimal_environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "shell works" in done.stdout and "hello" in done.stdout
