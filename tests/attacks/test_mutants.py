"""Each protection removed in turn: the cases and tests that docs/evidence/mutants.md names must fail.

With --update-docs, or for a new mutant, all are run and the first three that fail are written there.
"""

import re
import shutil
from pathlib import Path

import pytest

from attacks import mutants
from attacks.cases import CASES
from attacks.mutants import Mutant
from attacks.sites import development_server
from attacks.table import run_all
from support.commands import TEMPLATE, run
from support.edits import edited
from support.packages import OWN_RELEASE, fetch_nginx
from support.site import Refused, lay_out

PAGE = "evidence/mutants.md"
INSIDE = TEMPLATE / "tests/template/inside"
ALL = [*mutants.NGINX, *mutants.APPLICATION, *mutants.LOCAL]
FAILED: dict[str, list[str]] = {}  # of each mutant that ran: the cases and tests that failed
ENOUGH = 4  # failures: the page names three
HANG = "the project's tests do not end"
QUICK = [name for name, case in CASES.items() if not case.slow and not case.stopped]
SLOW = [name for name, case in CASES.items() if case.slow]
STOPPED = [name for name, case in CASES.items() if case.stopped]


def test_texts_occur_once(bake):
    for mutant in ALL:
        file, old, _ = mutant.edit
        assert len(re.findall(old, (bake() / file).read_text())) == 1, mutant


@pytest.fixture(scope="module")
def nginx() -> str:
    """An nginx with the brotli module, which the host's nginx may not have."""
    return fetch_nginx(OWN_RELEASE)


@pytest.fixture(scope="module")
def server(server):
    """A server whose project can be changed twice in a second: Python would use old bytecode."""
    server.settings["PYTHONDONTWRITEBYTECODE"] = "1"
    return server


@pytest.fixture(scope="module")
def site(server, site, nginx):
    assert run_all(site, QUICK + SLOW) == {}
    restart(server, nginx)  # it remembers for ten seconds which static files are missing
    return site


def rows() -> dict[str, str]:
    """Return the page's rows by the names of the mutants."""
    lines = (TEMPLATE / "docs" / PAGE).read_text().splitlines()
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines}


@pytest.fixture
def named(request, mutant) -> list[str]:
    """What the page names for a mutant; nothing if it must be found out."""
    row = rows().get(mutant.name)
    if request.config.getoption("--update-docs") or not row:
        return []
    return row.split(" | ")[2].removesuffix(" |").removesuffix(", …").split(", ")


def cases(named: list[str], otherwise: list[str]) -> list[str]:
    return [name for name in named if name in CASES] if named else otherwise


def record(mutant: Mutant, failed: list[str]) -> None:
    """Record the cases and tests that fail with a mutant; there must be one."""
    FAILED[mutant.name] = [*dict.fromkeys(failed)]
    assert failed, f"no case fails: {mutant}"


def restart(server, nginx: str) -> None:
    """Install the project's nginx files and restart nginx. Raises Refused if it does not start."""
    server.stop_nginx()
    lay_out(server.project, server.root, (server.http, server.https), nginx)
    server.start_nginx(nginx)


@pytest.mark.slow
@pytest.mark.docs
@pytest.mark.parametrize("mutant", mutants.NGINX, ids=str)
def test_nginx(server, site, nginx, mutant, named):
    try:
        with edited(server.project, [mutant.edit]):
            restart(server, fetch_nginx("sid") if mutant.also == "newest" else nginx)
            names = QUICK + SLOW if mutant.also == "slow" else QUICK
            running = [name for name in cases(named, names) if name not in STOPPED]
            failed = [*run_all(site, running, ENOUGH)]
            if mutant.also == "stopped":
                server.stop_application()
                failed += run_all(site, STOPPED)
                server.start_application()
            if mutant.also == "long_domain" and not starts_with_a_long_domain(server, nginx):
                failed.append("a-long-domain-starts")
    except Refused:
        failed = ["nginx does not start"]
    finally:
        restart(server, nginx)
    record(mutant, failed)


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


@pytest.mark.slow
@pytest.mark.docs
@pytest.mark.parametrize("mutant", mutants.APPLICATION, ids=str)
def test_application(server, site, nginx, python, mutant, named):
    collected = {*site.static.rglob("*")}
    server.stop_application()
    try:
        with edited(server.project, [mutant.edit]):
            try:
                server.manage("collectstatic", "--noinput", "--verbosity", "0")
            except pytest.fail.Exception as error:
                failed = re.findall(r"\((files\.\w+)\)", str(error))  # checks
            else:
                server.start_application()
                failed = [*run_all(site, cases(named, QUICK), ENOUGH)]
                server.stop_application()
                for file in site.media.glob("photos/*"):
                    file.unlink()
                if len(failed) < ENOUGH:
                    failed += project_tests(server.project, python(), named)
    finally:
        server.stop_nginx()  # it keeps deleted files open
        for file in {*site.static.rglob("*")} - collected:
            file.unlink()
        server.manage("collectstatic", "--noinput", "--verbosity", "0")
        server.start_application()
        server.start_nginx(nginx)
    record(mutant, failed)


@pytest.mark.slow
def test_every_change_is_undone(site):
    """Otherwise a mutant could fail because of the one before it."""
    assert run_all(site, QUICK) == {}


def project_tests(project: Path, python: Path, named: list[str]) -> list[str]:
    """Return the tests that fail in the rendered project: its own and those of tests/template/inside/.

    Of the named ones, if any. Without test_uploads.py, which needs the app of the README.
    """
    chosen = [name for name in named if name.startswith("test_")]
    if named and not chosen and HANG not in named:
        return []
    for file in INSIDE.glob("test_*.py"):
        if file.name != "test_uploads.py":
            shutil.copy(file, project / "tests")
    tests = [python, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"]
    tests += [f"--maxfail={ENOUGH}", "-k", " or ".join(chosen)]
    done = run("timeout", "60", *tests, cwd=project, PYTHONDONTWRITEBYTECODE="1")
    if done.returncode == 124:
        return [HANG]
    assert done.returncode in {0, 1}, done.stdout  # otherwise pytest ran no tests
    return re.findall(r"^(?:FAILED|ERROR) [\w/]+\.py::(\w+)", done.stdout, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.docs
@pytest.mark.parametrize("mutant", mutants.LOCAL, ids=str)
def test_local(bake, python, tmp_path, mutant, named):
    project = shutil.copytree(bake(), tmp_path / "client_site")
    local = [name for name in QUICK if CASES[name].local]
    with edited(project, [mutant.edit]), development_server(project, python()) as site:
        failed = [*run_all(site, cases(named, local), ENOUGH)]
        if len(failed) < ENOUGH:
            failed += project_tests(project, python(), named)
        record(mutant, failed)


@pytest.mark.slow
@pytest.mark.docs
def test_page_lists_the_mutants(check_generated):
    """Last: every row names what failed. A mutant that did not run now keeps its row."""
    listed = rows()
    for mutant in ALL:
        failed = FAILED.get(mutant.name, [])
        start = f"| {mutant} | `{mutant.file}` | "
        row = listed.get(mutant.name, "")
        names = row.removeprefix(start).removesuffix(" |").removesuffix(", …").split(", ")
        if failed and not (row.startswith(start) and {*names} <= {*failed}):
            more = ", …" if len(failed) > 3 else ""
            listed[mutant.name] = f"{start}{', '.join(failed[:3])}{more} |"
    never_ran = [mutant for mutant in ALL if mutant.name not in listed]
    assert not never_ran
    head = ["| removed or weakened | in | tests that failed |", "|---|---|---|"]
    check_generated(PAGE, "mutants", "\n".join([*head, *(listed[m.name] for m in ALL)]) + "\n")
