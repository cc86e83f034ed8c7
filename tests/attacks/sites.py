"""Sites with the test files and accounts of the attacks."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from attacks import attack
from support.commands import TEMPLATE, run_ok
from support.site import free_port, until

ACCOUNTS = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
for name in ("visitor", "staff"):
    staff = name == "staff"
    user = get_user_model().objects.create_user(name, is_staff=staff, is_superuser=staff)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    print("session", session.session_key)
"""


# The environment that adds the test views to a project.
SETTINGS = {"DJANGO_SETTINGS_MODULE": "attacks.app.settings", "PYTHONPATH": str(TEMPLATE / "tests")}


def sessions(output: str) -> list[str]:
    return [line.split()[1] for line in output.splitlines() if line.startswith("session")]


def prepare_site(server) -> attack.Site:
    """Create test files and accounts on a deployed site."""
    site = attack.Site(
        server.domain, server.https, server.http, server.web_root / "s/media",
        server.web_root / "s/static", server.root / "var/s/private", log=server.log,
        brotli=(server.root / f"{server.project.name}/brotli.conf").exists(),
    )  # fmt: skip
    (server.root / "var/s").mkdir(parents=True)
    (server.root / "var/secret.txt").write_bytes(attack.SECRET)
    attack.create_test_files(site)
    site.cookie, site.staff = sessions(server.manage("shell", "--command", ACCOUNTS))
    return site


@contextmanager
def development_server(project: Path, python: Path):
    """Serve a project as `make run` does, with test files and accounts, until the block ends."""
    var = project.with_name(f"{project.name}-var")
    port = free_port()
    environment = SETTINGS | {"LOCAL_DEV": "1", "DEBUG": "0"}
    run_ok(python, "manage.py", "migrate", "--verbosity", "0", cwd=project, **environment)
    output = run_ok(python, "manage.py", "shell", "--command", ACCOUNTS, cwd=project, **environment)
    site = attack.Site(
        f"127.0.0.1:{port}", port, None, var / "www/s/media", project / "static", var / "s/private",
        local=True,
    )  # fmt: skip
    attack.create_test_files(site)
    site.cookie, site.staff = sessions(output)
    with (var / "errors").open("w") as errors:
        process = subprocess.Popen(
            [python, "manage.py", "runserver", "--noreload", "--skip-checks", str(port)],
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
