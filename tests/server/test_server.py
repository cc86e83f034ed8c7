"""One server's life: the rendered project on real systems, booted in containers.

The tests of a host are steps, in this order. Each needs those before it, so `-k` selects a host and
no test. Several hosts can run in parallel, each in its own process. What depends on no distribution
is tested on one host: `one_host`.

1. Installation with the README's commands, a certificate, the units, daily cleanup, a reboot.
2. Releases, rollbacks and restarts under load, a worker, a staging site.
3. Faults: killed processes, full, read-only and lost disks, no database. The site recovers.
4. Failed releases: the previous release stays live.
5. A release behind Basic Auth.
6. Power failures during a release and during uploads.
7. Attackers who run their own code in the application: the sandbox stops them.
8. Backups, the deploy user, cleanup, PostgreSQL, a bucket, application servers, uninstallation.

hosted_site.py has the site and what visitors and administrators do, host.py the systems.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import textwrap
import time
from pathlib import Path

import pytest
import sandbox_escape
from host import OFFLINE, why_not_bootable
from hosted_site import PASSWORD, VISITORS, hosted_site

from support.answers import SERVERS
from support.commands import CACHE, git
from support.images import png
from support.object_storage import fetch, seaweedfs

pytestmark = [
    pytest.mark.server,
    # In CI the fixture fails instead: nothing must be skipped there.
    pytest.mark.skipif(
        bool(why_not_bootable()) and not os.environ.get("CI"), reason=why_not_bootable() or ""
    ),
]


@pytest.fixture(scope="module", params=SERVERS)
def site(request, bake):
    if reason := why_not_bootable():
        pytest.fail(f"No system can be booted: {reason}", pytrace=False)
    with hosted_site(request.param, bake(**SERVERS[request.param])) as site:
        yield site


@contextlib.contextmanager
def exclusive_load():
    """Wait until no other host is under load: two cores are too slow for both."""
    with (CACHE / "server" / "load").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def assert_error_page(response: tuple[int, str]) -> None:
    status, page = response
    assert status == 500
    assert "Something went wrong" in page


# 1. Installation


def test_failed_install_changes_nothing(site):
    """An install that stops leaves the host as it was, and says so."""
    host = site.host
    clone = site.command("git clone").replace("YOUR_REPOSITORY", "/repository.git")
    host.run_readme(clone)
    host.ran[-1] = site.command("git clone")
    environment, other = f"/etc/{site.slug}.env", "/etc/nginx/sites-enabled/other"

    def files() -> set[str]:
        found = host.run_ok("find", "/etc", "/srv", "/var/lib", "/var/www", "/var/cache")
        later = "/checkout/|/etc/[a-z]+-$"  # uv, and the users' backup files
        return {path for path in found.splitlines() if not re.search(later, path)}

    host.run_ok("sh", "-c", f"printf 'SECRET_KEY=x\nEMAIL_URL=x\n' >{environment}")
    host.run_ok("mv", "/etc/nginx/sites-enabled/default", other)
    before = files()
    for reason in (f"{other} has a default server", "EMAIL_URL must start with"):
        output = site.make("install")
        assert output.returncode
        assert reason in output.stdout
        assert "live" not in output.stdout
        assert files() == before
        assert host.run("getent", "passwd", site.user).returncode
        host.run_ok("nginx", "-q", "-t")
        host.run("mv", other, "/etc/nginx/sites-enabled/default")
        before = files()
    assert "Nothing was installed" in output.stdout
    # What an administrator made before: no default site, a certificate, a renewal, an upload.
    made = f"/etc/ssl/{site.domain}", "/etc/letsencrypt/renewal", f"/srv/{site.slug}/notes"
    host.run_ok("mkdir", "-p", *made)
    host.run_ok("touch", f"{made[0]}/fullchain.pem", f"{made[1]}/{site.domain}.conf")
    default = host.run_ok("readlink", "/etc/nginx/sites-enabled/default").strip()
    host.run_ok("rm", "/etc/nginx/sites-enabled/default")
    before = files()
    assert "EMAIL_URL must start with" in site.make("install").stdout
    assert files() == before
    host.run_ok("rm", "-r", *made, environment)
    host.run_ok("ln", "-s", default, "/etc/nginx/sites-enabled/default")


def test_install_as_in_the_readme(site):
    host = site.host
    host.run_readme(site.command("cd "))
    output = site.run_readme("make install")
    assert f"https://{site.domain}/ is live" in output
    create = site.command("sh deploy/deploy.sh manage createsuperuser")
    host.ran.append(create)
    host.run_on_terminal(
        f"cd {site.home}/checkout; {create}",
        {"Username": "ada", "Email": "", "Password:": PASSWORD, "(again):": PASSWORD},
    )
    site.create_superusers(VISITORS[1:])
    site.wait_until_healthy()


def test_ownership_and_permissions(site):
    expected = {
        f"/etc/{site.slug}.env": "root root 600",
        f"/var/lib/{site.slug}": f"{site.user} {site.user} 710",
        f"/var/lib/{site.slug}/db.sqlite3": f"{site.user} {site.user} 600",
        site.media: f"{site.user} {site.user} 750",
        f"{site.public}/static": "root root 755",
        f"{site.home}/checkout": "root root 755",
        f"/run/{site.slug}/gunicorn.sock": f"root {site.user} 660",
        f"/etc/ssl/{site.domain}/privkey.pem": "root root 600",
    }
    found = {path: site.host.run_ok("stat", "-c", "%U %G %a", path).strip() for path in expected}
    assert found == expected


def test_access_log_is_rotated(site):
    """By the rule of nginx's package, if logrotate is there."""
    rule = site.host.run_ok("cat", "/etc/logrotate.d/nginx")
    assert "/var/log/nginx/*.log {" in rule
    site.host.run_ok("test", "-s", f"/var/log/nginx/{site.slug}.access.log")


def test_second_install_changes_nothing(site):
    files = [f"/etc/{site.slug}.env", f"/etc/ssl/{site.domain}/privkey.pem"]
    before = site.host.run_ok("sha256sum", *files)
    nginx, earlier = "/etc/nginx/conf.d/default_server.conf", "/etc/nginx/conf.d/machine.conf"
    # A server that was installed under the earlier name, without a version.
    site.host.run_ok("sed", "-i", "1d; /^http2/d", nginx)
    site.host.run_ok("mv", nginx, earlier)
    install = f"umask 077; make -C {site.home}/checkout install"  # a careful administrator's shell
    site.host.run_ok("sh", "-c", install)
    assert site.host.run_ok("sha256sum", *files) == before
    site.host.run_ok("test", "!", "-e", earlier)
    site.wait_until_healthy()


def test_dependencies_are_installed_without_privileges(site):
    """uv ran as the application's user, who owns its cache; the application cannot change them."""
    cache = OFFLINE["UV_CACHE_DIR"]
    assert site.host.run_ok("find", cache, "-user", site.user, "-type", "f", "-print", "-quit")
    writable = ("-not", "-type", "l", "(", "-not", "-user", "root", "-o", "-perm", "/022", ")")
    assert site.host.run_ok("find", f"{site.home}/current/", *writable) == ""


def test_concurrent_release_is_rejected(site):
    with subprocess.Popen(site.host.command("flock", site.home, "sleep", "60")) as holder:
        site.host.wait(lambda: site.host.run("pgrep", "sleep").returncode == 0, "lock")
        output = site.make("release")
        site.host.run_ok("pkill", "sleep")
        holder.wait()
    assert output.returncode
    assert f"Another deploy command is running for {site.slug}" in output.stdout


def test_unknown_hosts_and_http_redirect(site):
    assert site.request(f"http://{site.domain}/x", "--head")[0] == 301
    assert site.request("/", "--header", "Host: other.example")[0] == 0
    status, body = site.request("https://other.example/")
    assert (status, body) == (0, "")


PEBBLE = {
    "pebble": {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": "/etc/ssl/localhost.pem",
        "privateKey": "/etc/ssl/localhost.key",
        "httpPort": 80,
        "tlsPort": 443,
    }
}
CERTBOT = """server = https://localhost:14000/dir
no-verify-ssl = true
agree-tos = true
register-unsafely-without-email = true
"""


def test_certbot_issues_and_renews(site):
    host = site.host
    (site.repository / "pebble.json").write_text(json.dumps(PEBBLE))
    (site.repository / "cli.ini").write_text(CERTBOT)  # what certbot would prompt for
    host.run_ok("cp", "/repository.git/cli.ini", "/etc/letsencrypt/cli.ini")
    host.run_ok(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
        *("-keyout", "/etc/ssl/localhost.key", "-out", "/etc/ssl/localhost.pem"),
    )
    names = f"127.0.0.1 {site.domain} www.{site.domain}"
    host.run_ok("sh", "-c", f"echo {names} >>/etc/hosts")
    host.run_ok(
        # Without its random delays and errors.
        *("systemd-run", "--unit=pebble", "--setenv=PEBBLE_VA_NOSLEEP=1"),
        "--setenv=PEBBLE_WFE_NONCEREJECT=0",
        *("pebble", "-config", "/repository.git/pebble.json"),
    )
    directory = ["curl", "--silent", "--insecure", "https://localhost:14000/dir"]
    host.wait(lambda: host.run(*directory).returncode == 0, "certificate authority")

    def issuer() -> str:
        show = f"openssl s_client -connect 127.0.0.1:443 -servername {site.domain} </dev/null"
        return host.run_ok("sh", "-c", f"{show} 2>/dev/null | openssl x509 -noout -text")

    assert "self-signed" in issuer()
    site.run_readme("certbot certonly")
    host.wait(lambda: "Issuer: CN=Pebble" in issuer().replace(" = ", "="), "certificate")
    first = issuer()
    assert f"DNS:www.{site.domain}" in first
    host.run_ok("certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew")
    host.wait(lambda: issuer() != first, "second certificate")
    site.wait_until_healthy()


def test_units_pass_systemd_analyze(site):
    units = [f"{site.slug}-{unit}" for unit in ("web@current.service", "web.socket")]
    units += [f"{site.slug}-daily.service", f"{site.slug}-daily.timer"]
    verified = site.host.run("systemd-analyze", "verify", "--man=no", *units)
    assert (verified.returncode, verified.stdout) == (0, "")
    for unit in (units[0], units[2]):
        output = site.host.run_ok("systemd-analyze", "security", "--no-pager", unit)
        exposure = float(re.search(r"exposure level for \S+ (\S+)", output)[1])
        print(f"{unit}: exposure {exposure}")
        assert exposure <= 2.0


def test_limits_of_a_service(site):
    """A site's service may have 40 % of the memory, and ends alone if it needs more."""
    total = int(re.search(r"MemTotal: +(\d+)", site.host.run_ok("cat", "/proc/meminfo"))[1]) * 1024
    for unit in ("web@current.service", "daily.service"):
        assert 0.35 < int(site.show(unit, "MemoryMax")) / total < 0.45
        assert site.show(unit, "TasksMax") == "200"
        assert site.show(unit, "OOMPolicy") == "continue"


# Saves an upload and is killed in the middle of it.
KILLED_WHILE_SAVING = """
import os, signal
from django.core.files.base import ContentFile
from django.core.files.storage import storages
class Partial(ContentFile):
    def chunks(self, chunk_size=None):
        yield b"part"
        os.kill(os.getpid(), signal.SIGKILL)
storages["{}"].save("x.png", Partial(b""))
"""


def test_daily_cleanup(site):
    host = site.host
    roots = site.media, f"/var/lib/{site.slug}{site.public.removeprefix(site.web_root)}/private"

    def save_and_kill(alias: str) -> None:
        with pytest.raises(pytest.fail.Exception):
            site.manage("shell", "--no-imports", "--command", KILLED_WHILE_SAVING.format(alias))

    def partial_uploads() -> set[str]:
        return set(host.run_ok("find", *roots, "-name", ".*").split())

    save_and_kill("default")
    save_and_kill("private")
    old = partial_uploads()
    assert {str(Path(path).parent) for path in old} == set(roots)
    host.run_ok("touch", "-d", "2 days ago", *old, f"{site.media}/old.png")
    save_and_kill("default")
    (recent,) = partial_uploads() - old  # another process may be writing it
    host.run_ok("systemctl", "start", f"{site.slug}-daily.service")
    assert partial_uploads() == {recent}
    host.run_ok("rm", f"{site.media}/old.png", recent)  # both exist
    assert site.show("daily.service", "Result") == "success"
    assert site.show("daily.service", "User") == site.user
    assert site.show("daily.timer", "ActiveState") == "active"


def test_reboot(site):
    site.host.reboot()
    site.wait_until_healthy()
    failed = site.host.run("systemctl", "--failed", "--plain", "--no-legend").stdout
    # Some of systemd's own units fail in a container.
    assert not re.search(r"^(?!systemd-)\S", failed, re.MULTILINE), failed


# 2. Releases


@pytest.mark.one_host
def test_releases_under_load(site):
    durations = []
    with exclusive_load(), site.visitors(160) as report:  # visits, of several requests each
        for _ in range(4):
            site.change_stylesheet()
            started = time.monotonic()
            site.run_readme("make release")
            durations.append(time.monotonic() - started)
    print(json.dumps(report, indent=1))
    print(f"a release took {min(durations):.1f} to {max(durations):.1f} s")
    assert report["failures"] == []
    assert report["uploads_lost"] == []
    assert len(report["stylesheets"]) == 3  # the original and two versions
    assert report["per_second"] >= 100  # the machine is not too slow for this test
    assert report["uploads"] >= 100


def test_rollback_under_load(site):
    for _ in range(2):  # the second has the version of the last of the four, too
        site.change_stylesheet()
        site.run_readme("make release")
    now = site.stylesheet()
    with site.visitors(80) as report:
        site.run_readme("make rollback")
        assert site.stylesheet() != now
        site.host.run_ok("make", "-C", f"{site.home}/checkout", "rollback")
    assert report["failures"] == []
    assert site.stylesheet() == now


def test_restart_applies_the_environment(site):
    environment = f"/etc/{site.slug}.env"
    site.host.run_ok("sh", "-c", f"echo 'ALLOWED_HOSTS=other.example' >>{environment}")
    with site.visitors(40) as report:
        output = site.make("restart")
    assert output.returncode
    assert "The previous release is still live" in output.stdout
    assert report["failures"] == []
    site.host.run_ok("sed", "-i", f"s/other.example/{site.domain},new.example/", environment)
    with site.visitors(40) as report:
        site.run_readme("make restart")
    assert report["failures"] == []
    master = site.show("web@current.service", "MainPID")
    assert "new.example" in site.host.run_ok("cat", f"/proc/{master}/environ")
    site.host.run_ok("sed", "-i", "/^ALLOWED_HOSTS/d", environment)
    site.run_readme("make restart")


@pytest.mark.one_host
def test_rollback_to_a_release(site):
    releases = site.make("releases").stdout
    first, *_, last = re.findall(r"^20\d+-\d+-\w+", releases, re.MULTILINE)
    assert f"live: {site.home}/releases/{last}" in releases
    for wrong in ("2", last):
        assert site.make("rollback", f"TO={wrong}").returncode
    assert site.make("rollback", f"TO={first}").returncode == 0
    assert site.host.run_ok("readlink", f"{site.home}/current").strip().endswith(first)
    assert site.make("rollback").returncode == 0
    assert site.host.run_ok("readlink", f"{site.home}/current").strip().endswith(last)


WORKER = """
[Service]
User={user}
WorkingDirectory=/srv/{slug}/current
ExecStart=/srv/{slug}/current/.venv/bin/python -c "import time; time.sleep(9999)"
[Install]
WantedBy=multi-user.target
"""


def test_worker_runs_the_live_release(site):
    def directory() -> str:
        process = site.show("webhooks.service", "MainPID")
        assert site.show("webhooks.service", "ProtectSystem") == "strict"
        return site.host.run_ok("readlink", f"/proc/{process}/cwd").strip()

    unit = "deploy/systemd/webhooks.service"  # its name starts like web.socket's
    site.commit("Add a worker", **{unit: WORKER.format(user=site.user, slug=site.slug)})
    site.run_readme("make release")
    first = directory()
    assert first == site.host.run_ok("readlink", f"{site.home}/current").strip()
    site.host.run_ok("touch", f"{site.home}/checkout/notes.txt")
    assert "Not committed, so not deployed: ?? notes.txt" in site.make("release").stdout
    assert directory() == site.host.run_ok("readlink", f"{site.home}/current").strip() != first
    (site.project / unit).unlink()
    site.commit("Remove the worker")
    site.run_readme("make release")
    assert site.host.run("systemctl", "status", f"{site.slug}-webhooks").returncode == 4  # unknown


def test_staging(site):
    """Another instance on the same server, from the same repository."""
    host = site.host
    production = site.show("web@current.service", "MainPID")
    site.run_readme("make install NAME")
    staging = site.instance("staging", f"staging.{site.domain}")
    staging.create_superusers(VISITORS[:1])
    staging.wait_until_healthy()
    assert "x-robots-tag: noindex" in staging.request("/", "--head")[1].lower()
    assert "x-robots-tag" not in site.request("/", "--head")[1].lower()
    assert "Subject:" in staging.manage("sendtestemail", "eve@client.example")

    host.run_ok("sh", "-c", "echo BASIC_AUTH=ada:secret >>/etc/staging.env")
    host.run_ok("make", "-C", "/srv/staging/checkout", "restart")
    static = staging.public.removeprefix(staging.web_root) + "/static/admin/css/base.css"
    for path in ("/", static):
        assert staging.request(path)[0] == 401
        assert staging.request(path, "--user", "ada:secret")[0] == 200
    assert site.request("/")[0] == 200

    site.run_readme("make -C /srv/staging/checkout copy")
    users = "from accounts.models import User; print(*User.objects.order_by('pk'))"
    shell = ("shell", "--no-imports", "--command", users)
    assert staging.manage(*shell) == site.manage(*shell)
    uploads = {path.removeprefix(site.media) for path in site.stored_uploads()}
    copies = {path.removeprefix(staging.media) for path in staging.stored_uploads()}
    assert copies >= {path for path in uploads if not path.endswith(".part")}
    assert host.run_ok("find", staging.media, "-not", "-user", "staging") == ""
    assert site.make("copy", "FROM=staging").returncode  # production is not overwritten
    assert site.show("web@current.service", "MainPID") == production

    # nginx starts without the other site, and the newest of the shared files stays.
    host.run_ok("mv", staging.home, "/srv/aside")
    host.run_ok("systemctl", "restart", "nginx")
    site.wait_until_healthy()
    host.run_ok("mv", "/srv/aside", staging.home)
    shared = "/etc/nginx/conf.d/default_server.conf"
    for version in ("99", "0"):
        host.run_ok("sed", "-i", rf"s/^# Version [0-9]*\./# Version {version}./", shared)
        host.run_ok("make", "-C", "/srv/staging/checkout", "release")
        assert ("Version 99" in host.run_ok("cat", shared)) == (version == "99")
    assert "Version 0" not in host.run_ok("cat", shared)

    host.run_ok("make", "-C", "/srv/staging/checkout", "uninstall", "DATA=delete")
    found = host.run_ok("find", "/etc", "/srv", "/var", "-name", "*staging*", "-xdev")
    assert [path for path in found.split() if not path.startswith((site.home, "/var/cache"))] == []
    assert host.run("getent", "group", "staging").returncode
    site.wait_until_healthy()


# 3. Faults


@pytest.mark.one_host
@pytest.mark.parametrize("process", ["worker", "master"])
def test_killed_gunicorn_recovers(site, process):
    master = site.show("web@current.service", "MainPID")
    assert int(master) > 1  # `kill 0` would kill the tests
    killed = master
    if process == "worker":
        killed = site.host.run_ok("pgrep", "--parent", master).split()[0]
    site.host.run_ok("kill", "-9", killed)
    if process == "master":  # its workers lose what they still accept
        site.host.wait(lambda: site.show("web@current.service", "MainPID") != master, "end")
    status, page = site.request("/")  # the connection waits in the socket
    if status == 503 and process == "master":  # a dying worker had accepted it
        print(site.host.run("tail", "-n", "5", "/var/log/nginx/error.log").stdout)
        print(site.host.journal())
        assert "Back in a moment" in page
        status, _ = site.request("/")
    assert status == 200
    site.wait_until_healthy()


@pytest.mark.one_host
def test_killed_nginx_recovers(site):
    def master() -> str:
        return site.host.run_ok("systemctl", "show", "nginx", "--property=MainPID", "--value")

    killed = master()
    assert int(killed) > 1
    site.host.run_ok("kill", "-9", killed.strip())
    # Its workers may respond a while longer, and end in the middle of the probe.
    site.host.wait(lambda: int(master()) and master() != killed, "nginx", 60)
    site.wait_until_healthy()


@pytest.mark.one_host
def test_open_file_limit_of_nginx(site):
    """open_file_cache keeps up to 1000 files of each kind open; the default limit is 1024."""
    host, number = site.host, 1500
    directories = [f"{site.media}/many", f"{site.public}/static/many"]
    for directory in directories:
        host.run_ok("install", "-d", "-o", site.user, "-g", site.user, directory)
        make = f"cd {directory}; for i in $(seq {number}); do echo $i >$i.txt; done; chmod 644 *"
        host.run_ok("sh", "-euc", make)
        url = f"{directory.removeprefix(site.web_root)}/[1-{number}].txt"
        site.request(url, "--output", "/dev/null")  # most of them stay open now
    statuses = host.run(*site.curl(url, "--output", "/dev/null")).stdout.split()
    assert statuses == ["200"] * number
    site.wait_until_healthy()
    host.run_ok("rm", "-r", *directories)


@pytest.mark.one_host
def test_connections_wait_for_gunicorn(site):
    environment, aside = f"/etc/{site.slug}.env", f"/etc/{site.slug}.env.aside"
    site.host.run_ok("mv", environment, aside)
    site.host.run("systemctl", "restart", f"{site.slug}-web@current")
    code = "import sys, traffic; traffic.Visitor(sys.argv[1]).page()"
    waiting = [site.start_visitor("-c", code, site.domain) for _ in range(40)]
    time.sleep(5)
    site.host.run_ok("mv", aside, environment)
    site.wait_until_healthy()
    for visitor in waiting:  # their connections waited in the socket
        visitor.communicate()
        assert visitor.returncode == 0


@pytest.mark.one_host
def test_full_disk_fails_uploads_only(site):
    with site.mounted("size=256k"):
        site.wait_until_healthy()
        filler = f"{site.media}/filler"
        site.host.run("dd", "if=/dev/zero", f"of={filler}", "bs=1k", "count=200")
        before = site.stored_uploads()
        assert_error_page(site.failing_upload())
        assert site.stored_uploads() == before
        site.host.run_ok("rm", filler)
        site.wait_until_healthy()
    site.wait_until_healthy()


@pytest.mark.one_host
def test_read_only_disk_fails_uploads_only(site):
    with site.mounted("size=1m"):
        site.host.run_ok("mount", "-o", "remount,ro", site.media)
        assert_error_page(site.failing_upload())
        site.host.run_ok("mount", "-o", "remount,rw", site.media)
        site.wait_until_healthy()
    site.wait_until_healthy()


@pytest.mark.one_host
def test_unmounted_uploads_recover(site):
    host = site.host
    disk, restart = "/mnt/uploads", ["systemctl", "restart", f"{site.slug}-web@current"]
    host.run_ok("mv", site.media, disk)
    host.run_ok("mkdir", site.media)  # owned by root: nothing can be written below the mount point
    host.run_ok("mount", "--bind", disk, site.media)
    host.run_ok(*restart)
    site.wait_until_healthy()
    before = site.stored_uploads()
    for while_gone in (["true"], restart):  # while the service runs; before it starts
        host.run_ok("umount", "--lazy", site.media)
        host.run_ok(*while_gone)
        assert_error_page(site.failing_upload())
        assert site.stored_uploads() == set()
        host.run_ok("mount", "--bind", disk, site.media)
        site.wait_until_healthy()
        assert before <= site.stored_uploads()
    host.run_ok("umount", "--lazy", site.media)
    host.run_ok("rmdir", site.media)
    host.run_ok("mv", disk, site.media)
    host.run_ok(*restart)
    site.wait_until_healthy()


@pytest.mark.one_host
def test_locked_database_is_waited_for(site):
    database = f"/var/lib/{site.slug}/db.sqlite3"
    code = (
        "import sqlite3, sys, time\n"
        f"sqlite3.connect({database!r}, isolation_level=None).execute('BEGIN EXCLUSIVE')\n"
    )
    command = site.host.command("python3", "-c", code + "print(flush=True); time.sleep(5)")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        assert site.request("/")[0] == 200  # without a session no database is needed
        assert site.visit().returncode == 0  # signing in waits
    site.wait_until_healthy()


@pytest.mark.one_host
def test_unreachable_database_recovers(site):
    directory = f"/var/lib/{site.slug}"
    site.host.run_ok("chmod", "0", directory)
    assert_error_page(site.request_with_session("/admin/"))
    assert site.request("/")[0] == 200
    site.host.run_ok("chmod", "710", directory)
    site.wait_until_healthy()


# 4. Failed releases

FAULTS = {
    "migration": {
        "accounts/migrations/0099_broken.py": """
            from django.db import migrations
            class Migration(migrations.Migration):
                dependencies = [("accounts", "0001_initial")]
                operations = [migrations.RunSQL("ALTER TABLE nowhere ADD COLUMN x int")]
            """
    },
    "settings": {"config/settings.py": "import no_such_module"},
    "manifest": {"welcome/templates/welcome/page.html": "{% load static %}{% static 'gone.css' %}"},
    "gunicorn": {"gunicorn.conf.py": "worker_class = 'no_such_class'"},
    "nginx": {"nginx/tls.conf": "ssl_protocols TLSv9;"},
    # Only the probe notices it.
    "behaviour": {"nginx/upload_headers.conf": lambda text: re.sub(".* nosniff .*", "", text)},
    "unit": {"deploy/systemd/web@.service": "[Service]\nExecStart=/no/such/file\n"},
    "lock": {"pyproject.toml": lambda text: text.replace('"pillow', '"requests", "pillow')},
}


# nginx and systemd differ from host to host.
DIFFERENT = {"nginx", "unit", "behaviour"}


@pytest.mark.parametrize(
    "fault",
    [pytest.param(f, marks=[] if f in DIFFERENT else pytest.mark.one_host) for f in FAULTS],
)
def test_failed_release(site, fault):
    previous = site.host.run_ok("readlink", f"{site.home}/current")
    stylesheet = site.stylesheet()
    site.change_stylesheet(0)
    good = git(site.project, "rev-parse", "HEAD").strip()
    for name, text in FAULTS[fault].items():
        if callable(text):
            text = text((site.project / name).read_text())
        (site.project / name).write_text(textwrap.dedent(text))
    if fault == "migration":  # after the last migration
        last = sorted((site.project / "accounts/migrations").glob("0*.py"))[-2].stem
        broken = site.project / "accounts/migrations/0099_broken.py"
        broken.write_text(broken.read_text().replace("0001_initial", last))
    site.commit(f"Break the {fault}")
    with site.visitors(40) as report:
        done = site.make("release")
    git(site.project, "read-tree", "--reset", "-u", good)
    site.commit(f"Fix the {fault}")
    print(done.stdout)
    assert done.returncode != 0
    early = fault in {"settings", "lock"}
    migrated = "" if early else "; migrations that ran stay applied"
    assert f"The previous release is still live{migrated}. Fix the problem" in done.stdout
    assert ("Switching traffic" in done.stdout) == (fault == "behaviour")
    # A reload of nginx closes idle connections; browsers repeat the request on another.
    closed = "closed without a response|ConnectionResetError|BrokenPipeError|SSLEOFError"
    closed = closed if fault == "behaviour" else "^$"
    assert [failure for failure in report["failures"] if not re.search(closed, failure)] == []
    assert site.host.run_ok("readlink", f"{site.home}/current") == previous
    assert report["stylesheets"] == [stylesheet] or fault == "behaviour"
    assert site.stylesheet() == stylesheet
    site.wait_until_healthy()


@pytest.mark.one_host
def test_release_after_failed_ones(site):
    """A release does not contain the .env of local development, even if it was committed."""
    stylesheet = site.stylesheet()
    (site.project / ".env").write_text("LOCAL_DEV=1\nDEBUG=1\n")
    git(site.project, "add", "--force", ".env")
    site.commit("Commit .env by mistake")
    site.run_readme("make release")
    assert site.stylesheet() != stylesheet
    assert ".env" not in site.host.run_ok("ls", "-A", f"{site.home}/current/").split()
    git(site.project, "rm", "--quiet", ".env")
    site.commit("Remove .env")


# 5. A release behind Basic Auth


@pytest.mark.one_host
def test_release_behind_basic_auth(site):
    """Of the site's own making: the probe of a release has the credentials in PROBE_OPTIONS."""
    conf, environment = site.project / "nginx/site.conf", f"/etc/{site.slug}.env"
    public = conf.read_text()
    protected = "    auth_basic staging;\n    auth_basic_user_file /etc/nginx/staging;\n    root /"
    conf.write_text(public.replace("    root /", protected, 1))
    site.host.run_ok("sh", "-c", "echo 'ada:{PLAIN}a b' >/etc/nginx/staging")
    site.commit("Protect the site")
    assert "static-file" in site.make("release").stdout  # 401
    option = 'PROBE_OPTIONS=--header "Authorization: Basic YWRhOmEgYg=="'
    site.host.run_ok("sh", "-c", f"echo '{option}' >>{environment}")
    done = site.make("release")
    assert done.returncode == 0, done.stdout
    assert site.request("/")[0] == 401
    conf.write_text(public)
    site.commit("Open the site")
    site.host.run_ok("sed", "-i", "/^PROBE_OPTIONS/d", environment)
    assert site.make("release").returncode == 0


# 6. Power failures


@pytest.mark.one_host
def test_power_failure_during_collectstatic(site):
    stylesheet = site.stylesheet()
    site.change_stylesheet()
    command = site.host.command("make", "-C", f"{site.home}/checkout", "release")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as release:
        for line in release.stderr:
            if "Collecting" in line:
                break
        site.host.wait(
            lambda: site.host.run("pgrep", "-f", "manage.py collectstatic").returncode == 0,
            "collectstatic",
        )
        time.sleep(0.4)
        site.host.cut_power()
    site.host.on()
    site.wait_until_healthy()
    assert site.stylesheet() == stylesheet
    site.run_readme("make release")
    assert site.stylesheet() != stylesheet


@pytest.mark.one_host
@pytest.mark.parametrize("fault", [False, True])
def test_power_failure_before_the_probe(site, fault):
    """What goes live at boot passes the probe; otherwise it is the previous release."""
    old = site.host.run_ok("readlink", f"{site.home}/current")
    headers = site.project / "nginx/upload_headers.conf"
    good = headers.read_text()
    if fault:
        headers.write_text(re.sub(".* nosniff .*", "", good))
    site.change_stylesheet()
    command = site.host.command("make", "-C", f"{site.home}/checkout", "release")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as release:
        assert any("Probing" in line for line in release.stderr)
        site.host.cut_power()
    site.host.on()
    site.wait_until_healthy()
    live = site.host.run_ok("readlink", f"{site.home}/current")
    assert (live == old) == fault
    if fault:
        site.commit("Correct the header", **{"nginx/upload_headers.conf": good})
    else:
        assert site.host.run_ok("readlink", f"{site.home}/previous") == old


@pytest.mark.one_host
def test_power_failure_during_uploads(site):
    code = (
        "import sys, time, traffic\n"
        "v = traffic.Visitor(sys.argv[1])\n"
        "v.sign_in('eve', sys.argv[2])\n"
        "while True:\n"
        "    print(v.upload(traffic.picture(sys.argv[3], 1000)), flush=True)\n"
    )
    before = site.stored_uploads()
    uploader = site.start_visitor("-c", code, site.domain, PASSWORD, str(time.time()))
    stored = [uploader.stdout.readline().strip()]
    time.sleep(1.5)
    site.host.cut_power()
    stored += uploader.communicate()[0].split()
    site.host.on()
    site.wait_until_healthy()
    new = site.stored_uploads() - before
    assert len(stored) > 1
    for src in stored:  # every upload with a response exists
        assert site.request(src, "--output", "/dev/null")[0] == 200
    for path in new:  # every visible upload is complete
        if not Path(path).name.startswith("."):
            end = site.host.run_ok("sh", "-c", f"tail -c 12 {path} | od -An -tx1").split()
            assert end[-8:-4] == ["49", "45", "4e", "44"], path  # IEND


# 7. Attackers who run their own code in the application


@pytest.fixture(scope="module")
def sandbox_context(site):
    """Files and processes that an attacker may reach for, and sandbox_escape.py's arguments."""
    site.host.run_ok(
        *("sh", "-euc"),
        """
        umask 077
        echo SECRET_KEY=x >/etc/other_site.env
        echo x >/etc/of_another
        chown www-data /etc/of_another
        install -m 4755 /usr/bin/cat /usr/local/bin/cat-as-root
        install -d -m 755 /home/open /usr/lib/modules
        install -d -m 1777 /srv/open
        umask 022
        echo x | tee /home/open/notes /tmp/of_another /dev/shm/of_another \\
            /dev/of_the_host /usr/lib/modules/x >/dev/kmsg
        """,
    )
    return {
        **{"home": site.home, "public": site.public, "slug": site.slug},
        "key": f"/etc/ssl/{site.domain}/privkey.pem",
        "nginx": int(site.host.run_ok("cat", "/run/nginx.pid")),
    }


def succeeded(outcomes: dict[str, str]) -> set[str]:
    """Return the names of the attempts that succeeded."""
    return {name for name, outcome in outcomes.items() if outcome.startswith("done")}


RUN_VISITORS_CODE = """
import json
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
@csrf_exempt
def run(request):
    space = {}
    exec(request.body, space)
    return HttpResponse(json.dumps(space["result"]))
urlpatterns.append(path("run/", run))
"""


def test_sandbox_stops_all_attempts(site, sandbox_context):
    host = site.host
    good = git(site.project, "rev-parse", "HEAD").strip()
    urls = site.project / "config/urls.py"
    urls.write_text(urls.read_text() + RUN_VISITORS_CODE)
    site.commit("Let visitors run code")
    site.run_readme("make release")
    shared = site.repository / "attack.py"  # in a directory that is mounted on the host
    program = Path(sandbox_escape.__file__).read_text()
    shared.write_text(f"{program}\nresult = main({sandbox_context!r})")
    status, body = site.request("/run/", "--data-binary", "@/repository.git/attack.py")
    assert status == 200, body
    outcomes = json.loads(body)
    print(json.dumps(outcomes, indent=1))
    assert succeeded(outcomes["attempts"]) == set()
    assert succeeded(outcomes["work"]) == set(outcomes["work"])

    # The release that removes this view waits for no slow request, and neither do visitors.
    git(site.project, "read-tree", "--reset", "-u", good)
    site.change_stylesheet()
    slow = "import subprocess; result = subprocess.run(['sleep', '35']).returncode"
    shared.write_text(slow)
    release = host.command("make", "-C", f"{site.home}/checkout", "release")
    with subprocess.Popen(release, stderr=subprocess.PIPE, text=True) as releasing:
        for line in releasing.stderr:
            if "Migrating" in line:
                attack = site.curl("/run/", "--data-binary", "@/repository.git/attack.py")
                slow = [
                    subprocess.Popen(host.command(*attack), stdout=subprocess.PIPE, text=True)
                    for _ in range(9)  # more than gunicorn has workers
                ]
            if "Switching traffic" in line:
                break
        time.sleep(1)
        for _ in range(5):
            site.stylesheet()
        assert [request.poll() for request in slow] == [None] * 9
        assert "is live" in releasing.stderr.read()
    assert {request.communicate()[0] for request in slow} == {"0\n200"}
    shared.unlink()
    assert site.request("/run/", "--data", "x=1")[0] == 404


def test_each_sandbox_directive_is_needed(site, sandbox_context):
    text = (site.project / "deploy/systemd/sandbox.conf").read_text()
    directives = [line for line in text.splitlines() if line and line[0] not in "#["]
    limits = ("MemoryMax=", "TasksMax=", "OOMPolicy=")  # no attempt: see test_limits_of_a_service
    directives = [line for line in directives if not line.startswith(limits)]
    shutil.copy(sandbox_escape.__file__, site.repository)

    def attack(directives: list[str], user: str) -> dict[str, dict[str, str]]:
        output = site.host.run(
            *("systemd-run", "--quiet", "--collect", "--wait", "--pipe", "--service-type=exec"),
            *(f"--property=User={user}", *(f"--property={directive}" for directive in directives)),
            *("python3", "/repository.git/sandbox_escape.py", json.dumps(sandbox_context)),
        ).stdout
        # Without SystemCallErrorNumber a refused system call kills the program.
        return json.loads(output) if output.startswith("{") else {"attempts": {}, "work": {}}

    bare = {user: succeeded(attack([], user)["attempts"]) for user in (site.user, "root")}
    useless = []
    for directive in directives:
        without = attack([other for other in directives if other != directive], site.user)
        if succeeded(without["attempts"]) or len(succeeded(without["work"])) < 3:
            stops = "without it", succeeded(without["attempts"]) or "it cannot work"
        else:  # another directive stops the same: this one must do so alone
            alone = {user: succeeded(attack([directive], user)["attempts"]) for user in bare}
            stops = "alone", set().union(*(bare[user] - alone[user] for user in bare))
        print(f"{directive[:50]:50} {stops}")
        useless += [directive] if not stops[1] else []
    assert succeeded(attack(directives, site.user)["attempts"]) == set()
    assert succeeded(attack(directives, "root")["attempts"]) == set()
    assert useless == []


# 8. Backup, cleanup, PostgreSQL


def test_backup_and_restore(site):
    # /tmp can be memory: nothing is copied there.
    site.host.run_ok("mount", "-t", "tmpfs", "-o", "size=64k,mode=1777", "tmpfs", "/tmp")
    try:
        lose_and_restore(site)
    finally:
        site.host.run_ok("umount", "/tmp")
    output = site.make("restore")
    assert output.returncode and "No backup at FROM=''" in output.stdout


def lose_and_restore(site) -> None:
    """Delete database and uploads, and restore both: from backups under load and at rest."""
    models = "import os; from django.contrib.auth import get_user_model\n"
    models += "from welcome.models import Photo\n"
    rows = (
        "for user in get_user_model().objects.order_by('pk'):\n"
        "    print(user.username)\n"
        "for photo in Photo.objects.order_by('pk'):\n"
        "    print(photo.image.name, os.path.exists(photo.image.path))"
    )

    def shell(code: str) -> str:
        return site.manage("shell", "--no-imports", "--command", models + code)

    def list_rows() -> list[str]:
        return shell(rows).splitlines()

    def make_backup() -> str:
        return site.run_readme("make backup").split()[-1]

    def lose_and_restore_from(backup: str) -> None:
        shell("get_user_model().objects.all().delete(); Photo.objects.all().delete()")
        site.host.run_ok("sh", "-c", f"rm -r {site.media}/*")
        assert list_rows() == []
        restore = site.command("make restore")
        command = re.sub(r"FROM=\S+", f"FROM={backup}", restore)
        site.host.run_readme(command, f"{site.home}/checkout")
        site.host.ran[-1] = restore

    shell("Photo.objects.all().delete()")  # some were on file systems of earlier tests
    site.wait_until_healthy()
    with site.visitors(100) as report:
        busy = make_backup()
        time.sleep(1)
    assert report["failures"] == []
    site.host.run_ok("find", site.media, "-name", ".*.part", "-delete")  # of the power failure
    quiet, before, uploads = make_backup(), list_rows(), site.stored_uploads()
    assert site.host.run_ok("stat", "-c", "%U %a", busy).strip() == "root 600"
    assert before[: len(VISITORS)] == VISITORS

    lose_and_restore_from(quiet)
    assert list_rows() == before
    assert site.stored_uploads() == uploads
    assert site.make("restore", f"FROM=/var/backups/{site.slug}/replaced.tar").returncode == 0
    assert list_rows() == []  # what the first restore replaced
    lose_and_restore_from(busy)
    users, photos = list_rows()[: len(VISITORS)], list_rows()[len(VISITORS) :]
    assert users == VISITORS
    assert photos and set(photos) <= set(before)
    assert [photo for photo in photos if not photo.endswith(" True")] == []  # no file is missing
    site.wait_until_healthy()


def test_daily_backup(site):
    site.run_readme("systemctl enable --now deploy-")
    backups = f"/var/backups/{site.slug}"
    old = [f"{backups}/20200101-0000{number:02}.tar" for number in range(14)]
    site.host.run_ok("sh", "-c", f"rm {backups}/20*.tar")
    site.host.run_ok("touch", *old)
    site.host.run_ok("systemctl", "start", f"deploy-{site.slug}-task@backup")
    left = site.host.run_ok("sh", "-c", f"ls {backups}/20*.tar").split()
    assert left[:-1] == old[1:]  # the newest 14


def test_deploy_user(site):
    site.run_readme("useradd")
    site.run_readme("echo 'deploy")
    (release,) = re.findall(r"run: ssh \S+ (sudo make .*)$", site.text, re.MULTILINE)
    site.change_stylesheet()
    keep = f'Defaults env_keep += "{" ".join(OFFLINE)}"'  # sudo removes them
    site.host.run_ok("sh", "-c", f"echo '{keep}' >/etc/sudoers.d/tests")
    # The checkout can be theirs. /repository.git, which stands for a remote one, is root's.
    safe = ("config", "--system", "--add", "safe.directory", "/repository.git")
    site.host.run_ok("git", *safe)
    site.host.run_ok("chown", "-R", "deploy:", f"{site.home}/checkout")
    done = site.host.run("runuser", "-u", "deploy", "--", *release.split())
    assert done.returncode == 0, done.stdout
    assert site.host.run_ok("find", f"{site.home}/current/", "-user", "deploy") == ""
    site.host.run_ok("chown", "-R", "root:", f"{site.home}/checkout")
    other = "sudo", "--non-interactive", "make", "-C", f"{site.home}/checkout", "uninstall"
    assert site.host.run("runuser", "-u", "deploy", "--", *other).returncode


@pytest.mark.one_host
def test_prune(site):
    host = site.host
    static = f"{site.public}/static"
    previous = Path(host.run_ok("readlink", f"{site.home}/previous").strip())
    manifest = json.loads(host.run_ok("cat", previous / "staticfiles.json"))
    middle = f"{static}/{manifest['paths']['welcome/welcome.css']}".removeprefix(site.web_root)
    new = site.stylesheet()
    found = host.run_ok("sh", "-c", f"ls {static}/welcome/welcome.*.css").split()
    old = {path.removeprefix(site.web_root) for path in found} - {middle, new}
    assert old  # of the first releases
    uploads = site.stored_uploads()
    old_files = f"{site.home}/releases/* $(find {static})"
    host.run_ok("sh", "-c", f"touch -d '40 days ago' {old_files}")
    host.run_ok("sh", "-c", f"find {site.media} -exec touch -d '400 days ago' {{}} +")
    site.run_readme("make release")  # it deletes what is old
    assert {site.request(path)[0] for path in old} == {404}
    assert site.request(middle)[0] == 200  # a rollback needs it
    assert site.request(new)[0] == 200
    assert site.stored_uploads() == uploads
    assert site.make("rollback", f"TO={previous.name}").returncode == 0
    assert site.stylesheet() == middle != new


@pytest.mark.one_host
def test_postgresql(site):
    host = site.host
    host.run_ok("systemctl", "start", "postgresql")
    for statement in (
        f"CREATE ROLE site LOGIN PASSWORD '{PASSWORD}'",
        "CREATE DATABASE site OWNER site",
    ):
        host.run_ok("runuser", "-u", "postgres", "--", "psql", "-qc", statement)
    url = f"DATABASE_URL=postgres://site:{PASSWORD}@localhost/site"
    host.run_ok("sh", "-c", f"echo {url} >>/etc/{site.slug}.env")
    site.run_readme("make release")
    site.create_superusers(VISITORS)
    lose_and_restore(site)
    host.run_ok("systemctl", "stop", "postgresql@*")
    assert_error_page(site.request_with_session("/admin/"))
    assert site.request("/")[0] == 200
    host.run_ok("systemctl", "start", "postgresql")
    site.wait_until_healthy()


@pytest.mark.one_host
def test_object_storage(site):
    """A release with the five variables, an upload in the bucket, and back to the disk."""
    host, environment = site.host, f"/etc/{site.slug}.env"
    before = site.stored_uploads()
    with host.cable() as address, seaweedfs(address) as bucket:
        variables = "".join(f"{name}={value}\n" for name, value in bucket.environment.items())
        host.run_ok("sh", "-c", f"printf '{variables}' >>{environment}")
        output = site.make("restart")  # the live release was installed without the extra
        assert output.returncode and "MEDIA_BUCKET needs" in output.stdout
        site.run_readme("make release")
        url = site.upload("in the bucket")
        assert url.startswith(f"{bucket.endpoint}/{bucket.name}/s/media/")
        assert fetch(url).body == png("in the bucket", 8, 8)
        assert fetch(url.partition("?")[0]).status == 403
        assert site.stored_uploads() == before
    host.run_ok("sed", "-i", "/^MEDIA_/d; /^AWS_/d", environment)
    site.run_readme("make restart")
    site.wait_until_healthy()
    assert len(site.stored_uploads()) > len(before)


@pytest.mark.one_host
def test_application_servers(site):
    """One host as nginx's server and as an application server; a second one is never up."""
    host, environment = site.host, f"/etc/{site.slug}.env"
    address = "127.0.0.2:8000"

    def listening() -> bool:
        return address in host.run_ok("ss", "--listening", "--tcp", "--numeric")

    text = f"LISTEN={address}\nAPPLICATION_SERVERS={address},127.0.0.3:8000"
    host.run_ok("sh", "-c", f"echo '{text}' >>{environment}")
    output = site.make("restart")
    assert output.returncode and "(files.E016)" in output.stdout
    assert site.request("/")[0] == 200 and not listening()
    settings = (site.project / "config/settings.py").read_text()
    silenced = settings + 'SILENCED_SYSTEM_CHECKS += ["files.E016"]\n'
    site.commit("Uploads on a shared file system", **{"config/settings.py": silenced})
    site.run_readme("make release")
    assert listening()
    upstream = host.run_ok("sed", "-n", "/^upstream/,/^}/p", f"/etc/nginx/{site.slug}/site.conf")
    assert f"server {address} max_fails" in upstream and "fail_timeout=0 backup;" in upstream
    with site.visitors(40) as report:
        site.run_readme("make release")
    assert report["failures"] == []
    host.reboot()
    host.run_ok("systemctl", "start", "postgresql")
    site.wait_until_healthy()
    assert listening()
    host.run_ok("sed", "-i", "/^LISTEN/d; /^APPLICATION_SERVERS/d", environment)
    site.run_readme("make restart")
    assert not listening() and site.request("/")[0] == 200


def test_uninstall_keeps_the_data(site):
    host = site.host
    host.run_ok("sed", "-i", "/^DATABASE_URL/d", f"/etc/{site.slug}.env")
    site.make("restart")
    shell = ("shell", "--no-imports", "--command")
    users = (*shell, "from accounts.models import User; print(*User.objects.order_by('pk'))")
    names, uploads = site.manage(*users), site.stored_uploads()
    site.run_readme("make uninstall")
    found = host.run_ok("find", "/etc", "/srv", "/var", "-name", f"*{site.slug}*", "-xdev")
    assert set(found.split()) == {f"/var/lib/{site.slug}", f"/var/backups/{site.slug}"}
    assert site.stored_uploads() == uploads
    assert host.run("getent", "passwd", site.user).returncode
    host.run_ok("useradd", "--system", "another")  # it gets the number of the site's user
    host.run_ok("git", "clone", "/repository.git", f"{site.home}/checkout")
    installed = site.make("install")
    assert installed.returncode == 0, installed.stdout
    assert site.manage(*users) == names
    assert host.run_ok("find", site.media, "-not", "-user", site.user) == ""
    site.wait_until_healthy()


def test_all_readme_commands_were_run(site):
    assert [line for line in site.readme if line not in site.host.ran] == []
