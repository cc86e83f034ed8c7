import inspect
import json
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core.checks import run_checks
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.core.wsgi import get_wsgi_application

from files import rules


class Silent(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    """The address of the site, served as `make run` does."""
    server = make_server("localhost", 0, get_wsgi_application(), handler_class=Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_disagrees():
    assert run_checks() == []


def test_a_disagreement_is_reported_with_both_values(settings):
    settings.MEDIA_ROOT = settings.STATIC_ROOT / "media"
    (found,) = [problem for problem in run_checks() if problem.id == "files.E012"]
    assert str(settings.STATIC_ROOT) in found.msg and str(settings.MEDIA_ROOT) in found.msg
    assert found.hint


def test_each_rule_says_what_it_prevents_and_where_that_was_seen():
    for rule in rules.RULES:
        assert "\n\nSeen: " in inspect.cleandoc(rule.find.__doc__), rule.id


def test_the_probe_finds_the_site_right_and_leaves_nothing(site, capsys):
    call_command("probe", site, "--json")
    report = json.loads(capsys.readouterr().out)
    assert all(line["ok"] is not False for line in report), report
    assert {line["name"] for line in report if line["ok"]} >= {"upload", "HTML upload", "dotfile"}
    assert not default_storage.exists("probe")


def test_the_probe_says_in_a_sentence_that_nothing_answers():
    with pytest.raises(CommandError, match="Nothing listens on localhost:9: "):
        call_command("probe", "http://localhost:9/")
