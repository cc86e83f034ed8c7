import importlib
import io

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import clear_url_caches
from PIL import Image

import config.urls


@pytest.fixture
def png() -> SimpleUploadedFile:
    """A real picture, as a browser sends it."""
    content = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(content, "PNG")
    return SimpleUploadedFile("me.png", content.getvalue(), "image/png")


@pytest.fixture
def fetch(client):
    """Return a function that asks for an address and reads the whole answer."""

    def fetch(address: str, **headers):
        answer = client.get(address, headers=headers)
        answer.body = answer.getvalue() if answer.streaming else answer.content
        return answer

    return fetch


@pytest.fixture
def local_dev():
    """Return a function that sets LOCAL_DEV, with the URL patterns that follow from it."""
    before = settings.LOCAL_DEV

    def switch(on: bool) -> None:
        settings.LOCAL_DEV = on
        importlib.reload(config.urls)
        clear_url_caches()

    yield switch
    switch(before)
