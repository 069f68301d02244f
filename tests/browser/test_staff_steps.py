"""The steps of docs/staff.md, read from the page and followed by keyboard as they stand."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.test_accessibility import violations
from tests.support.site import ROOT, Sale, Site

SECTION = "## From an empty performance to an open sale"
STEP = re.compile(r"(Open|Press|Fill in|Return to)\s+\*\*(.+?)\*\*", re.DOTALL)
SEOUL = ZoneInfo("Asia/Seoul")
# What the admin's forms call the moments that a step names.
MOMENTS = {
    "Sale opens at": ("sale_opens_at", timedelta(0)),
    "Sale closes at": ("sale_closes_at", timedelta(days=20)),
    "Queue opens at": ("queue_opens_at", timedelta(0)),
    "Admission opens at": ("admission_opens_at", timedelta(0)),
}
HALL = "section,grade,price,row,seat,x,y\n" + "".join(
    f"A,R,90000,{row},{seat},{seat},{row}\n" for row in range(1, 4) for seat in range(1, 11)
)


def steps() -> list[tuple[str, str]]:
    """Return what the page says to do, in order."""
    text = (ROOT / "docs" / "staff.md").read_text().split(SECTION)[1].split("\n## ")[0]
    return [(verb, " ".join(name.split())) for verb, name in STEP.findall(text)]


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
    staff_page.goto(f"{site.url}/en/staff/performances/{sale.performance_id}/")
    file = tmp_path / "hall.csv"
    file.write_text(HALL)
    for verb, name in steps():
        follow(site, staff_page, sale, verb, name, file)
    expect(staff_page.locator('[data-fr-figure="available"]')).to_have_text("30")
    assert violations(staff_page) == []
    shown = site.http().get(f"/api/v1/performances/{sale.performance_id}/").json()
    assert (shown["sale_state"], shown["seats_available"]) == ("ON_SALE", 30)


def follow(site: Site, page: Page, sale: Sale, verb: str, name: str, file: Path) -> None:
    if verb == "Return to":
        page.goto(f"{site.url}/en/staff/performances/{sale.performance_id}/prepare/")
        assert violations(page) == []
    elif verb == "Open":
        press(page.get_by_role("link", name=name, exact=True).first)
    elif verb == "Press":
        press(page.get_by_role("button", name=name, exact=True).first)
    else:
        fill(page, name, file)


def press(what: Locator) -> None:
    """Press it as somebody without a mouse does."""
    what.focus()
    what.press("Enter")
    what.page.wait_for_load_state()


def fill(page: Page, name: str, file: Path) -> None:
    if name in MOMENTS:
        field, later = MOMENTS[name]
        at = datetime.now(SEOUL) + later
        page.locator(f"input[name={field}_0]").fill(f"{at:%Y-%m-%d}")
        page.locator(f"input[name={field}_1]").fill(f"{at:%H:%M:%S}")
    elif "file" in name:
        page.get_by_label(name).set_input_files(file)
    else:
        page.locator("textarea[name=reason]").first.fill("autumn season")
