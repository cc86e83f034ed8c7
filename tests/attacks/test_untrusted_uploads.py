"""A real browser opens untrusted uploads in every way: no script runs, no cookie is read."""

import shutil

import pytest

from support.images import GIF, PNG

pytestmark = pytest.mark.slow
SCRIPT = (
    "fetch('/echo/?ran-NAME-'+encodeURIComponent(document.cookie),{mode:'no-cors'});"
    "document.title='ran'"
)
HTML = (
    f'<!doctype html><title>not run</title><script>{SCRIPT}</script><img src=x onerror="{SCRIPT}">'
)
SVG = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="{SCRIPT}">'
    f'<rect width="9" height="9"/><script>{SCRIPT}</script></svg>'
)
PDF = f"""%PDF-1.7
1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS({SCRIPT})>>>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj
trailer<</Root 1 0 R>>"""
UPLOADS = {
    "page.html": HTML.encode(),
    "page.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><script>{SCRIPT}</script></html>'.encode(),
    "page.xml": f'<x:script xmlns:x="http://www.w3.org/1999/xhtml">{SCRIPT}</x:script>'.encode(),
    "page.svg": SVG.encode(),
    "page.js": SCRIPT.encode(),
    "page.pdf": PDF.encode(),
    "page": HTML.encode(),
    "page.png": HTML.encode(),
    "page.txt": HTML.encode(),
    "both.png": PNG + HTML.encode(),
    "both.gif": GIF + HTML.encode(),
    "page.mp4": HTML.encode(),
}
ELEMENTS = {
    "link": '<a href="URL">x</a>',
    "iframe": '<iframe src="URL"></iframe>',
    "object": '<object data="URL"></object>',
    "embed": '<embed src="URL">',
    "image": '<img src="URL">',
    "script": '<script src="URL"></script>',
    "style": '<link rel="stylesheet" href="URL">',
    "import": '<script type="module">import "URL"</script>',
}
INSERT = """html => new Promise(done => {
    document.body.replaceChildren(document.createRange().createContextualFragment(html));
    const element = document.body.firstChild;
    element.onload = () => done(true);
    element.onerror = () => done(false);
    if (element.tagName != 'IMG') setTimeout(() => done(false), 400);  // a download has no event
})"""


@pytest.fixture(scope="module")
def site(site):
    """A site with these uploads."""
    uploads = site.media / "browser"
    uploads.mkdir()
    for name, content in UPLOADS.items():
        (uploads / name).write_bytes(content.replace(b"NAME", name.encode()))
    return site


@pytest.fixture(scope="module")
def browser(chromium, site):
    browser = chromium(f"MAP {site.domain}:443 127.0.0.1:{site.https}")
    yield browser
    browser.close()


def visit(browser, site, prefix: str, name: str, opened_as: str) -> tuple[list[str], bool]:
    """Open an upload with a cookie set. Return what ran, and whether an image was shown."""
    context = browser.new_context(ignore_https_errors=True)
    cookie = {"domain": site.domain, "path": "/", "secure": True}
    context.add_cookies([{"name": "readable", "value": "cookie", **cookie}])
    page = context.new_page()
    ran = []
    context.on(
        "request", lambda request: ran.append(request.url) if "ran-" in request.url else None
    )
    context.on("dialog", lambda dialog: ran.append("dialog"))
    url = f"https://{site.domain}{prefix}{name}"
    page.goto(f"https://{site.domain}/echo/")
    shown = False
    if opened_as == "url":
        try:
            page.goto(url)
        except Exception as error:  # a download
            assert "Download is starting" in str(error) or "ERR_" in str(error), error
    else:
        shown = page.evaluate(INSERT, ELEMENTS[opened_as].replace("URL", url))
        if opened_as == "link":
            page.click("a")
    page.wait_for_timeout(120)
    ran += [f.url for p in context.pages for f in p.frames if title(f) == "ran"]
    context.close()
    return ran, shown


def title(frame) -> str:
    try:
        return frame.title()
    except Exception:  # the frame is closed
        return ""


def test_scripts_run_as_static_files(browser, site):
    """The same files do run among static files, so the tests below can fail."""
    shutil.copytree(site.media / "browser", site.static / "browser")
    for name, opened_as in (
        ("page.html", "url"),
        ("page.html", "link"),
        ("page.html", "iframe"),
        ("page.html", "embed"),
        ("page.svg", "url"),
        ("page.svg", "object"),
        ("page.js", "script"),
        ("page.js", "import"),
    ):
        ran, _ = visit(browser, site, "/s/static/browser/", name, opened_as)
        assert any("ran-" in url and "readable%3Dcookie" in url for url in ran), (name, opened_as)


@pytest.mark.parametrize("opened_as", ["url", *ELEMENTS])
def test_no_script_runs(browser, site, opened_as):
    for name in UPLOADS:
        ran, _ = visit(browser, site, "/s/media/browser/", name, opened_as)
        assert ran == [], f"{name} ran as {opened_as}"


def test_images_are_shown(browser, site):
    for name in ("both.png", "both.gif", "page.svg"):
        ran, shown = visit(browser, site, "/s/media/browser/", name, "image")
        assert shown and not ran, name


def test_media_domain_images_are_shown_without_cookies(chromium, site):
    rules = [f"MAP {name}:443 127.0.0.1:{site.https}" for name in (site.domain, site.media_domain)]
    browser = chromium(*rules)
    try:
        page = browser.new_context(ignore_https_errors=True).new_page()
        sent = []
        page.on("request", lambda r: sent.append(r) if site.media_domain in r.url else None)
        cookie = {"domain": site.domain, "path": "/", "secure": True}
        page.context.add_cookies([{"name": "readable", "value": "x", **cookie}])
        page.goto(f"https://{site.domain}/echo/")
        url = f"https://{site.media_domain}/s/media/browser/both.png"
        shown = page.evaluate(INSERT, ELEMENTS["image"].replace("URL", url))
        assert shown and "cookie" not in sent[0].all_headers()
    finally:
        browser.close()
