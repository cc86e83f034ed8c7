"""The pages for what goes wrong, in the style of the site."""

import pytest
from django.urls import path


def test_an_unknown_address(client, db):
    page = client.get("/nowhere/")
    assert page.status_code == 404
    assert "Page not found" in page.text


@pytest.mark.urls(__name__)
def test_an_error_needs_no_file_that_could_be_missing(client):
    client.raise_request_exception = False
    page = client.get("/broken/")
    assert page.status_code == 500
    assert "Something went wrong" in page.text


urlpatterns = [path("broken/", lambda request: 1 / 0)]
