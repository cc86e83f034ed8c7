"""The table of attacks, against nginx with the application behind it and against runserver."""

import os
import shutil
import subprocess
from pathlib import Path

import attack
import pytest
from conftest import passes
from servers import deployed, free_port, rendered_for, until

HERE = Path(__file__).parent
ACCOUNTS = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
for name in ("visitor", "staff"):
    user = get_user_model().objects.create_user(name, is_staff=name == "staff")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    print("session", session.session_key)
"""


def settings(root: Path) -> dict[str, str]:
    """Return the environment that adds to a project what shows an attack's outcome."""
    return {
        "DJANGO_SETTINGS_MODULE": "attacked.settings",
        "PYTHONPATH": str(HERE),
        "PRIVATE_ROOT": f"{root}/var/s/private",
    }


def sessions(shown: str) -> list[str]:
    return [line.split()[1] for line in shown.splitlines() if line.startswith("session")]


def open_to_attack(server) -> attack.Site:
    """Return a deployed site with bait and accounts."""
    site = attack.Site(
        server.domain, server.https, server.http, server.web_root / "s/media",
        server.web_root / "s/static", server.root / "var/s/private", log=server.log,
        brotli=(server.root / f"{server.project.name}/brotli.conf").exists(),
    )  # fmt: skip
    (server.root / "var/s").mkdir(parents=True)
    (server.root / "var/secret.txt").write_bytes(attack.SECRET)
    attack.lay_bait(site)
    site.cookie, site.staff = sessions(server.manage("shell", "--command", ACCOUNTS))
    return site


@pytest.fixture(scope="module")
def server(project, python, folder):
    with deployed(project(**rendered_for(folder)), folder, python(), **settings(folder)) as server:
        yield server
    if (closed := server.web_root / "s/media/closed").exists():
        closed.chmod(0o700)


@pytest.fixture(scope="module")
def site(server):
    return open_to_attack(server)


@pytest.fixture(scope="module")
def local(bake, python, tmp_path_factory):
    """The development server of a project of its own, with the same bait."""
    project = tmp_path_factory.mktemp("local") / "client_site"
    shutil.copytree(bake(), project)
    var = project.with_name("client_site-var")
    port = free_port()
    environment = settings(project) | {"LOCAL_DEV": "1", "DEBUG": "0"}
    passes(python(), "manage.py", "migrate", "--verbosity", "0", cwd=project, **environment)
    shown = passes(
        python(), "manage.py", "shell", "--command", ACCOUNTS, cwd=project, **environment
    )
    site = attack.Site(
        f"127.0.0.1:{port}", port, None, var / "www/s/media", project / "static", var / "s/private",
        local=True,
    )  # fmt: skip
    attack.lay_bait(site)
    site.cookie, site.staff = sessions(shown)
    with (var / "errors").open("w") as errors:
        process = subprocess.Popen(
            [python(), "manage.py", "runserver", "--noreload", "--skip-checks", str(port)],
            cwd=project,
            env=os.environ | environment,
            stdout=errors,
            stderr=errors,
        )
    try:
        until(lambda: site.connect().close() is None, process)
        yield site
    finally:
        process.terminate()
        process.wait(20)
        (site.media / "closed").chmod(0o700)


@pytest.fixture(scope="module")
def patience(site):
    """How long slow clients are borne, measured while the other attacks go on."""
    return attack.ThreadPoolExecutor(1).submit(attack.slow, site)


@pytest.fixture(scope="module")
def fallen(site, patience):
    """The cases that nginx and the application did not withstand: all are tried at once."""
    return attack.run_all(site)


@pytest.mark.parametrize("name", attack.CASES)
def test_nginx_withstands(fallen, name):
    assert fallen.get(name, "") == ""


@pytest.fixture(scope="module")
def fallen_locally(local):
    return attack.run_all(local, attack.LOCAL)


@pytest.mark.parametrize("name", [name for name in attack.CASES if name in attack.LOCAL])
def test_the_development_server_withstands(fallen_locally, name):
    assert fallen_locally.get(name, "") == ""


def test_the_table_is_long_enough_and_the_differences_are_few():
    assert len(attack.CASES) >= 180
    assert len(attack.DIFFERENCES) <= 6


def test_slow_clients_are_cut_off(patience):
    assert {name: seconds for name, seconds in patience.result(40).items() if seconds > 15} == {}


def test_a_slow_body_does_not_reach_the_application(site):
    """Many of them together occupy nginx, which has room, and no thread of gunicorn's."""
    head = f"POST /echo/ HTTP/1.1\r\nHost: {site.domain}\r\nContent-Length: 9\r\n\r\nslow"
    lines = [site.connect() for _ in range(40)]
    try:
        for line in lines:
            line.sendall(head.encode())
        assert site.raw(attack.ask("/echo/")).status == 200
    finally:
        for line in lines:
            line.close()


def test_the_application_is_away(server, site):
    server.stop_application()
    try:
        attack.away(site)
    finally:
        server.start_application()


def test_the_addresses_of_uploads_on_a_domain_of_their_own(server, site):
    url = server.manage("shell", "--command", MEDIA_URL % site.uploads)
    assert url.endswith(f"https://{site.uploads}/s/media/a.png\n")


MEDIA_URL = """
import os
os.environ["MEDIA_DOMAIN"] = "%s"
from config import settings
import importlib
print(importlib.reload(settings).MEDIA_URL + "a.png")
"""


def test_nothing_is_left_behind(site):
    """After all attacks: no file that is half there, none that the group may write."""
    for file in site.media.joinpath("photos").iterdir():
        assert not file.name.startswith("."), file
        assert not file.stat().st_mode & 0o022, file
