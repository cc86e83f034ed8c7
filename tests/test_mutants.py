"""Each protection taken away in turn: the attacks must notice. Writes a table of docs/nginx.md."""

import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import attack
import mutants
import pytest
from conftest import TEMPLATE, run
from servers import Refused, deployed, find_nginx, lay_out, rendered_for
from test_attacks import open_to_attack, served_locally, settings

pytestmark = pytest.mark.slow
PAGE = TEMPLATE / "docs/nginx.md"
FOUND: dict[str, list[str]] = {}
GONE = "cache-deleted-upload"  # takes two seconds
QUICK = [name for name in attack.CASES if name != GONE]
SLOWEST = 14  # seconds that a slow client is borne


@contextmanager
def changed(project: Path, key: str, table: dict, **values: str):
    """Make one change in a project and undo it. Yield what else is to be tried."""
    place, text, replacement = table[key]
    name, _, more = place.partition(":")
    for word, value in values.items():
        text = text.replace("{" + word + "}", value)
        replacement = replacement.replace("{" + word + "}", value)
    file = project / name
    before = file.read_text()
    assert text in before, f"{name} does not hold {text!r}"
    replace(file, before.replace(text, replacement))
    try:
        yield more
    finally:
        replace(file, before)


def replace(file: Path, text: str) -> None:
    """Write a file anew; Python would take the bytecode of one as long and of the same second."""
    shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)
    file.write_text(text)


@pytest.fixture(scope="module")
def server(bake, python, folder):
    project = folder / "client_site"
    shutil.copytree(bake(**rendered_for(folder)), project)
    with deployed(project, folder, python(), **settings(folder)) as server:
        yield server
    (server.web_root / "s/media/closed").chmod(0o700)


@pytest.fixture(scope="module")
def site(server):
    site = open_to_attack(server)
    assert attack.run_all(site) == {}
    return site


def noticed(key: str, names) -> None:
    FOUND[key] = [*dict.fromkeys(names)]
    assert FOUND[key], f"nothing notices: {key}"


@pytest.mark.parametrize("key", mutants.NGINX)
def test_nginx(server, site, key):
    nginx = find_nginx()
    server.stop_nginx()
    try:
        with changed(server.project, key, mutants.NGINX, web_root=str(server.web_root)) as more:
            lay_out(server.project, server.root, (server.http, server.https), nginx)
            try:
                server.start_nginx(nginx)
            except Refused:
                noticed(key, ["nginx does not start"])
                return
            found = [*attack.run_all(site, [*QUICK, GONE] if more == "gone" else QUICK)]
            if more == "slow":
                found += [k for k, seconds in attack.slow(site).items() if seconds > SLOWEST]
            if more == "away":
                server.stop_application()
                try:
                    attack.away(site)
                except (AssertionError, AttributeError):
                    found.append("away")
                server.start_application()
            if more == "long" and not starts_with_a_long_name(server, nginx):
                found.append("a-long-domain-starts")
            server.stop_nginx()
            noticed(key, found)
    finally:
        lay_out(server.project, server.root, (server.http, server.https), nginx)
        if server.nginx.poll() is not None:
            server.start_nginx(nginx)


def starts_with_a_long_name(server, nginx: str) -> bool:
    """Return whether nginx takes the site's files under a domain of 60 letters."""
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
def test_application(server, site, python, key):
    static = server.web_root / "s/static"
    collected = {*static.rglob("*")}
    server.stop_application()
    try:
        with changed(server.project, key, mutants.APPLICATION):
            found = []
            if key == "no compressed files":
                for twin in server.web_root.glob("s/static/**/*.[bg][rz]"):
                    twin.unlink()
            try:
                server.manage("collectstatic", "--noinput", "--verbosity", "0")
            except pytest.fail.Exception as refused:
                noticed(key, re.findall(r"\((files\.\w+)\)", str(refused)))
                return
            server.start_application()
            found = [*attack.run_all(site, QUICK)]
            server.stop_application()
            for left in site.media.glob("photos/*"):
                left.unlink()
            found += own_tests(server.project, python())
            noticed(key, found)
    finally:
        server.stop_nginx()  # it keeps files open that are gone
        for left in {*static.rglob("*")} - collected:
            left.unlink()
        server.manage("collectstatic", "--noinput", "--verbosity", "0")
        server.start_application()
        server.start_nginx(find_nginx())


def test_what_was_taken_away_is_back(site):
    """Else a mutant is noticed by what one before it left."""
    assert attack.run_all(site) == {}


def own_tests(project: Path, python: Path) -> list[str]:
    """Return the project's own tests that fail."""
    tests = [python, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"]
    said = run("timeout", "60", *tests, cwd=project)
    if said.returncode == 124:
        return ["the project's own tests do not end"]
    return re.findall(r"^(?:FAILED|ERROR) [\w/]+\.py::(\w+)", said.stdout, re.MULTILINE)


@pytest.mark.parametrize("key", mutants.LOCAL)
def test_local(bake, python, tmp_path, key):
    project = tmp_path / "client_site"
    shutil.copytree(bake(), project)
    with changed(project, key, mutants.LOCAL), served_locally(project, python()) as site:
        found = [*attack.run_all(site, [name for name in QUICK if name in attack.LOCAL])]
        noticed(key, found + own_tests(project, python()))


def test_the_table_is_written():
    """Last: docs/nginx.md tells what each mutant turned red, as of the last run of each."""
    tables = {**mutants.NGINX, **mutants.APPLICATION, **mutants.LOCAL}
    assert len(tables) >= 40
    before = PAGE.read_text().split("<!-- mutants -->")[1].split("<!--")[0]
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in before.splitlines()}
    for key, names in FOUND.items():
        place = tables[key][0].partition(":")[0]
        few = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        rows[key] = f"| {key} | `{place}` | {few} |"
    head = ["| taken away or loosened | in | cases that turned red |", "|---|---|---|"]
    write("mutants", head + [rows[key] for key in tables if key in rows])
    assert set(tables) <= set(rows), "these were never run"


def write(part: str, lines: list[str]) -> None:
    """Put lines between the marks of a part of docs/nginx.md."""
    top, rest = PAGE.read_text().split(f"<!-- {part} -->\n")
    rest = rest.split(f"<!-- end of {part} -->\n")[1]
    text = "\n".join(lines)
    PAGE.write_text(f"{top}<!-- {part} -->\n{text}\n<!-- end of {part} -->\n{rest}")
