"""A real browser opens hostile uploads in every way it can: no script runs, no cookie is read."""

import shutil

import attack
import pytest
from servers import deployed, rendered_for
from test_attacks import open_to_attack, settings

pytestmark = pytest.mark.slow
TELL = (
    "fetch('/echo/?ran-NAME-'+encodeURIComponent(document.cookie),{mode:'no-cors'});"
    "document.title='ran'"
)
HTML = f'<!doctype html><title>quiet</title><script>{TELL}</script><img src=x onerror="{TELL}">'
SVG = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="{TELL}">'
    f'<rect width="9" height="9"/><script>{TELL}</script></svg>'
)
PDF = f"""%PDF-1.7
1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS({TELL})>>>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj
trailer<</Root 1 0 R>>"""
UPLOADS = {
    "page.html": HTML.encode(),
    "page.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><script>{TELL}</script></html>'.encode(),
    "page.xml": f'<x:script xmlns:x="http://www.w3.org/1999/xhtml">{TELL}</x:script>'.encode(),
    "page.svg": SVG.encode(),
    "page.pdf": PDF.encode(),
    "page": HTML.encode(),
    "page.png": HTML.encode(),
    "page.txt": HTML.encode(),
    "both.png": attack.PNG + HTML.encode(),
    "both.gif": attack.GIF + HTML.encode(),
    "page.mp4": HTML.encode(),
}
WAYS = ("address", "link", "iframe", "object", "embed", "image", "script", "style", "import")


@pytest.fixture(scope="module")
def server(copy_of, python, folder):
    project = copy_of(**rendered_for(folder))
    with deployed(project, folder, python(), **settings(folder)) as server:
        server.site = open_to_attack(server)
        bait = server.web_root / "s/media/browser"
        bait.mkdir()
        for name, content in UPLOADS.items():
            (bait / name).write_bytes(content.replace(b"NAME", name.encode()))
        yield server
        (server.web_root / "s/media/closed").chmod(0o700)


@pytest.fixture(scope="module")
def browser(chromium, server):
    site = server.site
    browser = chromium(f"MAP {site.domain}:443 127.0.0.1:{site.https}")
    yield browser
    browser.close()


def visit(browser, site, folder: str, name: str, way: str) -> tuple[list[str], bool]:
    """Open an upload as a signed-in visitor does. Return what ran, and whether a picture showed."""
    context = browser.new_context(ignore_https_errors=True)
    context.add_cookies([{"name": "readable", "value": "cookie", "domain": site.domain,
                          "path": "/", "secure": True}])  # fmt: skip
    page = context.new_page()
    ran = []
    context.on(
        "request", lambda request: ran.append(request.url) if "ran-" in request.url else None
    )
    context.on("dialog", lambda dialog: ran.append("dialog"))
    url = f"https://{site.domain}{folder}{name}"
    page.goto(f"https://{site.domain}/echo/")
    shown = False
    if way == "address":
        try:
            page.goto(url)
        except Exception as error:  # a download is no page
            assert "Download is starting" in str(error) or "ERR_" in str(error), error
    elif way == "link":
        page.evaluate(
            """url => {
                const link = document.createElement('a');
                link.href = url;
                link.textContent = 'x';
                document.body.replaceChildren(link);
            }""",
            url,
        )
        page.click("a")
    else:
        shown = page.evaluate(
            """([way, url]) => new Promise(done => {
                const tag = {iframe: 'iframe', object: 'object', embed: 'embed', image: 'img',
                             script: 'script', style: 'link', import: 'script'}[way];
                const element = document.createElement(tag);
                if (way === 'import') {
                    element.type = 'module';
                    element.textContent = `import ${JSON.stringify(url)}`;
                }
                else if (way === 'object') element.data = url;
                else if (way === 'style') { element.rel = 'stylesheet'; element.href = url }
                else element.src = url;
                element.onload = () => done(true);
                element.onerror = () => done(false);
                setTimeout(() => done(false), 400);
                document.body.append(element);
            })""",
            [way, url],
        )
    page.wait_for_timeout(120)
    ran += [f.url for p in context.pages for f in p.frames if title(f) == "ran"]
    context.close()
    return ran, shown


def title(frame) -> str:
    try:
        return frame.title()
    except Exception:  # it is gone
        return ""


def test_the_bait_is_real(browser, server):
    """Where the site's own files are served, the same uploads do run: the test can fail."""
    own = server.web_root / "s/static/browser"
    shutil.copytree(server.web_root / "s/media/browser", own)
    for name, way in (
        ("page.html", "address"),
        ("page.html", "iframe"),
        ("page.svg", "address"),
        ("page.svg", "object"),
    ):
        ran, _ = visit(browser, server.site, "/s/static/browser/", name, way)
        assert any("ran-" in url and "readable%3Dcookie" in url for url in ran), (name, way, ran)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_runs(browser, server, way):
    for name in UPLOADS:
        ran, _ = visit(browser, server.site, "/s/media/browser/", name, way)
        assert ran == [], f"{name} ran by way of {way}"


def test_pictures_are_still_shown(browser, server):
    for name in ("both.png", "both.gif", "page.svg"):
        ran, shown = visit(browser, server.site, "/s/media/browser/", name, "image")
        assert shown and not ran, name


def test_pictures_from_a_domain_of_their_own_are_shown_without_cookies(chromium, server):
    site = server.site
    both = [f"MAP {name}:443 127.0.0.1:{site.https}" for name in (site.domain, site.uploads)]
    browser = chromium(*both)
    try:
        page = browser.new_context(ignore_https_errors=True).new_page()
        sent = []
        page.on(
            "request", lambda request: sent.append(request) if site.uploads in request.url else None
        )
        page.context.add_cookies(
            [
                {
                    "name": "sessionid",
                    "value": "x",
                    "domain": site.domain,
                    "path": "/",
                    "secure": True,
                }
            ]
        )
        page.goto(f"https://{site.domain}/echo/")
        shown = page.evaluate(
            """url => new Promise(done => {
                const image = new Image();
                image.onload = () => done(true);
                image.onerror = () => done(false);
                image.src = url;
            })""",
            f"https://{site.uploads}/s/media/browser/both.png",
        )
        assert shown and "cookie" not in sent[0].all_headers()
    finally:
        browser.close()
