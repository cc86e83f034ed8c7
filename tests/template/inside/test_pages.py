"""Login and error pages of a rendered project."""

import io

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from config.wsgi import application

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(django_user_model, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a quick one
    return django_user_model.objects.create_user("ada", password="a long password")


def test_visitor_logs_in_and_out(client, visitor):
    url = reverse(settings.LOGIN_URL)
    form = {"username": "ada", "password": "a long password", "next": "/shop/"}
    assert (
        '<input type="hidden" name="next" value="/shop/">' in client.get(f"{url}?next=/shop/").text
    )
    assert client.post(url, form).url == "/shop/"
    page = client.get(url).text
    assert "ada" in page and f'action="{reverse("logout")}"' in page
    assert client.post(reverse("logout")).url == "/"
    assert "ada" not in client.get(url).text


def test_login_goes_to_no_other_site(client, visitor):
    form = {"username": "ada", "password": "a long password", "next": "https://evil.example/"}
    assert client.post(reverse(settings.LOGIN_URL), form).url == "/"


def test_wrong_password(client, visitor):
    page = client.post(reverse(settings.LOGIN_URL), {"username": "ada", "password": "wrong"}).text
    assert "errorlist" in page


def test_csrf_failure_page():
    response = Client(enforce_csrf_checks=True).post(reverse(settings.LOGIN_URL))
    assert response.status_code == 403
    assert "<h1>Access denied</h1>" in response.text and "reload the page" in response.text


def test_rejected_body_is_read(rf):
    body = io.BytesIO(b"a" * 3_000_000)
    environ = rf.post("/").environ | {"wsgi.input": body, "CONTENT_LENGTH": "3000000"}
    statuses = []
    application(environ, lambda status, headers: statuses.append(status))
    assert statuses == ["403 Forbidden"] and body.read() == b""
