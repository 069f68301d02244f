"""The whole way on the real pages by keys alone, and without JavaScript."""

from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.support.card_site import PRICE
from tests.support.site import Sale, Site

MOST_STOPS = 80  # of the Tab key on any page
PASSWORD = "correct horse battery 9"


@pytest.fixture
def sale(site: Site) -> Sale:
    return site.sale(seats=40, price=PRICE, queue={"rate_per_second": 50, "capacity": 100})


class Keys:
    """A person who has no pointer."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *names: str) -> None:
        for name in names:
            self.page.keyboard.press(name)

    def to(self, wanted: Locator) -> None:
        """Go on by Tab until something has the focus."""
        expect(wanted).to_be_visible()
        for _ in range(MOST_STOPS):
            if has_focus(wanted):
                return
            self.press("Tab")
        raise AssertionError(f"Tab does not lead to {wanted}")

    def to_one_of(self, group: Locator) -> None:
        """Go on by Tab until one of several things has the focus."""
        for _ in range(MOST_STOPS):
            if any(has_focus(one) for one in group.all()):
                return
            self.press("Tab")
        raise AssertionError(f"Tab does not lead into {group}")

    def write(self, field: Locator, words: str) -> None:
        self.to(field)
        self.page.keyboard.type(words)

    def tick(self, box: Locator) -> None:
        self.to(box)
        self.press("Space")
        expect(box).to_be_checked()

    def enter(self, wanted: Locator) -> None:
        self.to(wanted)
        self.press("Enter")


def has_focus(one: Locator) -> bool:
    return bool(one.evaluate("one => one === document.activeElement"))


def test_a_fan_buys_a_ticket_by_keys_alone(browser: Browser, site: Site, sale: Sale):
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce", locale="en")
    context.set_default_timeout(20_000)
    page = context.new_page()
    keys = Keys(page)
    here = f"/en/performances/{sale.performance_id}"
    page.goto(f"{site.url}/account/signup/?next={here}/queue/")
    keys.write(page.locator("input[name=email]"), f"keys-{uuid4().hex[:10]}@example.com")
    for name in ("password1", "password2"):
        if page.locator(f"input[name={name}]").count():
            keys.write(page.locator(f"input[name={name}]"), PASSWORD)
    for box in page.locator("main input[type=checkbox]").all():
        keys.tick(box)
    keys.enter(page.locator("main form button").first)
    page.wait_for_url(f"**{here}/queue/")
    enter = page.get_by_role("button", name="Enter now")
    expect(enter).to_be_visible()
    keys.enter(enter)
    page.wait_for_url("**/seats/")
    expect(page.locator("[data-fr-live=yes]")).to_be_attached()
    keys.to(page.locator("#fr-tab-map"))
    keys.press("ArrowRight")
    expect(page.locator("#fr-tab-list")).to_be_focused()
    keys.to(page.locator("td[role=gridcell][tabindex='0']"))
    keys.press("Space", "ArrowRight", "Space")
    expect(page.locator(".fr-chip")).to_have_count(2)
    keys.enter(page.locator("[data-fr-hold]"))
    page.wait_for_url("**/checkout/**")
    card = page.locator("#fr-pay input[value=CARD]")
    keys.to_one_of(page.locator("#fr-pay input[name=method]"))
    if not card.is_checked():
        keys.press("ArrowDown")
    expect(card).to_be_checked()
    keys.tick(page.locator("#fr-pay input[name=agreed]"))
    keys.enter(page.locator("#fr-pay button[value=pay]"))
    approve = page.locator("button[value=approve]")
    expect(approve).to_be_visible()
    keys.enter(approve)
    page.wait_for_url("**/done/")
    keys.enter(page.locator("main a[href*='/me/tickets/']").first)
    expect(page.locator(".fr-qr svg")).to_be_visible()
    keys.enter(page.locator("main a[href*='/me/reservations/']").first)
    keys.enter(page.locator("a[href$='/cancel/']").first)
    page.wait_for_url("**/cancel/")
    for box in page.locator("main form input[type=checkbox]").all():
        keys.tick(box)
    keys.enter(page.locator("main form button").last)
    page.wait_for_url(lambda url: not url.endswith("/cancel/"))
    expect(page.locator("main")).to_contain_text("Cancelled")
    context.close()


def test_a_fan_buys_a_ticket_without_javascript(browser: Browser, site: Site, sale: Sale):
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="ko")
    context.set_default_timeout(20_000)
    page = context.new_page()
    here = f"/ko/performances/{sale.performance_id}"
    page.goto(f"{site.url}/account/signup/?next={here}/queue/")
    page.locator("input[name=email]").fill(f"plain-{uuid4().hex[:10]}@example.com")
    for name in ("password1", "password2"):
        if page.locator(f"input[name={name}]").count():
            page.locator(f"input[name={name}]").fill(PASSWORD)
    for box in page.locator("main input[type=checkbox]").all():
        box.check()
    page.locator("main form button").first.click()
    page.wait_for_url(f"**{here}/queue/")
    page.locator("fr-queue a.fr-button").click()
    page.locator("button[value=join]").click()
    turn = page.locator("#place[data-state=ADMITTED]")
    expect(turn).to_be_visible(timeout=30_000)  # the page refreshes itself
    turn.get_by_role("link").click()
    page.wait_for_url("**/seats/list/")
    page.locator("#sections a[href*='section='], [aria-labelledby=sections] a").first.click()
    for box in page.locator("input[name=seat]:not([disabled])").all()[4:6]:
        box.check()
    page.locator("button[value=hold]").click()
    page.wait_for_url("**/checkout/**")
    page.locator("#fr-pay input[value=CARD]").check()
    page.locator("#fr-pay input[name=agreed]").check()
    page.locator("#fr-pay button[value=pay]").click()
    page.locator("button[value=approve]").click()
    page.locator("button[value=confirm]").click()
    page.wait_for_url("**/done/**")
    page.locator("main a[href*='/me/tickets/']").first.click()
    expect(page.locator(".fr-qr svg")).to_be_visible()
    page.locator("main a[href*='/me/reservations/']").first.click()
    page.locator("a[href$='/cancel/']").first.click()
    for box in page.locator("main form input[type=checkbox]").all():
        box.check()
    page.locator("main form button").last.click()
    page.wait_for_url(lambda url: not url.endswith("/cancel/"))
    statement = "SELECT status FROM reservations_reservation WHERE performance_id = %s"
    assert site.rows(statement, sale.performance_id) == [("CANCELLED",)]
    context.close()
