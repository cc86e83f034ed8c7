"""Settings of a rendered project on a server. Copied into one and run there."""

import functools
import json
import os
import re
import runpy
import subprocess
import sys
import tempfile

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from files import layout

SCHEMES = r"must start with \S+ or .*: see server\.env\.example\."
SHOW = """
import json
from config import settings
print(json.dumps({k: v for k, v in vars(settings).items() if k.isupper()}, default=str))
"""


def python(*arguments, **environment) -> subprocess.CompletedProcess:
    """Run Python with a secret key and nothing else in the environment."""
    environment = {"PATH": os.environ["PATH"], "SECRET_KEY": "of tests", **environment}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@functools.cache
def production(**environment) -> dict:
    """Return the settings of a server."""
    shown = python("-c", SHOW, **environment)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


def test_roots_of_a_server():
    settings = production()
    assert settings["STATIC_ROOT"] == layout.WEB_ROOT + settings["STATIC_URL"].rstrip("/")
    assert settings["MEDIA_ROOT"] == layout.WEB_ROOT + settings["MEDIA_URL"].rstrip("/")
    assert not settings["LOCAL_DEV"] and not settings["DEBUG"]
    assert settings["ALLOWED_HOSTS"] == [settings["DOMAIN"]]
    assert "Manifest" in settings["STORAGES"]["staticfiles"]["BACKEND"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("LOCAL_DEV", "maybe", r"LOCAL_DEV .+\n"),
        ("DATABASE_URL", "mysql://ada:secret@x", rf"DATABASE_URL {SCHEMES}\n"),
        ("EMAIL_URL", "imap://ada:secret@x", rf"EMAIL_URL {SCHEMES}\n"),
        ("SECRET_KEY", "", r"SECRET_KEY is not set\. .+\n"),
    ],
)
def test_invalid_value_is_one_sentence(name, value, sentence):
    done = python("manage.py", "check", **{name: value})
    assert done.returncode == 1
    assert re.fullmatch(sentence, done.stderr)


def test_postgresql():
    settings = production(DATABASE_URL="postgres://ada:secret@db.example/site")
    database = settings["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["NAME"]) == ("db.example", "site")


def test_sqlite_allows_readers_beside_a_writer(tmp_path):
    code = """
import sqlite3
from django.db import connection, transaction
for name in ("journal_mode", "busy_timeout"):
    print(connection.cursor().execute(f"PRAGMA {name}").fetchone()[0])
with transaction.atomic():
    try:
        sqlite3.connect(connection.settings_dict["NAME"], timeout=0).execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        print(error)
"""
    command = ["manage.py", "shell", "--verbosity", "0", "--command", code]
    done = python(*command, DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3")
    assert done.stdout.splitlines() == ["wal", "20000", "database is locked"]


def test_restoring_a_damaged_database_is_one_sentence(tmp_path):
    url = f"sqlite:///{tmp_path}/db.sqlite3"
    (tmp_path / "damaged").write_text("This is no database. " * 100)
    done = python("-m", "deploy.database", "load", tmp_path / "damaged", DATABASE_URL=url)
    assert done.returncode == 1
    told = "The database is damaged, nothing was changed: file is not a database\n"
    assert done.stderr == told


def test_another_instance():
    settings = production(DOMAIN="staging.client.example", STAGING="1", EMAIL_URL="smtp://x")
    assert settings["ALLOWED_HOSTS"] == ["staging.client.example"]
    assert settings["DEFAULT_FROM_EMAIL"] == "webmaster@staging.client.example"
    mail = settings["MAILERS"]["default"] if "MAILERS" in settings else settings
    backend = mail.get("BACKEND", mail.get("EMAIL_BACKEND"))
    assert backend == "django.core.mail.backends.console.EmailBackend"  # nothing is sent


@pytest.mark.parametrize("password", ["ada-lovelace", "x7!kQ", "password1", "8264019375"])
def test_weak_passwords_are_rejected(password):
    with pytest.raises(ValidationError):
        validate_password(password, get_user_model()(username="ada-lovelace"))


def test_development_rejects_other_hosts():
    """Else a page of another site could read this one, by DNS rebinding."""
    hosts = production(LOCAL_DEV="1", LOCAL_VAR=tempfile.gettempdir())["ALLOWED_HOSTS"]
    assert hosts == [".localhost", "127.0.0.1", "[::1]"]


def test_idle_connections_outlive_nginx():
    """nginx closes those to gunicorn after 60 s, and must not reuse one that gunicorn closes."""
    assert runpy.run_path(layout.CHECKOUT / "gunicorn.conf.py")["keepalive"] > 60


def test_media_domain():
    settings = production(MEDIA_DOMAIN="uploads.example")
    assert settings["MEDIA_URL"] == "https://uploads.example" + layout.MEDIA_URL
    assert settings["MEDIA_ROOT"] == production()["MEDIA_ROOT"]
    local = production(MEDIA_DOMAIN="uploads.example", LOCAL_DEV="1")
    assert local["MEDIA_URL"] == layout.MEDIA_URL


def test_no_bucket_with_local_dev():
    assert "object_storage" not in str(production(LOCAL_DEV="1", MEDIA_BUCKET="site")["STORAGES"])


def test_static_host():
    settings = production(STATIC_HOST="cdn.example")
    assert settings["STATIC_URL"] == "https://cdn.example" + layout.STATIC_URL
    assert settings["STATIC_ROOT"] == production()["STATIC_ROOT"]
    check = python("manage.py", "check", "--fail-level", "WARNING", STATIC_HOST="cdn.example")
    assert check.returncode == 0, check.stderr
    assert production(STATIC_HOST="x", LOCAL_DEV="1")["STATIC_URL"] == layout.STATIC_URL


def test_nothing_is_written_to_the_checkout():
    for settings in (production(), production(LOCAL_DEV="1")):
        paths = [settings[name] for name in ("STATIC_ROOT", "MEDIA_ROOT", "PRIVATE_ROOT")]
        for path in [*paths, settings["DATABASES"]["default"]["NAME"]]:
            assert not path.startswith(f"{layout.CHECKOUT}/")


def test_no_password_on_error_pages():
    code = "from django.views.debug import SafeExceptionReporterFilter as Filter\n"
    code += "print(Filter().get_safe_settings())"
    environment = {"DATABASE_URL": "postgres://ada:hush-hush@db/site"}
    shown = python("-c", code, DJANGO_SETTINGS_MODULE="config.settings", **environment)
    assert "db.backends.postgresql" in shown.stdout, shown.stderr
    assert "hush-hush" not in shown.stdout
