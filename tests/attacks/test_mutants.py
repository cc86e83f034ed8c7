"""Each protection removed in turn: an attack must succeed. Owns docs/evidence/mutants.md."""

import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from attacks import attack, mutants
from attacks.sites import SETTINGS, development_server, prepare_site
from support.commands import TEMPLATE, run
from support.packages import OWN_RELEASE, fetch_nginx
from support.site import Refused, deployed, lay_out, rendered_for

pytestmark = [pytest.mark.slow, pytest.mark.docs]
PAGE = "evidence/mutants.md"
INSIDE = TEMPLATE / "tests/template/inside"
FAILED: dict[str, list[str]] = {}  # of each mutant, the cases that failed
SLOW_CASE = "cache-deleted-upload"  # takes two seconds
QUICK = [name for name in attack.CASES if name != SLOW_CASE]
MAX_SECONDS = 14  # until a slow client is disconnected


@contextmanager
def changed(project: Path, key: str, table: dict, **values: str):
    """Make one change in a project and undo it. Yield which checks to run beside the table."""
    place, text, replacement = table[key]
    name, _, checks = place.partition(":")
    for word, value in values.items():
        text = text.replace("{" + word + "}", value)
        replacement = replacement.replace("{" + word + "}", value)
    file = project / name
    before = file.read_text()
    assert text in before, f"{name} does not contain {text!r}"
    replace(file, before.replace(text, replacement))
    try:
        yield checks
    finally:
        replace(file, before)


def replace(file: Path, text: str) -> None:
    """Write a file. Python compares size and second only, and would use stale bytecode."""
    shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)
    file.write_text(text)


@pytest.fixture(scope="module")
def nginx() -> str:
    """An nginx with the brotli module, which the host's nginx may not have."""
    return fetch_nginx(OWN_RELEASE)


@pytest.fixture(scope="module")
def server(bake, python, directory, nginx):
    project = directory / "client_site"
    shutil.copytree(bake(**rendered_for(directory)), project)
    with deployed(project, directory, python(), nginx, **SETTINGS) as server:
        yield server
    (server.web_root / "s/media/closed").chmod(0o700)


@pytest.fixture(scope="module")
def site(server):
    site = prepare_site(server)
    assert attack.run_all(site) == {}
    return site


def record(key: str, names) -> None:
    """Record the cases that fail with a mutant; there must be one."""
    FAILED[key] = [*dict.fromkeys(names)]
    assert FAILED[key], f"no case fails: {key}"


@pytest.mark.parametrize("key", mutants.NGINX)
def test_nginx(server, site, nginx, key):
    server.stop_nginx()
    try:
        with changed(server.project, key, mutants.NGINX, web_root=str(server.web_root)) as checks:
            lay_out(server.project, server.root, (server.http, server.https), nginx)
            try:
                server.start_nginx(nginx)
            except Refused:
                record(key, ["nginx does not start"])
                return
            failed = [*attack.run_all(site, [*QUICK, SLOW_CASE] if checks == "cached" else QUICK)]
            if checks == "slow":
                times = attack.slow_client_times(site)
                failed += [name for name, seconds in times.items() if seconds > MAX_SECONDS]
            if checks == "stopped":
                server.stop_application()
                try:
                    attack.check_unavailable(site)
                except (AssertionError, AttributeError):
                    failed.append("unavailable")
                server.start_application()
            if checks == "long" and not starts_with_a_long_domain(server, nginx):
                failed.append("a-long-domain-starts")
            server.stop_nginx()
            record(key, failed)
    finally:
        lay_out(server.project, server.root, (server.http, server.https), nginx)
        if server.nginx.poll() is not None:
            server.start_nginx(nginx)


def starts_with_a_long_domain(server, nginx: str) -> bool:
    """Return whether nginx starts with a domain of some 70 characters."""
    server.stop_nginx()
    for file in server.root.glob("sites-enabled/*.conf"):
        text = file.read_text().replace("server_name ", f"server_name {'a' * 52}.")
        file.write_text(text)
    try:
        server.start_nginx(nginx)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("key", mutants.APPLICATION)
def test_application(server, site, nginx, python, key):
    static = server.web_root / "s/static"
    collected = {*static.rglob("*")}
    server.stop_application()
    try:
        with changed(server.project, key, mutants.APPLICATION):
            if key == "static: Django's manifest storage":
                for copy in server.web_root.glob("s/static/**/*.[bg][rz]"):
                    copy.unlink()
            try:
                server.manage("collectstatic", "--noinput", "--verbosity", "0")
            except pytest.fail.Exception as error:
                record(key, re.findall(r"\((files\.\w+)\)", str(error)))
                return
            server.start_application()
            failed = [*attack.run_all(site, QUICK)]
            server.stop_application()
            for file in site.media.glob("photos/*"):
                file.unlink()
            failed += project_tests(server.project, python())
            record(key, failed)
    finally:
        server.stop_nginx()  # it keeps deleted files open
        for file in {*static.rglob("*")} - collected:
            file.unlink()
        server.manage("collectstatic", "--noinput", "--verbosity", "0")
        server.start_application()
        server.start_nginx(nginx)


def test_every_change_is_undone(site):
    """Otherwise a mutant could fail because of the one before it."""
    assert attack.run_all(site) == {}


def project_tests(project: Path, python: Path) -> list[str]:
    """Return the tests that fail in the rendered project: its own and those of tests/template/inside/.

    Without test_uploads.py, which needs the app of the README.
    """
    for file in INSIDE.glob("test_*.py"):
        if file.name != "test_uploads.py":
            shutil.copy(file, project / "tests")
    tests = [python, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"]
    done = run("timeout", "60", *tests, cwd=project)
    if done.returncode == 124:
        return ["the project's tests do not end"]
    assert done.returncode in {0, 1}, done.stdout  # otherwise pytest ran no tests
    return re.findall(r"^(?:FAILED|ERROR) [\w/]+\.py::(\w+)", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("key", mutants.LOCAL)
def test_local(bake, python, tmp_path, key):
    project = tmp_path / "client_site"
    shutil.copytree(bake(), project)
    with changed(project, key, mutants.LOCAL), development_server(project, python()) as site:
        failed = [*attack.run_all(site, [name for name in QUICK if name in attack.LOCAL])]
        record(key, failed + project_tests(project, python()))


def test_page_lists_the_mutants(check_generated):
    """Last: every row names cases that failed. A mutant that did not run now keeps its row."""
    tables = {**mutants.NGINX, **mutants.APPLICATION, **mutants.LOCAL}
    text = (TEMPLATE / "docs" / PAGE).read_text()
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in text.splitlines()}
    for key, names in FAILED.items():
        start = f"| {key} | `{tables[key][0].partition(':')[0]}` | "
        row = rows.get(key, "")
        named = row.removeprefix(start).removesuffix(" |").removesuffix(", …").split(", ")
        if not row.startswith(start) or not set(named) <= set(names):
            more = ", …" if len(names) > 3 else ""
            rows[key] = f"{start}{', '.join(names[:3])}{more} |"
    never_ran = [key for key in tables if key not in rows]
    assert not never_ran
    head = ["| removed or weakened | in | tests that failed |", "|---|---|---|"]
    check_generated(PAGE, "mutants", "\n".join([*head, *(rows[key] for key in tables)]) + "\n")
