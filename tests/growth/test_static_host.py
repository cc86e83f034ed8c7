"""STATIC_HOST: a CDN, here another nginx with a cache, fetches the static files from the site."""

import json
import re
import subprocess

import pytest

from support.commands import run
from support.packages import find_nginx
from support.site import deployed, free_port, until

pytestmark = pytest.mark.growth
CDN = """
daemon off; pid {root}/cdn.pid; error_log {root}/cdn.err; events {{}}
http {{
    access_log off; client_body_temp_path {root}/tmp/a; proxy_temp_path {root}/tmp/b;
    proxy_cache_path {root}/tmp/cdn keys_zone=cdn:1m;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {root}/ssl/fullchain.pem; ssl_certificate_key {root}/ssl/privkey.pem;
        location /s/static/ {{
            proxy_pass https://127.0.0.1:{site};
            proxy_ssl_server_name on; proxy_ssl_name {domain}; proxy_set_header Host {domain};
            proxy_cache cdn; add_header X-Cache $upstream_cache_status;
        }}
        location / {{ return 404; }}
    }}
}}
"""


@pytest.fixture(scope="module")
def cdn_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def site(project, directory, python, cdn_port):
    """The site, and its CDN."""
    host = f"127.0.0.1:{cdn_port}"
    (directory / "www/s/media").mkdir(parents=True)  # on a server, the installation creates it
    with deployed(project, directory, python(), STATIC_HOST=host) as server:
        conf = CDN.format(root=directory, port=cdn_port, site=server.https, domain=server.domain)
        (directory / "cdn.conf").write_text(conf)
        command = [find_nginx(), "-e", "stderr", "-p", directory, "-c", "cdn.conf"]
        cdn = subprocess.Popen(command)
        until(lambda: (directory / "cdn.pid").exists(), cdn)
        yield server
        cdn.terminate()
        cdn.wait(20)


def test_pages_use_the_cdn(site, cdn_port, chromium):
    browser = chromium(f"MAP {site.domain}:443 127.0.0.1:{site.https}")
    page = browser.new_page(ignore_https_errors=True)
    cached = []
    page.on("response", lambda r: "/static/" in r.url and cached.append(r.headers.get("x-cache")))
    for _ in range(2):
        page.goto(f"https://{site.domain}/admin/login/")
    style = page.locator("link[rel=stylesheet]").first.get_attribute("href")
    start = f"https://127.0.0.1:{cdn_port}/s/static/admin/css/base."
    assert re.fullmatch(rf"{re.escape(start)}[0-9a-f]{{12}}\.css", style)
    assert None not in cached and len(cached) > 2
    assert page.evaluate("document.styleSheets.length") > 0
    # As a font or a module is requested.
    assert page.evaluate(f"fetch('{style}', {{mode: 'cors'}}).then(r => r.status)") == 200
    browser.close()


def test_probe(site):
    command = [site.python, "manage.py", "probe", f"https://{site.domain}/", "--json", "--insecure"]
    command += ["--connect", f"127.0.0.1:{site.https}", "--skip", "other-locations"]
    done = run(*command, cwd=site.project, **site.environment)
    report = {line["name"]: line for line in json.loads(done.stdout)}
    assert not [line for line in report.values() if line["ok"] is False]
    assert report["static-file"]["ok"] and report["hashed-static-file"]["ok"]
