"""Error pages of a rendered project. No test has a database: pytest-django refuses queries."""

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import path, reverse

pytestmark = pytest.mark.urls(__name__)


def denied(request):
    raise PermissionDenied


def site_urls():
    from config.urls import urlpatterns

    return urlpatterns


urlpatterns = [
    path("broken/", lambda request: 1 / 0),
    path("denied/", denied),
    *site_urls(),
]
PAGES = {"/none/": 404, "/denied/": 403, "/broken/": 500}


@pytest.mark.parametrize("url", PAGES)
def test_page_has_the_name_of_the_site(url):
    response = Client(raise_request_exception=False).get(url)
    assert response.status_code == PAGES[url]
    check(response)


def test_csrf_page_has_the_name_of_the_site():
    response = Client(enforce_csrf_checks=True).post(reverse(settings.LOGIN_URL))
    assert response.status_code == 403
    check(response)


def check(response):
    assert f" – {settings.SITE_NAME}</title>" in response.text
    assert f"<header>{settings.SITE_NAME}</header>" in response.text
    assert f'<html lang="{settings.LANGUAGE_CODE}">' in response.text
    assert settings.STATIC_URL not in response.text


def test_name_is_escaped(settings):
    settings.SITE_NAME = "<script>"
    response = Client(raise_request_exception=False).get("/broken/")
    assert "<script>" not in response.text and "&lt;script&gt;" in response.text
