"""docs/uploads.md: every block of code is added to a rendered project, and used."""

import os
import re
import shutil
from pathlib import Path

import pytest

from support.commands import TEMPLATE, run, run_ok
from support.environments import with_thumbnails
from support.packages import find_nginx

# Of each block its first line: a comment that says where it goes.
BLOCK = re.compile(r"^```\w+\n(?:#|<!--) (.+?)(?: -->)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (TEMPLATE / "docs/uploads.md").read_text()
BLOCKS = dict(BLOCK.findall(PAGE))
APPS = [
    "gallery/models.py",
    "gallery/views.py",
    "templates/gallery/paintings.html",
    "gallery/exports.py",
    "contracts/models.py",
    "contracts/views.py",
]
THUMBNAILS = "templates/gallery/thumbnails.html, with easy-thumbnails"
LIMIT = "config/settings.py, instead of the line there"
NGINX_LIMIT = "nginx/proxy.conf, instead of the line there"


def test_every_block_is_used():
    assert len(BLOCK.findall(PAGE)) == PAGE.count("```") / 2
    assert {*BLOCKS} == {*APPS, THUMBNAILS, LIMIT, NGINX_LIMIT}


@pytest.fixture
def project(bake, tmp_path) -> Path:
    return shutil.copytree(bake(), tmp_path / "client_site")


def add(project: Path, place: str) -> None:
    """Add a block where its first line says."""
    name, _, how = place.partition(", ")
    file = project / name
    file.parent.mkdir(parents=True, exist_ok=True)
    text = BLOCKS[place]
    if how == "instead of the line there":
        line = rf"^{re.match('[A-Za-z_]+', text)[0]}\b.*\n"
        text, count = re.subn(line, text, file.read_text(), flags=re.MULTILINE)
        assert count == 1
    file.write_text(text)


def add_apps(project: Path, python: Path) -> None:
    """Add the apps of the page, as a team does."""
    for app in ("gallery", "contracts"):
        run_ok(python, "manage.py", "startapp", app, cwd=project, LOCAL_DEV=1)
    for place in APPS:
        add(project, place)
    with (project / "config/settings.py").open("a") as file:
        file.write('INSTALLED_APPS += ["gallery", "contracts"]\n')
    paths = re.findall(r"`(path\(.+?\))`", PAGE)
    assert len(paths) == 2
    with (project / "config/urls.py").open("a") as file:
        file.write("import contracts.views, gallery.views\n")
        file.writelines(f"urlpatterns.append({path})\n" for path in paths)
    run_ok(python, "manage.py", "makemigrations", cwd=project, LOCAL_DEV=1)


def test_apps(project, python):
    add_apps(project, python())
    shutil.copy(
        TEMPLATE / "tests/template/inside/uploads_page.py", project / "tests/test_uploads_page.py"
    )
    run_ok(python(), "-m", "pytest", "-q", "tests/test_uploads_page.py", cwd=project)
    run_ok(python().parent / "ruff", "check", "gallery", "contracts", cwd=project)
    run_ok(python(), "manage.py", "check", "--fail-level", "WARNING", cwd=project, LOCAL_DEV=1)


@pytest.mark.slow  # starts nginx and gunicorn twice
def test_limit(project, python):
    nginx = find_nginx()
    path = f"{Path(nginx).parent}:{os.environ['PATH']}"
    test_nginx = [python(), "-m", "pytest", "-q", "tests/test_nginx.py"]
    add(project, LIMIT)
    refused = run(*test_nginx, cwd=project, PATH=path).stdout
    assert "body-size: " in refused
    add(project, NGINX_LIMIT)
    assert "1 passed" in run_ok(*test_nginx, cwd=project, PATH=path)


SHOW_THUMBNAILS = """
import io
from django.core.files.base import ContentFile
from django.template.loader import render_to_string
from gallery.models import Painting
from PIL import Image
content = io.BytesIO()
Image.new("RGB", (400, 300)).save(content, "PNG")
painting = Painting(title="The sea")
painting.image.save("sea.png", ContentFile(content.getvalue()))
for _ in range(2):
    print(render_to_string("gallery/thumbnails.html", {"paintings": [painting]}))
"""


@pytest.mark.slow
def test_thumbnails(project, environment):
    python = with_thumbnails(environment("5.2"), "5.2")
    add_apps(project, python)
    add(project, THUMBNAILS)
    with (project / "config/settings.py").open("a") as file:
        file.write('INSTALLED_APPS += ["easy_thumbnails"]\n')
    run_ok(python, "manage.py", "migrate", "--verbosity", "0", cwd=project, LOCAL_DEV=1)
    shell = (python, "manage.py", "shell", "--verbosity", "0", "--command", SHOW_THUMBNAILS)
    shown = re.findall('src="/s/media/([^"]+)"', run_ok(*shell, cwd=project, LOCAL_DEV=1))
    assert len(shown) == 2 and len({*shown}) == 1
    assert (project.parent / "client_site-var/www/s/media" / shown[0]).is_file()
