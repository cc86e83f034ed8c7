"""Mail and log lines of a rendered project, with a real SMTP server."""

import re
import socketserver
import threading

import pytest

from support.commands import SERIES, run, run_ok

SERVER = {"SECRET_KEY": "for tests only, and long: 7b1e9c3f5a2d8046e1b3d5f7a9c0e2d4", "DEBUG": "0"}
EACH = ["5.2", *(pytest.param(s, marks=pytest.mark.slow) for s in SERIES if s != "5.2")]
BROKEN = """
import logging
from django.core.mail import send_mail
from django.test import Client
from django.urls import path
from config import urls
urls.urlpatterns.append(path("broken/", lambda request: 1 / 0))
logging.getLogger("gallery").info("order %s paid", 1)
logging.getLogger("django.server").info("GET /")
send_mail("Welcome", "Hello", None, ["visitor@client.example"])
client = Client(raise_request_exception=False, SERVER_NAME="client-site.example")
print(client.get("/broken/", secure=True).status_code)
"""


class Session(socketserver.StreamRequestHandler):
    """Accept all mail, and keep it in `server.mails`."""

    def handle(self):
        self.wfile.write(b"220 mail.example\r\n")
        for line in self.rfile:
            command = line.split()[0].upper()
            if command == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(body.decode())
            self.wfile.write(b"221 bye\r\n" if command == b"QUIT" else b"250 ok\r\n")


@pytest.fixture
def smtp():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.mails = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("series", EACH)
def test_errors_are_mailed_and_logged(environment, copy_of, smtp, series):
    mail = {
        "EMAIL_URL": f"smtp://127.0.0.1:{smtp.server_address[1]}",
        "ADMINS": "ada@client.example, bob@client.example",
        "DEFAULT_FROM_EMAIL": "shop@client.example",
    }
    shell = (environment(series), "manage.py", "shell", "--verbosity", "0", "--command", BROKEN)
    output = run_ok(*shell, cwd=copy_of(django_version=series), **SERVER, **mail)
    assert output.splitlines()[-1] == "500"
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    assert re.search(rf"^{time} INFO gallery: order 1 paid$", output, re.MULTILINE)
    assert re.search(r"^\[\d\d/\w{3}/\d{4} \d\d:\d\d:\d\d,\d{3}\] GET /$", output, re.MULTILINE)
    assert re.search(
        rf"^{time} ERROR django.request: Internal Server Error: /broken/$", output, re.MULTILINE
    )
    welcome, error = smtp.mails
    assert "From: shop@client.example" in welcome and "To: visitor@client.example" in welcome
    assert "To: ada@client.example, bob@client.example" in error
    assert "Subject: [Client Site] ERROR" in error and "ZeroDivisionError" in error
    assert SERVER["SECRET_KEY"] not in error


@pytest.mark.parametrize("series", EACH)
def test_mail_is_printed_in_local_development(environment, copy_of, series):
    code = "from django.core.mail import send_mail; send_mail('Hi', 'Hello', None, ['a@b.example'])"
    shell = (environment(series), "manage.py", "shell", "--verbosity", "0", "--command", code)
    output = run_ok(*shell, cwd=copy_of(django_version=series), LOCAL_DEV=1)
    assert "From: webmaster@client-site.example" in output and "To: a@b.example" in output


CONNECTION = """
from django.conf import settings
from django.core import mail
mailers = getattr(mail, "mailers", None)
smtp = mailers["default"] if hasattr(settings, "MAILERS") else mail.get_connection()
print(smtp.host, smtp.port, smtp.username, smtp.password, smtp.use_tls, smtp.use_ssl, smtp.timeout)
"""


@pytest.mark.parametrize("series", EACH)
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "localhost 25 {empty} {empty} False False 10"),
        ("smtp+tls://ada:p%40ss@mail.example:587", "mail.example 587 ada p@ss True False 10"),
        ("smtp+ssl://ada:pass@mail.example:465", "mail.example 465 ada pass False True 10"),
    ],
)
def test_email_url(environment, copy_of, series, url, expected):
    shell = (environment(series), "manage.py", "shell", "--verbosity", "0", "--command", CONNECTION)
    output = run_ok(*shell, cwd=copy_of(django_version=series), EMAIL_URL=url, **SERVER).strip()
    empty = "" if series == "5.2" else "None"
    assert output == expected.format(empty=empty)


@pytest.mark.parametrize("name", ["EMAIL_URL", "DATABASE_URL"])
def test_wrong_scheme_is_one_sentence(python, copy_of, name):
    done = run(
        *(python(), "manage.py", "check"), cwd=copy_of(), **SERVER, **{name: "imap://ada:secret@x"}
    )
    assert done.returncode == 1
    assert re.fullmatch(
        rf"{name} must start with \S+ or .*: see server.env.example.\n", done.stdout
    )


@pytest.mark.parametrize("series", EACH)
def test_error_page_without_a_mail_server(environment, copy_of, series):
    shell = (environment(series), "manage.py", "shell", "--verbosity", "0", "--command")
    code = BROKEN.replace("send_mail(", "(")
    mail = {"EMAIL_URL": "smtp://127.0.0.1:1", "ADMINS": "ada@client.example"}
    output = run_ok(*shell, code, cwd=copy_of(django_version=series), **SERVER, **mail)
    assert output.splitlines()[-1] == "500"
