"""Run the tests with LOCAL_DEV, and write the site's files to a temporary directory."""

import os
import tempfile

import django

directory = tempfile.TemporaryDirectory(prefix="tests-")
for name in (
    "ALLOWED_HOSTS",
    "BASIC_AUTH",
    "DOMAIN",
    *(name for name in os.environ if name.startswith("MEDIA_")),
    "PROBE_OPTIONS",
    "SECRET_KEY",
    "STAGING",
    "STATE_DIR",
    "STATIC_HOST",
    "WEB_ROOT",
):
    os.environ.pop(name, None)
os.environ.update(LOCAL_DEV="1", DEBUG="0", LOCAL_VAR=directory.name)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()
