"""System checks of a rendered project. Copied into one and run there."""

import pytest
from django.conf import settings
from django.core.checks import CheckMessage

from files.checks import check_consistency

ODD = [None, "", 0, 5, 1.5, True, [], {}, (), "x", "a\0b", b"/bytes", object(), [None], {"a": None},
       {"default": None}, {"default": {"OPTIONS": None, "BACKEND": 3}}, "http://[", "/" * 5000,
       [("a",), (), 7]]  # fmt: skip
# What Django's storages and URL patterns are made of; the other settings: test_consistency.py.
NAMES = ("STATIC_URL", "STATIC_ROOT", "MEDIA_URL", "MEDIA_ROOT", "STORAGES", "PRIVATE_ROOT",
         "FILE_UPLOAD_PERMISSIONS", "FILE_UPLOAD_DIRECTORY_PERMISSIONS", "LOCAL_DEV")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_odd_value_raises_nothing(monkeypatch, name, value):
    monkeypatch.setattr(settings, name, value)  # override_settings would configure the logging
    assert all(isinstance(message, CheckMessage) for message in check_consistency())
