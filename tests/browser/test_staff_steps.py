"""The steps of docs/staff.md, read from the page and followed by keyboard as they stand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_accessibility import violations
from tests.support.site import Site
from tests.support.staff_steps import StaffSteps, steps


@pytest.fixture
def staff_page(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(
        locale="en-GB", viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    context.add_cookies([site.staff("staff")])
    yield context.new_page()
    context.close()


def test_the_page_has_steps():
    assert len(steps()) > 15
    assert steps()[0] == ("Open", "Preparation")


def test_the_steps_lead_from_an_empty_performance_to_an_open_sale(
    site: Site, staff_page: Page, tmp_path: Path
):
    sale = site.draft()
    walk = StaffSteps(site, staff_page, sale, tmp_path)
    staff_page.goto(walk.start)
    for step in steps():
        walk.take(step)
        if step[0] == "Return to":
            assert violations(staff_page) == []
    expect(staff_page.locator('[data-fr-figure="available"]')).to_have_text("30")
    assert violations(staff_page) == []
    shown = site.http().get(f"/api/v1/performances/{sale.performance_id}/").json()
    assert (shown["sale_state"], shown["seats_available"]) == ("ON_SALE", 30)
