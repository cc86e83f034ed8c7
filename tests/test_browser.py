"""A user's first steps in a real browser, with nginx and gunicorn."""

import pytest
from conftest import TEMPLATE

BUILD = TEMPLATE / "build"


@pytest.fixture(scope="module", autouse=True)
def build():
    BUILD.mkdir(exist_ok=True)


@pytest.fixture
def page(chromium, server):
    """A page of a browser that resolves the site's domain to the test's nginx."""
    browser = chromium(f"MAP {server.domain}:443 127.0.0.1:{server.https}")
    page = browser.new_page(ignore_https_errors=True, viewport={"width": 1000, "height": 900})
    page.set_default_timeout(20_000)
    problems = page.problems = []
    page.on("console", lambda m: m.type in {"error", "warning"} and problems.append(m.text))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on("response", lambda r: r.status >= 400 and problems.append(f"{r.status}: {r.url}"))
    yield page
    browser.close()


def images(page) -> list[int]:
    """Return the natural width of each image of a page: 0 if it is broken."""
    page.wait_for_load_state("networkidle")
    return page.evaluate("[...document.images].map(image => image.naturalWidth)")


def style(page, selector: str, name: str) -> str:
    """Return a computed style of the first element that a selector matches."""
    return page.locator(selector).first.evaluate(f"e => getComputedStyle(e)['{name}']")


def test_login_and_upload(page, server, tmp_path):
    photo = tmp_path / "me.png"
    photo.write_bytes((TEMPLATE / "docs/first-page.png").read_bytes())

    page.goto(f"https://{server.domain}/")
    page.get_by_role("link", name="Sign in").click()
    assert style(page, "#header", "background-color") != "rgba(0, 0, 0, 0)"  # the admin's

    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("a long password")
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("photo").set_input_files(photo)
    page.get_by_role("button", name="Upload").click()

    assert page.locator("img").get_attribute("src").startswith("/s/media/photos/")
    assert all(images(page)) and len(images(page)) == 1
    assert style(page, ".card", "border-top-left-radius") == "14px"  # the page's own
    assert page.problems == []
    page.screenshot(path=BUILD / "first-page.png", full_page=True)


def test_mobile_layout(page, server):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"https://{server.domain}/")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.problems == []
    page.screenshot(path=BUILD / "first-page-mobile.png", full_page=True)
