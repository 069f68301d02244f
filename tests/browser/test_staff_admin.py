"""The admin in the colours of the pages: in light, in dark and by its own switch, accessible."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.test_accessibility import FORMS, violations
from tests.support.site import Sale, Site

PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 22, 27)"}  # --fr-paper of tokens.css


@pytest.fixture(params=FORMS, ids="-".join)
def form(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Any]:
    """A scheme, and a browser of an operator who reads in a language."""
    language, scheme = request.param
    context = browser.new_context(
        locale=language, color_scheme=scheme, viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(20_000)
    context.add_cookies([site.staff("operator")])
    yield scheme, context.new_page()
    context.close()


def paper_of(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_a_list_and_a_form_have_no_violation(site: Site, form: tuple[str, Page]):
    scheme, page = form
    sale: Sale = site.sale(seats=4, queue={"rate_per_second": 5, "capacity": 5})
    for address in (
        "",
        "reservations/salepolicy/",
        f"reservations/salepolicy/{sale.performance_id}/change/",
        f"queueing/queueconfig/{sale.performance_id}/change/",
    ):
        page.goto(f"{site.url}/admin/{address}")
        assert paper_of(page) == PAPER[scheme]
        assert violations(page) == [], address


def test_the_switch_of_the_admin_goes_before_what_the_system_says(
    site: Site, form: tuple[str, Page]
):
    scheme, page = form
    page.goto(f"{site.url}/admin/")
    other = "dark" if scheme == "light" else "light"
    for _ in range(3):
        if page.locator("html").get_attribute("data-theme") == other:
            break
        page.locator("button.theme-toggle").first.press("Enter")
    assert paper_of(page) == PAPER[other]
    assert violations(page) == []
