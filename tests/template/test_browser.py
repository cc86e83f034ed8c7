"""A user's first steps in a real browser, with nginx and gunicorn, and with LOCAL_DEV."""

import shutil

import pytest

from attacks.sites import development_server
from support.answers import UNUSUAL
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


LONG = UNUSUAL | {"project_name": "Donaudampfschifffahrtsgesellschaft", "django_version": "5.2"}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param({}, id="default"),
        pytest.param(LONG, id="long", marks=pytest.mark.slow),
    ],
)
def new_project(bake, tmp_path_factory, request):
    rendered = bake(**request.param)
    return shutil.copytree(rendered, tmp_path_factory.mktemp("new") / rendered.name)


@pytest.fixture(scope="module")
def new_page(chromium, new_project, python):
    """The first page of a new project's development server, loaded once, on a phone."""
    browser = chromium("MAP * 127.0.0.1")
    page = watched(browser.new_page(viewport={"width": 390, "height": 844}))
    with development_server(new_project, python()) as site:
        page.goto(f"http://{site.domain}/")
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


BROKEN_WORDS = """
() => {
    const broken = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        for (const word of texts.currentNode.data.matchAll(/\\S+/g)) {
            const range = document.createRange();
            range.setStart(texts.currentNode, word.index);
            range.setEnd(texts.currentNode, word.index + word[0].length);
            const lines = new Set([...range.getClientRects()].map(rectangle => rectangle.top));
            if (lines.size > 1) broken.push(word[0]);
        }
    }
    return broken;
}
"""


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
    page.locator("input[name=image]").set_input_files(image)  # in Django 6.1 without a label
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
    assert page.locator("body").inner_text().split("\n\n") == ["Client Site", "Coming soon."]
    assert page.locator("form, img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert page.problems == []


def test_new_project_shows_an_upload(new_page):
    assert images(new_page) == [960]  # the sample's width
    assert "/media/photos/" in new_page.locator("img").get_attribute("src")
    assert "sessionid" not in [cookie["name"] for cookie in new_page.context.cookies()]
    assert new_page.get_by_text("checks passed").count() == 1
    assert new_page.locator("dt a").all_text_contents() == ["Admin", "Your pages", "Your uploads"]
    assert new_page.problems == []


def test_directories_of_a_new_project_are_relative(new_page, new_project):
    static, media = new_page.locator("tr", has_text="Directory").locator("code").all_text_contents()
    assert static == "static/" and media.startswith(f"../{new_project.name}-var/www/")
    photo = new_page.locator("img").get_attribute("src").partition("/media/")[2]
    assert (new_project / media / photo).is_file()


def test_new_project_on_a_phone(new_page, new_project):
    assert new_page.evaluate("document.documentElement.scrollWidth") == 390
    if new_project.name == "client_site":  # the other names are wider than a phone
        assert new_page.evaluate(BROKEN_WORDS) == []


def test_upload_with_local_dev(local_page, image):
    local_page.locator("input[type=file]").set_input_files(image)
    local_page.get_by_role("button", name="Upload", exact=True).click()

    assert local_page.locator("img").get_attribute("src").startswith("/s/media/photos/")
    assert images(local_page) == [1280]  # docs/first-page.png, not the sample
    assert style(local_page, ".media", "color") != style(local_page, "h1", "color")  # stylesheet
    assert local_page.problems == []
    local_page.screenshot(path=BUILD / "first-page.png", full_page=True)


def test_mobile_layout_with_local_dev(local_page):
    local_page.set_viewport_size(MOBILE)
    assert local_page.evaluate("document.documentElement.scrollWidth") == MOBILE["width"]
    assert local_page.problems == []
    local_page.screenshot(path=BUILD / "first-page-mobile.png", full_page=True)
