import pytest

pytestmark = pytest.mark.django_db


def test_the_page_has_a_stylesheet_below_the_static_url(client, settings):
    page = client.get("/")
    assert page.status_code == 200
    assert f'href="{settings.STATIC_URL}welcome/welcome.css"' in page.text


def test_the_split_is_shown_with_local_dev_only(client, local_dev):
    assert "The split as it stands" in client.get("/").text
    local_dev(False)
    assert "The split as it stands" not in client.get("/").text


def test_an_unknown_address_is_answered_in_the_style_of_the_site(client):
    page = client.get("/nowhere/")
    assert page.status_code == 404
    assert "Page not found" in page.text


def test_an_error_is_answered_without_a_file_that_could_be_missing(client, monkeypatch):
    monkeypatch.setattr("welcome.views.the_split", lambda: 1 / 0)
    client.raise_request_exception = False
    page = client.get("/")
    assert page.status_code == 500
    assert "Something went wrong" in page.text
