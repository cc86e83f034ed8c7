"""Thumbnail libraries, as published, in a rendered project: images are shown and made only once."""

import os
import re
import shutil
from pathlib import Path

import pytest

from support.commands import SERIES, run_ok
from support.edits import edit
from support.environments import with_thumbnails
from support.http import Client
from support.serving import serving
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
    edit(
        project,
        ("templates/gallery.html", PAGE),
        ("welcome/models.py", "from django.db import models\n", IMPORTS),
        ("welcome/models.py", re.escape(FIELDS.splitlines()[0]), FIELDS),
        ("welcome/views.py", VIEW),
        ("config/settings.py", SETTINGS),
        ("config/urls.py", URLS),
    )
    return project


def stored(media: Path) -> list[Path]:
    return sorted(file for file in media.rglob("*") if file.is_file())


def images_after_ten_views(client: Client, media: Path) -> list[Path]:
    """Request the page ten times and its images once; return the files below `media`."""
    pages = [client.get("/gallery/").body.decode()]
    images = re.findall(r'src="([^"]+)"', pages[0])
    assert len(set(images)) == 8
    for image in images:
        response = client.get(image)
        assert response.status == 200 and len(response.body) > 100, image
        assert response["Content-Type"] in {"image/jpeg", "image/png"}, image
    after_one = stored(media)
    pages += [client.get("/gallery/").body.decode() for _ in range(9)]
    assert set(pages) == {pages[0]}
    assert stored(media) == after_one
    return after_one


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
    with serving(command, project, os.environ | LOCAL) as client:
        assert len(images_after_ten_views(client, media)) == 1 + 8
    run_ok(python_with_thumbnails, "-m", "pytest", "-q", cwd=project)

    manage("shell", "--verbosity", "0", "--command", DELETE_PHOTO)
    assert len(stored(media)) == 2 + 4
    manage("thumbnail_cleanup")
    assert len(stored(media)) == 4
    manage("thumbnail", "cleanup")
    assert stored(media) == []


def test_thumbnails_behind_nginx(bake, series, python_with_thumbnails):
    with server_directory() as root:
        answers = {**rendered_for(root), "django_version": series}
        project = add_gallery(shutil.copytree(bake(**answers), root / "client_site"))
        with deployed(project, root, python_with_thumbnails) as server:
            server.manage("shell", "--verbosity", "0", "--command", UPLOAD)
            media = server.web_root / "s/media"
            assert len(images_after_ten_views(server.client(), media)) == 1 + 8
