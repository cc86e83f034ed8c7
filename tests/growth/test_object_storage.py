"""Uploads in a real bucket, by environment variables alone."""

import hashlib
import json
import random
import re
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.commands import run, run_ok
from support.edits import edited
from support.http import Client
from support.images import png
from support.object_storage import fetch
from support.site import deployed

pytestmark = pytest.mark.growth
CREATE_SUPERUSER = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("ada", password="a long password")
"""
SESSION = """
from django.contrib.auth import get_user_model
from django.test import Client
client = Client()
client.force_login(get_user_model().objects.get())
print(client.cookies.output(attrs=[], header="Cookie:"))
"""
OBJECT_STORAGE = "files/object_storage.py"
PAGE = b"<!doctype html><script>document.title = 'it ran'</script>"


@pytest.fixture(scope="module")
def site(project, directory, python_with_s3, bucket):
    """The site behind nginx and gunicorn, with its uploads in the bucket."""
    with deployed(project, directory, python_with_s3, **bucket.environment) as server:
        server.manage("shell", "--command", CREATE_SUPERUSER)
        yield server


@pytest.fixture
def ada(site) -> Client:
    """A client that is signed in."""
    client = site.client()
    client.sign_in("ada", "a long password")
    return client


@pytest.fixture
def shell(site):
    """Return a function that runs code with the storages and returns what it prints."""
    imports = "from django.core.files.storage import storages\n"
    imports += "from django.core.files.base import ContentFile\n"
    imports += (
        "default, private, derived = (storages[n] for n in ('default', 'private', 'derived'))\n"
    )

    def shell(code: str) -> list[str]:
        return site.manage("shell", "--verbosity", "0", "--command", imports + code).splitlines()

    return shell


def upload(client: Client, model: str, name: str, content: bytes) -> str:
    """Upload a file in the admin, and return the URL that its page links to."""
    add, field = f"/admin/welcome/{model}/add/", "image" if model == "photo" else "file"
    response = client.post(add, {"_continue": "1"}, {field: (name.encode(), content)})
    assert response.status == 302, response.body.decode()[:2000]
    page = client.get(response["Location"]).body.decode()
    link = re.search(r'class="file-upload">[^<]*<a href="([^"]+)"', page)
    assert link, page
    return link[1].replace("&amp;", "&")


def test_checks_and_its_own_tests_pass(site, project):
    site.manage("check", "--deploy", "--fail-level", "WARNING")
    tests = ("tests/test_site.py", "tests/test_nginx.py")
    run_ok(site.python, "-m", "pytest", "-q", *tests, cwd=project, **site.settings)


def test_a_page_shows_an_upload(site, ada, chromium, bucket):
    url = upload(ada, "photo", "me.png", png("me", 40, 30))
    assert url.startswith(f"{bucket.endpoint}/site/s/media/photos/") and "X-Amz-Signature=" in url
    browser = chromium(f"MAP {site.domain}:443 127.0.0.1:{site.https}")
    page = browser.new_page(ignore_https_errors=True)
    page.goto(f"https://{site.domain}/photos/")
    image = page.locator("img").first
    assert image.evaluate("i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])") == [
        40,
        30,
    ]
    browser.close()


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "a.xhtml", "a.xml"])
def test_documents_are_downloads(site, ada, chromium, name):
    """The visitor claims that each is an image: support.http.form.

    SeaweedFS replaces application/octet-stream by a type that it guesses from the name.
    """
    url = upload(ada, "paper", name, PAGE)
    response = fetch(url)
    assert (response.status, response.body) == (200, PAGE)
    assert response["Content-Disposition"] == "attachment"
    browser = chromium()
    page = browser.new_page()
    with (
        page.expect_download(timeout=20_000),
        pytest.raises(Exception, match="Download is starting"),
    ):
        page.goto(url)
    assert page.title() != "it ran"
    browser.close()


def changed_signature(url: str) -> str:
    return re.sub("(X-Amz-Signature=)(.)", lambda m: m[1] + ("0" if m[2] != "0" else "1"), url)


def later(url: str) -> str:
    """Return a URL that claims to have been signed a minute later."""
    signed = datetime.strptime(re.search(r"X-Amz-Date=(\w+)", url)[1], "%Y%m%dT%H%M%SZ")
    other = datetime.fromtimestamp(signed.replace(tzinfo=UTC).timestamp() + 60, UTC)
    return re.sub(r"X-Amz-Date=\w+", f"X-Amz-Date={other:%Y%m%dT%H%M%SZ}", url)


CHANGES = {
    "unsigned": lambda url: url.partition("?")[0],
    "another signature": changed_signature,
    "another file": lambda url: re.sub(r"/[\w-]{22}\.txt", "/x.txt", url),
    "a longer time": lambda url: url.replace("X-Amz-Expires=3600", "X-Amz-Expires=604800"),
    "another date": later,
    "another key": lambda url: url.replace("Credential=of-tests", "Credential=admin"),
    "the list": lambda url: re.sub(r"/s/media/.*", "/", url),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_urls_are_refused(ada, change):
    url = upload(ada, "paper", "a.txt", b"content")
    assert fetch(url).body == b"content"
    assert fetch(CHANGES[change](url)).status in {400, 403}


def test_expired_urls_are_refused(shell):
    save = "name = default.save('a.txt', ContentFile(b'content'))\n"
    urls = shell(save + "print(default.url(name, expire=1)); print(default.url(name, expire=600))")
    time.sleep(3)
    assert [fetch(url).status for url in urls] == [403, 200]


def test_keys_that_are_wrong(site, bucket):
    code = "from django.core.files.storage import default_storage as s\n"
    code += "from django.core.files.base import ContentFile\n"
    code += "print(s.url('a.txt')); s.save('a.txt', ContentFile(b''))"
    command = (site.python, "manage.py", "shell", "--verbosity", "0", "--command", code)
    environment = site.environment | {"AWS_SECRET_ACCESS_KEY": "another"}
    done = run(*command, cwd=site.project, **environment)
    assert done.returncode and "SignatureDoesNotMatch" in done.stdout
    assert fetch(done.stdout.splitlines()[0]).status == 403


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("MEDIA_BUCKET", "Not a name", "Invalid bucket name"),
        ("AWS_ENDPOINT_URL_S3", "s3.example", "Invalid endpoint: s3.example"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9", "Could not connect to the endpoint URL"),
        ("AWS_ACCESS_KEY_ID", "", "credentials"),
        ("AWS_SECRET_ACCESS_KEY", "another", "SignatureDoesNotMatch"),
    ],
)
def test_bucket_that_cannot_be_used(site, name, value, reason):
    """Before a release or a restart goes live: `check --deploy` is their first step."""
    environment = site.environment | {name: value, "AWS_EC2_METADATA_DISABLED": "true"}
    command = (site.python, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    done = run(*command, cwd=site.project, **environment)
    assert done.returncode == 1 and "(files.E017) The bucket" in done.stdout
    assert reason in done.stdout and "Traceback" not in done.stdout


def test_names(shell):
    """Uploads get random names, derived files keep theirs and are replaced; lists and deletes."""
    code = "for storage, name in ((default, 'ä/Größe 😀.TXT'), (derived, 'ä/Größe 😀.txt')):\n"
    code += "    for text in ('one', 'two'):\n"
    code += "        print(storage.save(name, ContentFile(text.encode())))\n"
    one, two, *derived = shell(code)
    assert one != two and all(re.fullmatch(r"ä/[\w-]{22}\.txt", name) for name in (one, two))
    assert derived == ["ä/Größe 😀.txt"] * 2
    code = f"print(default.open({one!r}).read(), derived.open({derived[0]!r}).read())\n"
    code += "print(sorted(default.listdir('ä')[1]), default.size('ä/Größe 😀.txt'))\n"
    code += f"default.delete({one!r}); print(default.exists({one!r}), default.exists({two!r}))"
    read, listed, exist = shell(code)
    assert read == "b'one' b'two'"
    names = sorted(name.removeprefix("ä/") for name in (one, two, derived[0]))
    assert listed == f"{names} 3"
    assert exist == "False True"


def test_deleted_rows_delete_their_files(ada):
    url = upload(ada, "paper", "a.txt", b"content")
    pk = re.search(r"/paper/(\d+)/", ada.get("/admin/welcome/paper/").body.decode())[1]
    ada.post(f"/admin/welcome/paper/{pk}/delete/", {"post": "yes"})
    assert fetch(url).status == 404


def test_private_files(site, ada):
    url = upload(ada, "invoice", "a.html", PAGE)
    assert url.startswith("/admin/private/invoices/")
    assert site.client().get(url)["Location"].startswith("/admin/login/")
    response = ada.get(url)
    assert response.status == 302
    assert response["Cache-Control"].startswith("private, no-store")
    assert "X-Amz-Expires=60&" in response["Location"]
    file = fetch(response["Location"])
    assert (file.body, file["Cache-Control"]) == (PAGE, "private, no-store")
    assert file["Content-Disposition"] == "attachment"
    assert fetch(response["Location"].partition("?")[0]).status == 403


def peak(site) -> int:
    """Return the largest memory of gunicorn's processes so far, in MB."""
    master = site.application.pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    found = [Path(f"/proc/{pid}/status").read_text() for pid in [master, *children]]
    return max(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) for status in found) // 1024


def test_memory_of_a_large_upload(site, ada):
    upload(ada, "paper", "warm.zip", b"x" * 10_000_000)
    upload(ada, "paper", "warm.zip", b"x" * 10_000_000)
    before = peak(site)
    content = random.Random(0).randbytes(105_000_000)
    url = upload(ada, "paper", "large.zip", content)
    print(
        f"{len(content) / 1e6:.0f} MB: the peak of a worker went from {before} to {peak(site)} MB"
    )
    assert peak(site) < before + 40
    with urllib.request.urlopen(url) as response:
        assert hashlib.file_digest(response, "sha256").digest() == hashlib.sha256(content).digest()
        assert response.headers["ETag"].strip('"').endswith("-13")  # parts of 8 MB


def probe(site, *options: str) -> dict[str, dict]:
    """Return the lines of the probe's report by name."""
    session = site.manage("shell", "--verbosity", "0", "--command", SESSION).strip()
    command = [site.python, "manage.py", "probe", f"https://{site.domain}/", "--json", *options]
    command += ["--connect", f"127.0.0.1:{site.https}", "--insecure", "--header", session]
    command += ["--skip", "other-locations"]  # the ports of nginx/ are not this test's
    done = run(*command, cwd=site.project, **site.environment)
    assert done.stdout.startswith("["), done.stdout
    return {line["name"]: line for line in json.loads(done.stdout)}


def failed(report: dict[str, dict]) -> set[str]:
    return {name for name, line in report.items() if line["ok"] is False}


def test_probe(site, shell):
    report = probe(site)
    assert not failed(report), report
    asked = {"upload", "upload-types", "private-direct", "private-by-django", "cleanup"}
    assert all(report[name]["ok"] for name in asked), report
    code = "for storage in (default, private):\n"  # SeaweedFS keeps empty directories
    code += "    for d in storage.listdir('')[0]: print(d, storage.listdir(d)[1])"
    left = [line for line in shell(code) if line.startswith("probe-")]
    assert all(line.endswith(" []") for line in left), left


POLICY = """
import json
statement = {"Effect": "Allow", "Principal": "*", "Action": ["ACTION"], "Resource": ["RESOURCE"]}
policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
default.connection.meta.client.put_bucket_policy(Bucket="site", Policy=policy)
"""
NO_POLICY = "default.connection.meta.client.delete_bucket_policy(Bucket='site')"


@pytest.mark.parametrize(
    "action, resource",
    [
        ("s3:GetObject", "arn:aws:s3:::site/s/private/*"),
        ("s3:GetObject", "arn:aws:s3:::site/s/media/*"),
        ("s3:ListBucket", "arn:aws:s3:::site"),
    ],
)
def test_probe_finds_a_public_bucket(site, shell, action, resource):
    shell(POLICY.replace("ACTION", action).replace("RESOURCE", resource))
    try:
        assert failed(probe(site)) == {"private-direct"}
    finally:
        shell(NO_POLICY)


MUTANTS = {
    "documents open": (
        {"upload-types", "private-by-django"},
        (OBJECT_STORAGE, '"ContentDisposition": disposition', '"ContentDisposition": "inline"'),
    ),
    "a private file has the URL of an upload": (
        {"private-by-django"},
        (OBJECT_STORAGE, r"return S3Storage.url\(self, name\)", "return S3Storage.url(self, 'x')"),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_probe_finds_mutants(site, name):
    expected, *edits = MUTANTS[name]
    with edited(site.project, edits):
        site.stop_application()
        site.start_application()
        found = failed(probe(site))
    site.stop_application()
    site.start_application()
    assert found == expected


def test_nothing_is_imported_without_a_bucket(site, python):
    """The environment has no django-storages: `python` is that of the tests of the template."""
    code = "import sys; print({'boto3', 'botocore', 'storages'} & {*sys.modules})"
    shell = ("manage.py", "shell", "--verbosity", "0", "--command", code)
    environment = {name: "" for name in site.settings}
    for interpreter in (python(), site.python):
        output = run_ok(interpreter, *shell, cwd=site.project, **site.environment | environment)
        assert output == "set()\n"
    done = run(python(), "manage.py", "check", cwd=site.project, **site.environment)
    assert done.returncode == 1
    assert done.stdout.startswith("MEDIA_BUCKET needs `uv sync --extra s3`")


def test_public_bucket(site, shell, bucket):
    """MEDIA_DOMAIN is a domain that opens the uploads, and no private file."""
    code = "from django.core.files.storage import storages\n"
    code += "print(storages['default'].url('ä.png'), storages['private'].signed_url('a'))"
    domain = {"MEDIA_DOMAIN": "cdn.example"}
    command = (site.python, "manage.py", "shell", "--verbosity", "0", "--command", code)
    output = run_ok(*command, cwd=site.project, **site.environment | domain)
    public, private = output.split()
    assert public == "https://cdn.example/s/media/%C3%A4.png"
    assert private.startswith(f"{bucket.endpoint}/site/s/private/a?X-Amz-Algorithm=")
