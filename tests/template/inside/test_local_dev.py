"""LOCAL_DEV's views of a rendered project: what the attacks on the development server do not test.

Copied into a project and run there.
"""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from files import layout, views


def test_no_patterns_without_local_dev(settings):
    assert len(views.local_dev_patterns()) == 4
    settings.LOCAL_DEV = False
    assert views.local_dev_patterns() == []


@pytest.mark.parametrize("debug", [True, False])
def test_files_do_not_depend_on_debug(client, settings, debug):
    settings.DEBUG = debug
    style = client.get(settings.STATIC_URL + "admin/css/base.css")
    assert style.status_code == 200 and style.getvalue()
    url = default_storage.url(default_storage.save("hello.txt", ContentFile(b"x")))
    assert client.get(url).getvalue() == b"x"


@pytest.mark.parametrize("path", ["", "other.txt"])
def test_rest_of_the_url_prefix_is_not_found(client, path):
    response = client.get(layout.URL_PREFIX + path)
    assert response.status_code == 404
    assert "Page not found" not in response.text  # nginx's page, not the site's
