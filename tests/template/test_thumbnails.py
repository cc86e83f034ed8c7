"""Thumbnail libraries, as published, in a rendered project: images are shown and made only once."""

import os
import re
import shutil
from pathlib import Path

import pytest

from support.commands import SERIES, run_ok
from support.environments import with_thumbnails
from support.serving import fetch, serving
from support.site import deployed, free_port, rendered_for, server_directory

pytestmark = pytest.mark.slow
LOCAL = {"LOCAL_DEV": "1", "DEBUG": "1"}
IMPORTS = """from django.db import models
from imagekit.models import ImageSpecField
from imagekit.processors import ResizeToFill
"""
FIELDS = """    image = PictureField(upload_to="photos")
    square = ImageSpecField(source="image", processors=[ResizeToFill(50, 50)], format="JPEG")
    wide = ImageSpecField(source="image", processors=[ResizeToFill(90, 30)], format="PNG")
"""
VIEW = """
def gallery(request):
    return render(request, "gallery.html", {"photo": Photo.objects.get()})
"""
URLS = """
import welcome.views
urlpatterns.append(path("gallery/", welcome.views.gallery))
"""
# Two libraries have a tag `thumbnail`, sorl's in a module of the same name.
PAGE = """{% load thumbnail from easy_thumbnails_tags %}
<img src="{% thumbnail photo.image 100x100 crop %}">
<img src="{% thumbnail photo.image 40x60 %}">
<img src="{{ photo.square.url }}">
<img src="{{ photo.wide.url }}">
{% load thumbnail from thumbnail %}
{% thumbnail photo.image "60" as i %}<img src="{{ i.url }}">{% endthumbnail %}
{% thumbnail photo.image "x70" as i %}<img src="{{ i.url }}">{% endthumbnail %}
{% thumbnail photo.image "80x80" crop="top" as i %}<img src="{{ i.url }}">{% endthumbnail %}
{% thumbnail photo.image "30x30" quality=50 as i %}<img src="{{ i.url }}">{% endthumbnail %}
"""
SETTINGS = """
INSTALLED_APPS += ["easy_thumbnails", "imagekit", "sorl.thumbnail"]
SILENCED_SYSTEM_CHECKS += ["templates.W003"]  # two modules `thumbnail`
"""
UPLOAD = """
import io
from django.core.files.base import ContentFile
from PIL import Image
from welcome.models import Photo
content = io.BytesIO()
Image.linear_gradient("L").resize((400, 300)).convert("RGB").save(content, "JPEG")
photo = Photo()
photo.image.save("me.jpg", ContentFile(content.getvalue()))
"""
DELETE_PHOTO = """
from welcome.models import Photo
photo = Photo.objects.get()
for thumbnail in (photo.square, photo.wide):
    thumbnail.storage.delete(thumbnail.name)
photo.image.delete()
"""


@pytest.fixture(scope="module", params=SERIES)
def series(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def python_with_thumbnails(series, environment) -> Path:
    """The Python of an environment with a Django series and the thumbnail libraries."""
    return with_thumbnails(environment(series), series)


def add_gallery(project: Path) -> Path:
    """Add the libraries to a project, and a page with two, two and four of their images."""
    (project / "templates/gallery.html").write_text(PAGE)
    models = project / "welcome/models.py"
    text = models.read_text().replace("from django.db import models\n", IMPORTS)
    models.write_text(text.replace(FIELDS.splitlines(keepends=True)[0], FIELDS))
    for name, text in {
        "welcome/views.py": VIEW,
        "config/settings.py": SETTINGS,
        "config/urls.py": URLS,
    }.items():
        with (project / name).open("a") as file:
            file.write(text)
    return project


def images_after_ten_views(get, media: Path) -> list[str]:
    """Request the page ten times and its images once; return the files below `media`.

    `get` returns the body and the content type of a path and fails for any status but 200.
    """
    pages = [get("/gallery/")[0].decode()]
    images = re.findall(r'src="([^"]+)"', pages[0])
    assert len(set(images)) == 8
    for image in images:
        content, content_type = get(image)
        assert content_type in {"image/jpeg", "image/png"} and len(content) > 100, image
    after_one = sorted(str(file.relative_to(media)) for file in media.rglob("*") if file.is_file())
    pages += [get("/gallery/")[0].decode() for _ in range(9)]
    assert set(pages) == {pages[0]}
    files = sorted(str(file.relative_to(media)) for file in media.rglob("*") if file.is_file())
    assert files == after_one
    return files


def test_thumbnails_with_local_dev(bake, series, python_with_thumbnails, tmp_path):
    project = add_gallery(shutil.copytree(bake(django_version=series), tmp_path / "client_site"))

    def manage(*arguments):
        command = (python_with_thumbnails, "-W", "error::DeprecationWarning", "manage.py")
        return run_ok(*command, *arguments, cwd=project, **LOCAL)

    assert "no issues" in manage("check", "--fail-level", "WARNING")
    assert "No changes" in manage("makemigrations", "--check", "--dry-run", "welcome")
    manage("migrate", "--verbosity", "0")
    manage("shell", "--verbosity", "0", "--command", UPLOAD)
    media = tmp_path / "client_site-var/www/s/media"
    command = f"{python_with_thumbnails} manage.py runserver {free_port()}"
    with serving(command, project, os.environ | LOCAL) as url:
        files = images_after_ten_views(lambda path: fetch(url + path), media)
    assert len(files) == 1 + 8
    run_ok(python_with_thumbnails, "-m", "pytest", "-q", cwd=project)

    manage("shell", "--verbosity", "0", "--command", DELETE_PHOTO)
    assert len([file for file in media.rglob("*") if file.is_file()]) == 2 + 4
    manage("thumbnail_cleanup")
    assert len([file for file in media.rglob("*") if file.is_file()]) == 4
    manage("thumbnail", "cleanup")
    assert not [file for file in media.rglob("*") if file.is_file()]


def test_thumbnails_behind_nginx(bake, series, python_with_thumbnails):
    with server_directory() as root:
        answers = {**rendered_for(root), "django_version": series}
        project = add_gallery(shutil.copytree(bake(**answers), root / "client_site"))
        with deployed(project, root, python_with_thumbnails) as server:
            server.manage("shell", "--verbosity", "0", "--command", UPLOAD)
            browser = server.client()

            def get(path: str) -> tuple[bytes, str]:
                response = browser.get(path)
                assert response.status == 200, path
                return response.body, response.headers["Content-Type"]

            assert len(images_after_ten_views(get, server.web_root / "s/media")) == 1 + 8
