"""The nginx directory with every supported nginx, and under static analysis."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from attacks.cases import CASES
from attacks.table import run_all
from support.commands import TEMPLATE, UV
from support.packages import RELEASES, fetch_nginx, version
from support.site import Refused, Server, free_port, lay_out, server_directory

pytestmark = pytest.mark.slow

# Findings of the analysers that are accepted, and why.
ACCEPTED = {
    "try_files_is_evil_too": "certbot's few files need no cache",
    "http2_misdirected_request": "return 444 closes the connection, so the browser retries",
    "unanchored_regex": "intended: `/.` anywhere in a URL",
    "missing_worker_processes": "belongs to the server's nginx.conf, not to a site's files",
    "weak_ssl_tls": "the default server rejects every handshake; OpenSSL's default ciphers suffice",
    "hsts_header": "Django sets it, for 30 days, until the client decides on more",
}


# Prompts that affect nginx's files, each with its default and with another answer.
CHANGED = {
    "project_slug": "other_shop",
    "domain_name": "www-1.shop.example",
    "served_url": "/files/",
    "web_root": "/srv/www",
}
COMBINATIONS = [
    dict(chosen) for count in range(5) for chosen in combinations(CHANGED.items(), count)
]


@pytest.fixture(scope="module", params=RELEASES)
def release(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def nginx(release) -> str:
    """The nginx of each release in turn."""
    return fetch_nginx(release)


@pytest.fixture
def root():
    """A directory for a server of which only nginx runs."""
    with server_directory() as root:
        yield root


def laid_out(projects: list[Path], root: Path, nginx: str, **options) -> Server:
    """Install projects on one server and return a Server of the first."""
    ports = free_port(), free_port()
    for project in projects:
        lay_out(project, root, ports, nginx, **options)
    return Server(projects[0], root, "", *ports, Path(), root / "www")


def start_and_stop(server: Server, nginx: str) -> None:
    """Start and stop nginx. Raises Refused if it does not start, or warns."""
    server.start_nginx(nginx)
    server.stop_nginx()


def test_version(release, nginx):
    assert ".".join(map(str, version(nginx))).startswith(RELEASES[release])


@pytest.mark.parametrize("brotli", [True, False])
def test_several_sites_on_one_server(bake, root, nginx, brotli):
    others = [
        bake(project_name="Other", domain_name="a-rather-long-name-of-a-shop.other.example"),
        bake(project_name="Third", served_url="/files/", web_root="/srv/www/third"),
    ]
    start_and_stop(laid_out([bake(), *others], root, nginx, brotli=brotli), nginx)


def test_default_nginx_conf_of_the_release(bake, root, nginx):
    server = laid_out([bake()], root, nginx)
    default = Path(nginx).parent.joinpath("etc/nginx/nginx.conf").read_text()
    default = default[default.index("http {") + 6 : default.rindex("include /etc/nginx/conf.d")]
    default = re.sub(r"^\s*(include|access_log|error_log) .*", "", default, flags=re.MULTILINE)
    assert "gzip on;" in default
    text = (root / "nginx.conf").read_text()
    directives = text[text.index("    # Directives") : text.index("    access_log")]
    (root / "nginx.conf").write_text(text.replace(directives, default))
    start_and_stop(server, nginx)


def test_withstands_the_attacks(site):
    assert run_all(site, [name for name, case in CASES.items() if not case.stopped]) == {}


def test_a_long_domain(bake, root):
    nginx = fetch_nginx("bookworm")
    domain = ".".join(["a" * 60, "b" * 30, "example"])
    start_and_stop(laid_out([bake(domain_name=domain)], root, nginx), nginx)


def test_a_deprecated_parameter_is_reported(bake, root):
    """The tests above would see a warning: this one keeps the parameter `http2`."""
    nginx = fetch_nginx("sid")
    server = laid_out([bake()], root, nginx)
    file = root / "conf.d/default_server.conf"
    file.write_text(file.read_text().replace("ssl default_server", "ssl http2 default_server"))
    with pytest.raises(Refused, match="deprecated"):
        start_and_stop(server, nginx)


@pytest.mark.parametrize("analyser", ["gixy-next==0.9.0 gixy-next", "gixy-ng==0.2.59 gixy"])
@pytest.mark.parametrize("answers", COMBINATIONS, ids=lambda answers: ",".join(answers) or "none")
def test_analysers_find_only_accepted(bake, tmp_path, analyser, answers):
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
    assert found <= set(ACCEPTED)
    listed = (TEMPLATE / "docs/nginx.md").read_text()
    for name in found:
        assert f"- `{name}`: {ACCEPTED[name]}." in listed
