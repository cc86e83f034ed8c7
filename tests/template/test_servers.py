"""The rendered project with nginx, gunicorn and a Unix socket."""

import re

import pytest

from support.images import PNG
from support.site import until


@pytest.fixture(scope="module")
def photo(signed_in):
    return signed_in.upload(PNG)


def stylesheets(page) -> list[str]:
    return re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.body.decode())


@pytest.mark.parametrize("page", ["/", "/admin/login/"])
def test_pages_and_their_stylesheets(server, page):
    response = server.client().get(page)
    assert response.status == 200
    assert stylesheets(response)
    for url in stylesheets(response):
        assert re.fullmatch(r"/s/static/.+\.[0-9a-f]{12}\.css", url)
        style = server.client().get(url)
        assert (style.status, style["Content-Type"]) == (200, "text/css; charset=utf-8")
        assert style["Cache-Control"] == "max-age=31536000, immutable"
        assert style.body == (server.web_root / url[1:]).read_bytes()


def test_an_uploaded_photo_is_served(server, photo):
    assert photo.startswith("/s/media/photos/")
    response = server.client().get(photo)
    assert (response.status, response["Content-Type"]) == (200, "image/png")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response.body == PNG


@pytest.mark.parametrize("path", ["/s/", "/s/x", "/s/static/", "/s/media/", "/s/media/none.png"])
def test_no_request_below_the_prefix_reaches_django(server, path):
    response = server.client().get(path)
    assert response.status == 404
    assert b"nginx" in response.body
    server.client().get(f"/later/?{path}")  # gunicorn logs a request after the response
    until(lambda: f"GET /later/?{path} " in server.log(), server.application)
    assert f"GET {path} " not in server.log()


def test_nginx_serves_files_while_the_application_is_stopped(server, photo):
    style = stylesheets(server.client().get("/"))[0]
    server.stop_application()
    try:
        assert server.client().get(style).status == 200
        assert server.client().get(photo).body == PNG
        assert server.client().get("/").status == 503
    finally:
        server.start_application()
    assert server.client().get("/").status == 200
