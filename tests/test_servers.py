"""The rendered project with nginx, gunicorn and a Unix socket."""

import re

import pytest
from attack import PNG
from servers import until


@pytest.fixture(scope="module")
def photo(signed_in):
    file = {"image": ("me.png", PNG, "image/png")}
    response = signed_in.post("/admin/welcome/photo/add/", {"_continue": "1"}, file)
    assert response.status == 302, response.body.decode()
    page = signed_in.get(response.headers["Location"]).body.decode()
    return re.search(r'href="([^"]+/photos/[^"]+)"', page)[1]


def stylesheets(page) -> list[str]:
    return re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.body.decode())


@pytest.mark.parametrize("page", ["/", "/admin/login/"])
def test_pages_and_their_stylesheets(server, page):
    response = server.browser().get(page)
    assert response.status == 200
    assert stylesheets(response)
    for url in stylesheets(response):
        assert re.fullmatch(r"/s/static/.+\.[0-9a-f]{12}\.css", url)
        style = server.browser().get(url)
        assert (style.status, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
        assert style.headers["Cache-Control"] == "max-age=31536000, immutable"
        assert style.body == (server.web_root / url[1:]).read_bytes()


def test_an_uploaded_photo_is_served(server, photo):
    assert photo.startswith("/s/media/photos/")
    response = server.browser().get(photo)
    assert (response.status, response.headers["Content-Type"]) == (200, "image/png")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.body == PNG


@pytest.mark.parametrize("path", ["/s/", "/s/x", "/s/static/", "/s/media/", "/s/media/none.png"])
def test_no_request_below_the_prefix_reaches_django(server, path):
    response = server.browser().get(path)
    assert response.status == 404
    assert b"nginx" in response.body
    server.browser().get(f"/later/?{path}")  # gunicorn logs a request after the response
    until(lambda: f"GET /later/?{path} " in server.log(), server.application)
    assert f"GET {path} " not in server.log()


def test_nginx_serves_files_while_the_application_is_stopped(server, photo):
    style = stylesheets(server.browser().get("/"))[0]
    server.stop_application()
    try:
        assert server.browser().get(style).status == 200
        assert server.browser().get(photo).body == PNG
        assert server.browser().get("/").status == 503
    finally:
        server.start_application()
    assert server.browser().get("/").status == 200
