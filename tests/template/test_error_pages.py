"""Error pages of Django and nginx, in a browser: one design, and the site's name in each."""

import re

import pytest

from support.answers import UNUSUAL
from support.edits import edited
from support.site import deployed, rendered_for

NAME = f"{UNUSUAL['project_name']} Donaudampfschifffahrtsgesellschaftskapitän"
BROKEN = 'urlpatterns += [path("broken/", lambda request: 1 / 0)]'
PAGES = {
    "404": ("Page not found", "en-us"),
    "403": ("Access denied", "en-us"),
    "500": ("Something went wrong", "en-us"),
    "413": ("File too large", "en"),  # nginx
    "503": ("Back in a moment", "en"),  # nginx
}
DESIGN = """
() => ["body", "header", "h1", "h1 + p"].map(selector => {
    const element = document.querySelector(selector), style = getComputedStyle(element);
    const names = ["color", "background-color", "font", "letter-spacing", "border-bottom"];
    const {x, y} = element.getBoundingClientRect();
    return [selector, x, y, ...names.map(name => style.getPropertyValue(name))];
})
"""


@pytest.fixture(scope="module")
def pages(copy_of, python, directory) -> dict[str, str]:
    """The error pages of a site with an unusual name, by status."""
    answers = UNUSUAL | {"project_name": NAME, "django_version": "5.2"}
    project = copy_of(**answers | rendered_for(directory))
    with (
        edited(project, [("config/urls.py", BROKEN)]),
        deployed(project, directory, python()) as server,
    ):
        get = server.client().get
        post = server.client().request
        responses = [get("/none/"), post("POST", "/accounts/login/"), get("/broken/")]
        responses += [post("POST", "/", Content_Length=str(200 * 1024 * 1024))]
        server.stop_application()
        responses += [get("/")]
    return {str(response.status): response.body.decode() for response in responses}


@pytest.fixture(scope="module")
def browser(chromium):
    browser = chromium()
    yield browser
    browser.close()


@pytest.mark.parametrize("status", PAGES)
def test_page_has_the_name_of_the_site_and_its_language(browser, pages, status):
    heading, language = PAGES[status]
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_content(pages[status])
    assert page.title() == f"{heading} – {NAME}"
    assert page.locator("header").text_content() == NAME
    assert page.locator("h1").text_content() == heading
    assert page.locator("html").get_attribute("lang") == language
    assert page.evaluate("document.compatMode") == "CSS1Compat"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


@pytest.mark.parametrize("status", PAGES)
def test_page_depends_on_no_other_file(pages, status):
    links = re.findall(r'(?:href|src|action)="([^"]*)"|url\(|@import', pages[status])
    assert set(links) <= {"/", "data:,"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_have_one_design(browser, pages, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    designs = {}
    for status, html in pages.items():
        page.set_content(re.sub("<h1>.*?</h1>", "<h1>One line</h1>", html))
        designs[status] = page.evaluate(DESIGN)
    page.close()
    assert designs == dict.fromkeys(PAGES, designs["404"])
    assert (
        designs["404"][0][-4] == {"light": "rgb(251, 250, 247)", "dark": "rgb(20, 22, 26)"}[scheme]
    )
