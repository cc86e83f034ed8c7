"""System checks of a rendered project. Copied into one and run there: see `project_tests`."""

import pytest
from django.conf import settings
from django.core.checks import CheckMessage
from django.test import override_settings

from files.checks import check_consistency

ODD = [None, "", 0, 5, 1.5, True, [], {}, (), "x", "a\0b", b"/bytes", object(), [None], {"a": None},
       {"default": None}, {"default": {"OPTIONS": None, "BACKEND": 3}}, "http://[", "/" * 5000,
       [("a",), (), 7]]  # fmt: skip
NAMES = ("STATIC_URL", "STATIC_ROOT", "STATICFILES_DIRS", "MEDIA_URL", "MEDIA_ROOT", "STORAGES",
         "PRIVATE_ROOT", "WEB_ROOT", "DATABASES", "FILE_UPLOAD_PERMISSIONS", "LOGGING",
         "FILE_UPLOAD_DIRECTORY_PERMISSIONS", "LOCAL_DEV")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_odd_value_raises_nothing(monkeypatch, name, value):
    monkeypatch.setattr(settings, name, value)  # override_settings would configure the logging
    assert all(isinstance(message, CheckMessage) for message in check_consistency())


def test_silenced_message_is_ignored():
    with override_settings(MEDIA_ROOT=settings.BASE_DIR / "media"):
        (message,) = check_consistency()
        assert message.id == "files.W005" and not message.is_silenced()
    silenced = ["files.W005"]
    with override_settings(MEDIA_ROOT=settings.BASE_DIR / "m", SILENCED_SYSTEM_CHECKS=silenced):
        assert check_consistency()[0].is_silenced()
