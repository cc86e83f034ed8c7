"""Mail and log lines of a rendered project, with a real SMTP server."""

import re
import socketserver
import threading

import pytest

from support.commands import SECRET_KEY, SERIES, shell

SERVER = {"SECRET_KEY": SECRET_KEY, "DEBUG": "0"}
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
    project = copy_of(django_version=series)
    output = shell(environment(series), project, BROKEN, **SERVER, **mail)
    assert output.splitlines()[-1] == "500"
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    assert re.search(rf"^{time} INFO gallery: order 1 paid$", output, re.MULTILINE)
    assert re.search(r"^\[\d\d/\w{3}/\d{4} \d\d:\d\d:\d\d,\d{3}\] GET /$", output, re.MULTILINE)
    broken = rf"^{time} ERROR django.request: Internal Server Error: /broken/\nTraceback"
    assert re.search(broken, output, re.MULTILINE) and "\nZeroDivisionError: " in output
    welcome, error = smtp.mails
    assert "From: shop@client.example" in welcome and "To: visitor@client.example" in welcome
    assert "To: ada@client.example, bob@client.example" in error
    assert "Subject: [Client Site] ERROR" in error and "ZeroDivisionError" in error
    assert SECRET_KEY not in error


@pytest.mark.parametrize("series", EACH)
def test_mail_with_local_dev(environment, copy_of, series):
    code = "from django.core.mail import send_mail; send_mail('Hi', 'Hello', None, ['a@b.example'])"
    output = shell(environment(series), copy_of(django_version=series), code, LOCAL_DEV=1)
    assert "From: webmaster@client-site.example" in output and "To: a@b.example" in output


@pytest.mark.parametrize("series", EACH)
def test_mailed_errors_with_local_dev(environment, copy_of, series):
    project, settings = copy_of(django_version=series), {"LOCAL_DEV": 1, "ADMINS": "a@b.example"}
    output = shell(environment(series), project, BROKEN, **settings)
    assert "Subject: [Client Site] ERROR" in output and "To: a@b.example" in output


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
    project = copy_of(django_version=series)
    output = shell(environment(series), project, CONNECTION, EMAIL_URL=url, **SERVER)
    empty = "" if series == "5.2" else "None"
    assert output.strip() == expected.format(empty=empty)


@pytest.mark.parametrize("series", EACH)
def test_error_page_without_a_mail_server(environment, copy_of, series):
    project, code = copy_of(django_version=series), BROKEN.replace("send_mail(", "(")
    mail = {"EMAIL_URL": "smtp://127.0.0.1:1", "ADMINS": "ada@client.example"}
    output = shell(environment(series), project, code, **SERVER, **mail)
    assert output.splitlines()[-1] == "500"
