"""A site with its uploads in real object storage."""

import shutil

import pytest

from support.commands import CACHE, DJANGO, UV, cache_locked, run_ok
from support.edits import edit
from support.object_storage import seaweedfs
from support.site import rendered_for

# A page with photos, private files that visitors may upload, and a limit above 100 MB.
URLS = """
from django.shortcuts import render
from welcome.models import Photo
def photos(request):
    return render(request, "photos.html", {"photos": Photo.objects.order_by("-pk")[:20]})
urlpatterns.append(path("photos/", photos))
"""
PAGE = '{% for photo in photos %}<img src="{{ photo.image.url }}">{% endfor %}'
IMPORTS = "from files.fields import PictureField, UploadField\nfrom files.storage import private"
MODELS = """
class Paper(models.Model):
    file = UploadField(upload_to="papers")

class Invoice(models.Model):
    file = UploadField(upload_to="invoices", storage=private)
"""
ADMIN = "\nfrom .models import Invoice, Paper\nadmin.site.register([Invoice, Paper])\n"


@pytest.fixture(scope="session")
def python_with_s3(copy_of):
    """The Python of an environment with the project's extra `s3`."""
    environment = CACHE / f"django-{DJANGO}-s3"
    with cache_locked():
        sync = (UV, "sync", "--quiet", "--extra", "s3")
        run_ok(*sync, cwd=copy_of(), UV_PROJECT_ENVIRONMENT=environment)
    return environment / "bin/python"


@pytest.fixture(scope="session")
def bucket():
    with seaweedfs() as bucket:
        yield bucket


@pytest.fixture(scope="module")
def project(bake, directory, python_with_s3):
    """A project whose uploads can be seen, and with private files."""
    project = shutil.copytree(bake(**rendered_for(directory)), directory / "srv/client_site")
    edit(
        project,
        ("config/settings.py", "UPLOAD_LIMIT = 250 * 1024 * 1024"),
        ("nginx/proxy.conf", "client_max_body_size 100m", "client_max_body_size 260m"),
        ("config/urls.py", URLS),
        ("templates/photos.html", PAGE),
        ("welcome/models.py", "^from files.fields import PictureField$", IMPORTS),
        ("welcome/models.py", MODELS),
        ("welcome/admin.py", ADMIN),
    )
    makemigrations = (python_with_s3, "manage.py", "makemigrations", "welcome")
    run_ok(*makemigrations, cwd=project, LOCAL_DEV=1)
    return project
