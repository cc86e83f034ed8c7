"""Two application servers behind one nginx: what they share, and what a failing one means."""

import dataclasses
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from cluster import running_cluster
from load import ADD, VISITORS, visitors

from support.commands import TEMPLATE, run, run_ok, skip_or_fail
from support.http import Failure, form
from support.images import png
from support.object_storage import fetch
from support.packages import PATH

pytestmark = pytest.mark.growth
PASSWORD = "a long password"
CSS = "welcome/static/welcome/welcome.css"


@pytest.fixture(scope="module")
def cluster(copy_of, python_with_s3):
    with running_cluster(copy_of, python_with_s3) as cluster:
        code = "from django.contrib.auth import get_user_model as user\n"
        code += f"user().objects.create_superuser('ada', password={PASSWORD!r})"
        cluster.servers[0].manage("shell", "--verbosity", "0", "--command", code)
        yield cluster


@pytest.fixture(autouse=True)
def healthy(cluster):
    """Start each test with both servers, and with an nginx that has not marked one as down."""
    for server in cluster.servers:
        assert server.responds()
        server.busy.unlink(missing_ok=True)
    cluster.install_nginx()


def in_flight(cluster, method: str, action):
    """Do `action(server)` while a server handles a request.

    Return what the client sees, how many servers were tried, and how many photos were added.
    """
    client = cluster.client()
    client.sign_in("ada", PASSWORD)
    token = client.cookies["csrftoken"]
    content_type, body = form({"csrfmiddlewaretoken": token}, {"image": (b"a.png", png("a", 8, 8))})
    headers = {"X_Sleep": "2", "Content_Type": content_type, "Referer": f"https://{client.domain}/"}
    url, body = (ADD, body) if method == "POST" else ("/", b"")
    url += f"?{time.monotonic_ns()}"
    before, result = cluster.photos(), []

    def send() -> None:
        try:
            result.append(client.request(method, url, body, **headers).status)
        except Failure as failure:
            result.append(str(failure))

    thread = threading.Thread(target=send)
    thread.start()
    while not (busy := [server for server in cluster.servers if server.busy.exists()]):
        assert thread.is_alive(), result
    action(busy[0])
    thread.join()
    return result[0], tried(cluster, url), cluster.photos() - before


def tried(cluster, url: str) -> int:
    """Return how many servers nginx tried for a URL that was requested once."""
    while not (lines := [line for line in cluster.log() if f" {url} " in line]):
        time.sleep(0.02)  # nginx logs a request after it has sent the response
    return len(lines[0].split(" ", 3)[3].split(", "))


def test_sessions_and_uploads_are_shared(cluster):
    one, other = (server.client() for server in cluster.servers)
    one.sign_in("ada", PASSWORD)
    image = png("shared", 8, 8)
    url = one.upload(image)
    other.cookies = one.cookies
    response = other.get("/admin/")
    assert (response.status, response["X-Server"]) == (200, "b")
    assert b"Recent actions" in response.body
    page = other.get("/admin/welcome/photo/")
    assert page["X-Server"] == "b" and b"1 photo" in page.body
    assert url.startswith(cluster.bucket.endpoint) and fetch(url).body == image


def test_another_secret_key_signs_out(cluster):
    """What a server with a SECRET_KEY of its own would do."""
    one, other = cluster.servers
    client = one.client()
    client.sign_in("ada", PASSWORD)
    secret, other.environment["SECRET_KEY"] = other.environment["SECRET_KEY"], "another" * 10
    try:
        other.restart()
        elsewhere = other.client()
        elsewhere.cookies = client.cookies
        assert elsewhere.get("/admin/").status == 302
    finally:
        other.environment["SECRET_KEY"] = secret
        other.restart()


def test_only_nginx_reaches_an_application_server(cluster):
    """The firewall of docs/growth.md: who can connect could send any X-Forwarded-Proto."""
    if not shutil.which("nft", path=PATH):
        skip_or_fail("nftables is not installed")
    one, other = cluster.servers
    connect = "import socket, sys; socket.create_connection((sys.argv[1], 8000), 3)"
    command = [*other.namespace.command, sys.executable, "-c", connect, one.namespace.address]
    page = (TEMPLATE / "docs/growth.md").read_text()
    (table,) = re.findall(r"```\n +(table inet .*?)```", page, re.DOTALL)
    nft = [*one.namespace.command, "nft"]
    assert run(*command, cwd=TEMPLATE).returncode == 0
    table = table.replace("10.0.0.1", cluster.address)
    subprocess.run([*nft, "-f", "-"], input=table, text=True, check=True)
    try:
        assert "timed out" in run(*command, cwd=TEMPLATE).stdout
        assert one.responds() and cluster.client().get("/").status == 200
    finally:
        run_ok(*nft, "flush", "ruleset", cwd=TEMPLATE)


def killed(cluster, method: str):
    """Let a server die while it handles a request; start it again."""
    dead = []

    def kill(server) -> None:
        dead.append(server)
        server.crash()

    try:
        return in_flight(cluster, method, kill)
    finally:
        for server in dead:
            server.recover()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_safe_request_is_repeated(cluster, method):
    assert killed(cluster, method) == (200, 2, 0)


def test_a_post_is_not_repeated(cluster):
    """Its photo is stored, and the visitor sees an error page: nobody can know better."""
    assert killed(cluster, "POST") == (503, 1, 1)


def attempts_at_a_dead_server(cluster) -> int:
    """Return how many of 60 requests are sent to a server that is down."""
    dead = cluster.servers[0]
    dead.crash()
    start = len(cluster.log())
    try:
        for _ in range(60):
            assert cluster.client().get("/").status == 200
    finally:
        dead.recover()
    return sum(dead.address in line for line in cluster.log()[start:])


def test_a_dead_server_is_left_alone(cluster):
    """Three failures, then no request for ten seconds."""
    assert 3 <= attempts_at_a_dead_server(cluster) < 15


def servers_that_a_request_can_kill(cluster) -> int:
    """Return how many servers nginx tries for a request that kills each of them."""
    url = f"/?{time.monotonic_ns()}"
    assert cluster.client().get(url, X_Crash="1").status == 503
    return tried(cluster, url)


def test_a_request_that_crashes_is_sent_twice(cluster):
    assert servers_that_a_request_can_kill(cluster) == 2


def responds_while(cluster, failing, restored) -> bool:
    """Return whether 4 requests succeed within 20 s while a server is in some state."""
    server = cluster.servers[0]
    failing(server)
    try:
        return all(cluster.client().get("/").status == 200 for _ in range(4))
    except Failure:
        return False
    finally:
        restored(server)


def unplug(server) -> None:
    server.namespace.unplug()


def plug(server) -> None:
    server.namespace.plug()


def stop(server) -> None:
    server.signal(signal.SIGSTOP)


def resume(server) -> None:
    server.signal(signal.SIGCONT)


def test_a_server_that_is_switched_off(cluster):
    assert responds_while(cluster, unplug, plug)


# A test cannot wait for the 60 s of a server.
QUICK = ("proxy_connect_timeout 3s;", "proxy_connect_timeout 3s; proxy_read_timeout 4s;")


def test_a_server_that_hangs(cluster):
    """It accepts connections and sends nothing: proxy_read_timeout ends that."""
    cluster.install_nginx(QUICK)
    assert responds_while(cluster, stop, resume)


RULES = {
    "no retry": ("proxy_next_upstream error timeout;", "proxy_next_upstream off;",
                 lambda c: killed(c, "GET")[0] == 200),
    "errors only": ("proxy_next_upstream error timeout;", "proxy_next_upstream error;",
                    lambda c: responds_while(c, stop, resume)),
    "what nginx.conf says": ("proxy_next_upstream error timeout;", "",
                             lambda c: killed(c, "POST")[2] == 1),
    "any number of servers": ("proxy_next_upstream_tries 2;", "",
                              lambda c: servers_that_a_request_can_kill(c) == 2),
    "connect timeout of 60 s": ("proxy_connect_timeout 3s;", "",
                                lambda c: responds_while(c, unplug, plug)),
    "no health check": ("max_fails=3", "max_fails=0",
                        lambda c: attempts_at_a_dead_server(c) < 15),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_needed(cluster, rule):
    old, new, holds = RULES[rule]
    cluster.install_nginx((old, new), *[QUICK] * (rule == "errors only"))
    assert not holds(cluster)


def test_the_own_application_is_the_last_resort(cluster):
    front, all = cluster.front, cluster.servers
    front.start_application()
    try:
        assert {cluster.client().get("/")["X-Server"] for _ in range(8)} == {"a", "b"}
        for server in all:
            server.crash()
        seen = [cluster.client().get("/") for _ in range(8)]
        assert (seen[-1].status, seen[-1]["X-Server"]) == (200, "nginx")
    finally:
        front.stop_application()
        for server in all:
            server.recover()


@pytest.mark.parametrize("how", ["application", "server"])
def test_kill_under_load(cluster, how):
    before = cluster.photos()
    with visitors(cluster, PASSWORD) as report:
        for server in cluster.servers:
            if how == "application":  # systemd starts it again after a second
                server.kill()
                time.sleep(1)
                server.start()
            else:
                server.crash()
                time.sleep(3)
                server.recover()
            wait_until_used(cluster, server)
    check(cluster, report, before)
    # gunicorn writes header and body one after the other: killed between them, it has begun a
    # response that nobody can repeat. A visitor has one request at a time.
    assert len(report.cut) <= VISITORS * len(cluster.servers)
    print(f"{how} killed on each server: {summary(report)}")


def wait_until_used(cluster, server) -> None:
    """Wait until nginx sends requests to a server again: in the meantime the other has all."""
    while cluster.client().get("/")["X-Server"] != server.name:
        time.sleep(0.1)


def check(cluster, report, before: int) -> None:
    """No safe request failed, no POST counts twice, no upload is lost."""
    assert report.failures == []
    assert report.servers >= {"a", "b"}
    assert report.accepted <= cluster.photos() - before <= report.posts
    for url, image in report.uploads.items():
        assert fetch(url).body == image


def summary(report) -> str:
    lost = report.posts - report.accepted
    safe = f"{report.safe} safe requests, 0 failed, {len(report.cut)} cut"
    return f"{safe}; {report.posts} POSTs, {lost} without a response"


def test_release_under_load(cluster, tmp_path):
    """nginx's server first: it has the static files of both releases while they run."""
    before = cluster.photos()
    with visitors(cluster, PASSWORD) as report:
        release = shutil.copytree(cluster.front.project, tmp_path / cluster.front.project.name)
        (release / CSS).write_text(f"{(release / CSS).read_text()}\n/* a new release */\n")
        front = dataclasses.replace(cluster.front, project=release)
        front.manage("collectstatic", "--noinput", "--verbosity", "0")
        for server in cluster.servers:
            server.deploy(release)
            server.restart()
    check(cluster, report, before)
    assert report.unclear == report.cut == []
    assert len(report.styles) == 2
    print(f"a release: {summary(report)}")
