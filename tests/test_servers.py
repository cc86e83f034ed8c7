"""The rendered project behind real servers: nginx, gunicorn, a unix socket."""

import re

import pytest
from servers import until

PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde"
    b"\0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82"
)


@pytest.fixture(scope="module")
def photo(signed_in):
    answer = signed_in.post("/", {}, {"photo": ("me.png", PNG, "image/png")})
    assert answer.status == 302, answer.body.decode()
    return re.search(r'<img src="([^"]+)"', signed_in.get("/").body.decode())[1]


def stylesheets(page) -> list[str]:
    return re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.body.decode())


@pytest.mark.parametrize("page", ["/", "/admin/login/"])
def test_pages_and_their_stylesheets(server, page):
    answer = server.browser().get(page)
    assert answer.status == 200
    assert stylesheets(answer)
    for url in stylesheets(answer):
        assert re.fullmatch(r"/s/static/.+\.[0-9a-f]{12}\.css", url)
        style = server.browser().get(url)
        assert (style.status, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
        assert style.headers["Cache-Control"] == "max-age=31536000, immutable"
        assert style.body == (server.web_root / url[1:]).read_bytes()


def test_an_uploaded_photo_comes_back(server, photo):
    assert photo.startswith("/s/media/photos/")
    answer = server.browser().get(photo)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/png")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.body == PNG


@pytest.mark.parametrize("path", ["/s/", "/s/x", "/s/static/", "/s/media/", "/s/media/none.png"])
def test_below_the_served_url_nothing_reaches_django(server, path):
    answer = server.browser().get(path)
    assert answer.status == 404
    assert b"nginx" in answer.body
    server.browser().get(f"/later/?{path}")  # gunicorn logs a request after it is answered
    until(lambda: f"GET /later/?{path} " in server.log(), server.application)
    assert f"GET {path} " not in server.log()


def test_nginx_serves_both_with_the_application_stopped(server, photo):
    style = stylesheets(server.browser().get("/"))[0]
    server.stop_application()
    try:
        assert server.browser().get(style).status == 200
        assert server.browser().get(photo).body == PNG
        assert server.browser().get("/").status == 503
    finally:
        server.start_application()
    assert server.browser().get("/").status == 200
