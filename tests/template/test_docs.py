"""The pages of docs/: what they list is complete, and what they link to exists."""

import re

import pytest

from attacks import mutants
from support.commands import TEMPLATE

PAGES = [*TEMPLATE.glob("*.md"), *TEMPLATE.glob("docs/**/*.md")]


def test_every_mutant_has_a_row():
    """test_mutants.py, which is slow, compares the rows themselves."""
    page = (TEMPLATE / "docs/evidence/mutants.md").read_text()
    rows = re.findall(r"^\| (.+?) \| `", page, re.MULTILINE)
    every = [*mutants.NGINX, *mutants.APPLICATION, *mutants.LOCAL]
    assert rows == [mutant.name for mutant in every]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)", target.read_text(), re.MULTILINE)
            anchors = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
            assert anchor in [heading.replace(" ", "-") for heading in anchors], link
