"""The settings as a server sees them, each time in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from files import layout

SECRET_KEY = "long and random, and of no use anywhere else: 9d8f7a6b5c4e3f2a1b0c"
SHOW = """
import json
from config import settings
print(json.dumps({k: v for k, v in vars(settings).items() if k.isupper()}, default=str))
"""


def python(*arguments, **environment) -> subprocess.CompletedProcess:
    """Run Python in the checkout with nothing in its environment but what is given."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=layout.CHECKOUT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
    )


def example() -> dict[str, str]:
    """Return the environment of .env.example, its secret filled in."""
    lines = (layout.CHECKOUT / ".env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert given["SECRET_KEY"] == ""
    return given | {"SECRET_KEY": SECRET_KEY}


def production(**environment) -> dict:
    """Return the settings of a server whose environment is the example's and `environment`."""
    shown = python("-c", SHOW, **example() | environment)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


def test_a_server_serves_the_web_root():
    settings = production()
    assert settings["STATIC_ROOT"] == layout.WEB_ROOT + settings["STATIC_URL"].rstrip("/")
    assert settings["MEDIA_ROOT"] == layout.WEB_ROOT + settings["MEDIA_URL"].rstrip("/")
    assert not settings["LOCAL_DEV"] and not settings["DEBUG"]
    assert settings["ALLOWED_HOSTS"] == [settings["DOMAIN"]]
    assert "Manifest" in settings["STORAGES"]["staticfiles"]["BACKEND"]


def test_a_server_without_a_secret_says_so_in_a_sentence():
    answer = python("manage.py", "check")
    assert answer.returncode == 1
    assert answer.stderr.startswith("SECRET_KEY is not set.")
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("LOCAL_DEV", "maybe"), ("DATABASE_URL", "mysql://localhost/site")]
)
def test_a_value_that_means_nothing_is_refused_in_a_sentence(name, value):
    answer = python("manage.py", "check", **{"SECRET_KEY": "x", name: value})
    assert answer.returncode == 1
    assert answer.stderr.startswith(name) and answer.stderr.count("\n") == 1


def test_the_deployment_check_is_clean():
    deploy = ["check", "--deploy", "--fail-level", "WARNING"]
    answer = python("manage.py", *deploy, **example())
    assert answer.returncode == 0, answer.stderr


def test_postgresql_takes_over():
    settings = production(DATABASE_URL="postgres://ada:secret@db.example/site")
    database = settings["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["NAME"]) == ("db.example", "site")


def test_sqlite_lets_readers_and_a_writer_work_at_once(tmp_path):
    ask = """
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
    environment = example() | {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    answer = python("manage.py", "shell", "--verbosity", "0", "--command", ask, **environment)
    assert answer.stdout.splitlines() == ["wal", "20000", "database is locked"]


def test_uploads_may_have_a_domain_of_their_own():
    settings = production(MEDIA_DOMAIN="uploads.example")
    assert settings["MEDIA_URL"] == "https://uploads.example" + layout.MEDIA_URL
    assert settings["MEDIA_ROOT"] == production()["MEDIA_ROOT"]
    local = production(MEDIA_DOMAIN="uploads.example", LOCAL_DEV="1")
    assert local["MEDIA_URL"] == layout.MEDIA_URL


def test_nothing_that_the_site_writes_lies_in_the_checkout():
    for settings in (production(), production(LOCAL_DEV="1")):
        places = [settings[n] for n in ("STATIC_ROOT", "MEDIA_ROOT", "PRIVATE_ROOT")]
        for place in [*places, settings["DATABASES"]["default"]["NAME"]]:
            assert not place.startswith(f"{layout.CHECKOUT}/")


def test_an_error_reaches_standard_error():
    code = """
import django; django.setup()
from django.test import Client
from django.urls import path
import config.urls
config.urls.urlpatterns.append(path("broken/", lambda request: 1 / 0))
Client(raise_request_exception=False).get("/broken/", secure=True, headers={"host": "%s"})
"""
    environment = example() | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    answer = python("-c", code % production()["DOMAIN"], **environment)
    assert "ZeroDivisionError" in answer.stderr
