"""The nginx directory on every nginx a site may run on, and what analysers say of it."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import attack
import pytest
from conftest import TEMPLATE, UV
from servers import RELEASES, Refused, Server, deployed, fetch_nginx, free_port, lay_out, version
from test_attacks import open_to_attack, settings

pytestmark = pytest.mark.slow

# What the analysers find, and why it stays.
ANSWERED = {
    "http2_misdirected_request": "return 444 already closes the line, so a browser asks anew",
    "unanchored_regex": "two characters, to be found anywhere in a name",
    "missing_worker_processes": "the machine's nginx.conf says it, not a site's files",
    "weak_ssl_tls": "the server without a protocol refuses every handshake; OpenSSL's ciphers do",
    "hsts_header": "Django says it for its pages; 30 days, until the client is sure",
}


# The answers that reach nginx's files, each as it is by default and changed.
CHANGED = {
    "project_slug": "other_shop",
    "domain_name": "www-1.shop.example",
    "served_url": "/files/",
    "web_root": "/srv/www",
}
COMBINATIONS = [
    dict(chosen) for count in range(5) for chosen in combinations(CHANGED.items(), count)
]


def laid_out(projects: list[Path], root: Path, nginx: str, **options) -> Server:
    """Lay projects out on one machine and return a server of the first."""
    ports = free_port(), free_port()
    for project in projects:
        lay_out(project, root, ports, nginx, **options)
    return Server(projects[0], root, "", *ports, Path(), root / "www")


def takes(server: Server, nginx: str) -> None:
    """Start and stop nginx. Raises Refused where it does not start, or warns."""
    server.start_nginx(nginx)
    server.stop_nginx()


@pytest.mark.parametrize("release", RELEASES)
class TestEachRelease:
    def test_is_the_version_it_stands_for(self, release):
        found = ".".join(map(str, version(fetch_nginx(release))))
        assert found.startswith(RELEASES[release])

    @pytest.mark.parametrize("brotli", [True, False])
    def test_several_sites_share_a_machine_without_a_warning(self, bake, folder, release, brotli):
        others = [
            bake(project_name="Other", domain_name="a-rather-long-name-of-a-shop.other.example"),
            bake(project_name="Third", served_url="/files/", web_root="/srv/third"),
        ]
        root = folder / f"{release}-{brotli}"
        root.mkdir()
        nginx = fetch_nginx(release)
        takes(laid_out([bake(), *others], root, nginx, brotli=brotli), nginx)

    def test_gets_along_with_the_releases_own_nginx_conf(self, bake, folder, release):
        root = folder / f"own-{release}"
        root.mkdir()
        nginx = fetch_nginx(release)
        server = laid_out([bake()], root, nginx)
        own = Path(nginx).parent.joinpath("etc/nginx/nginx.conf").read_text()
        own = own[own.index("http {") + 6 : own.rindex("include /etc/nginx/conf.d")]
        own = re.sub(r"^\s*(include|access_log|error_log) .*", "", own, flags=re.MULTILINE)
        assert "gzip on;" in own
        ours = (root / "nginx.conf").read_text()
        careless = ours[ours.index("    # What") : ours.index("    access_log")]
        (root / "nginx.conf").write_text(ours.replace(careless, own))
        takes(server, nginx)

    def test_withstands_the_attacks(self, copy_of, python, folder, release):
        root = folder / release
        root.mkdir()
        project = copy_of(web_root=f"{root}/www")
        with deployed(project, root, python(), fetch_nginx(release), **settings(root)) as server:
            site = open_to_attack(server)
            try:
                assert attack.run_all(site) == {}
            finally:
                (site.media / "closed").chmod(0o700)


def test_a_long_domain_is_taken(bake, folder):
    root = folder / "long"
    root.mkdir()
    nginx = fetch_nginx("bookworm")
    domain = ".".join(["a" * 60, "b" * 30, "example"])
    takes(laid_out([bake(domain_name=domain)], root, nginx), nginx)


def test_a_forgotten_step_is_noticed(bake, folder):
    """The test above would see a warning: this one leaves the word `http2` in."""
    root = folder / "warned"
    root.mkdir()
    nginx = fetch_nginx("sid")
    server = laid_out([bake()], root, nginx)
    machine = root / "conf.d/default_server.conf"
    machine.write_text(
        machine.read_text().replace("ssl default_server", "ssl http2 default_server")
    )
    with pytest.raises(Refused, match="deprecated"):
        takes(server, nginx)


@pytest.mark.parametrize("analyser", ["gixy-next==0.9.0 gixy-next", "gixy-ng==0.2.59 gixy"])
@pytest.mark.parametrize("answers", COMBINATIONS, ids=lambda answers: ",".join(answers) or "none")
def test_analysers_find_nothing_unanswered(bake, tmp_path, analyser, answers):
    package, command = analyser.split()
    files = bake(**answers) / "nginx"
    slug = files.parent.name
    shutil.copytree(files, tmp_path / slug)
    sites = "default_server.conf", "site.conf", "media_domain.conf"
    includes = "".join(f"include {slug}/{name};\n" for name in sites)
    (tmp_path / "nginx.conf").write_text(f"events {{}}\nhttp {{\n{includes}}}\n")
    done = subprocess.run(
        [UV, "tool", "run", "--quiet", "--from", package, command, "-f", "json", "nginx.conf"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("["), done.stderr
    found = {finding["plugin"] for finding in json.loads(done.stdout)}
    assert found <= set(ANSWERED)
    listed = (TEMPLATE / "docs/nginx.md").read_text()
    for name in found:
        assert f"- `{name}`: {ANSWERED[name]}." in listed


def test_the_folder_is_short_and_says_why(bake):
    files = [*(bake() / "nginx").rglob("*.conf")]
    assert sum(len(file.read_text().splitlines()) for file in files) < 250
    for file in files:
        assert file.read_text().startswith("#") or file.name == "tls.conf", file
