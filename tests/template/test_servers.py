"""The rendered project behind nginx, asked as a browser does: pages, their links, a login."""

import re

import pytest

from support.images import PNG


def stylesheets(page) -> list[str]:
    return re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.body.decode())


@pytest.mark.parametrize("page", ["/", "/admin/login/"])
def test_stylesheets_of_a_page(server, page):
    response = server.client().get(page)
    assert response.status == 200
    assert stylesheets(response)
    for url in stylesheets(response):
        assert re.fullmatch(r"/s/static/.+\.[0-9a-f]{12}\.css", url)
        style = server.client().get(url)
        assert (style.status, style["Content-Type"]) == (200, "text/css; charset=utf-8")
        assert style.body == (server.web_root / url[1:]).read_bytes()


def test_login_and_upload(server):
    client = server.client()
    client.sign_in("ada", "a long password")
    assert client.get(client.upload(PNG)).body == PNG


def test_stylesheet_without_the_application(server):
    style = stylesheets(server.client().get("/"))[0]
    server.stop_application()
    try:
        assert server.client().get(style).status == 200
    finally:
        server.start_application()
    assert server.client().get("/").status == 200
