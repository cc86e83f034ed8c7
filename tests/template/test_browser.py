"""A user's first steps in a real browser, with nginx and gunicorn, and with LOCAL_DEV."""

import shutil

import pytest

from attacks.sites import development_server
from support.commands import TEMPLATE

BUILD = TEMPLATE / "build"
DESKTOP = {"width": 1000, "height": 900}
MOBILE = {"width": 360, "height": 740}


@pytest.fixture(scope="module", autouse=True)
def build():
    BUILD.mkdir(exist_ok=True)


def watched(page):
    """Return a page that collects its console messages, failed requests and error responses."""
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # the project has none
    page.set_default_timeout(20_000)
    problems = page.problems = []
    page.on("console", lambda m: m.type in {"error", "warning"} and problems.append(m.location))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on("response", lambda r: r.status >= 400 and problems.append(f"{r.status}: {r.url}"))
    return page


@pytest.fixture
def page(chromium, server):
    """A page of a browser that resolves the site's domain to the test's nginx."""
    browser = chromium(f"MAP {server.domain}:443 127.0.0.1:{server.https}")
    yield watched(browser.new_page(ignore_https_errors=True, viewport=DESKTOP))
    browser.close()


@pytest.fixture
def local_page(chromium, local_url):
    """The first page of the development server."""
    browser = chromium("MAP * 127.0.0.1")
    page = watched(browser.new_page(viewport=DESKTOP))
    page.goto(local_url)
    yield page
    browser.close()


@pytest.fixture(scope="module")
def local_url(bake, python, tmp_path_factory):
    project = tmp_path_factory.mktemp("browser") / "client_site"
    shutil.copytree(bake(), project)
    with development_server(project, python()) as site:
        yield f"http://{site.domain}/"


def images(page) -> list[int]:
    """Return the natural width of each image of a page: 0 if it is broken."""
    page.wait_for_load_state("networkidle")
    return page.evaluate("[...document.images].map(image => image.naturalWidth)")


def style(page, selector: str, name: str) -> str:
    """Return a computed style of the first element that a selector matches."""
    return page.locator(selector).first.evaluate(f"e => getComputedStyle(e)['{name}']")


@pytest.fixture
def image(tmp_path):
    file = tmp_path / "me.png"
    file.write_bytes((TEMPLATE / "docs/first-page.png").read_bytes())
    return file


def test_login_and_upload_in_the_admin(page, server, image):
    page.goto(f"https://{server.domain}/admin/")
    assert style(page, "#header", "background-color") != "rgba(0, 0, 0, 0)"  # the admin's

    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("a long password")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_load_state("networkidle")
    page.goto(f"https://{server.domain}/admin/welcome/photo/add/")
    page.get_by_label("Image").set_input_files(image)
    page.get_by_role("button", name="Save and continue editing").click()

    page.wait_for_load_state("networkidle")
    link = page.locator(".file-upload a")
    assert link.get_attribute("href").startswith("/s/media/photos/")
    link.click()
    assert all(images(page)) and len(images(page)) == 1
    assert page.problems == []


@pytest.mark.parametrize("viewport", [DESKTOP, MOBILE], ids=["desktop", "mobile"])
def test_coming_soon(page, server, viewport):
    page.set_viewport_size(viewport)
    page.goto(f"https://{server.domain}/")
    assert page.get_by_text("Coming soon").is_visible()
    assert style(page, ".soft", "color") != style(page, "h1", "color")  # the page's stylesheet
    assert page.locator("form, img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert page.problems == []


def test_upload_with_local_dev(local_page, image):
    local_page.locator("input[type=file]").set_input_files(image)
    local_page.get_by_role("button", name="Upload", exact=True).click()

    assert local_page.locator("img").get_attribute("src").startswith("/s/media/photos/")
    assert all(images(local_page)) and len(images(local_page)) == 1
    assert style(local_page, ".soft", "color") != style(local_page, "h1", "color")
    assert local_page.problems == []
    local_page.screenshot(path=BUILD / "first-page.png", full_page=True)


def test_mobile_layout_with_local_dev(local_page):
    local_page.set_viewport_size(MOBILE)
    assert local_page.evaluate("document.documentElement.scrollWidth") == MOBILE["width"]
    assert local_page.problems == []
    local_page.screenshot(path=BUILD / "first-page-mobile.png", full_page=True)
