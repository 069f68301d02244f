"""A whole sale without a mouse: prepared, sold, steered, refunded and closed by its staff."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from proof.history.facts import FanPurchase
from tests.support.keyboard import Keyboard
from tests.support.page_faults import faults_of
from tests.support.shopper import Shopper
from tests.support.site import Sale, Site
from tests.support.staff_steps import SEOUL, StaffSteps, steps
from tests.support.waiting import await_that

SEATS, PRICE = 2, 70_000

Desk = Callable[[str], Page]


@pytest.fixture
def desk(browser: Browser, site: Site) -> Iterator[Desk]:
    """Return a page of a new member of a group of staff; no script of it may fail."""
    contexts, faults = [], []

    def sit_down(role: str) -> Page:
        context = browser.new_context(
            locale="en-GB", viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
        )
        context.set_default_timeout(20_000)
        context.add_cookies([site.staff(role)])
        contexts.append(context)
        page = context.new_page()
        faults.append(faults_of(page))
        return page

    yield sit_down
    assert [one for found in faults for one in found] == []
    for context in contexts:
        context.close()


def test_a_whole_sale_is_run_by_keyboard(site: Site, desk: Desk, tmp_path: Path):
    sale = site.draft()
    maker = StaffSteps(site, desk("staff"), sale, tmp_path)
    prepare(maker)
    operator = Keyboard(desk("operator"))
    operator.page.goto(f"{site.url}/en/staff/")
    operator.follow(operator.page.locator(f"main a[href*='{sale.performance_id}']").first)
    expect(figure(operator.page, "available")).to_have_text("30")
    fan = Shopper(site, site.fans(1, points=1_000_000)[0])
    code = buy(fan, sale)
    watch(operator)
    change_rate(operator, site, sale)
    pause_and_go_on(operator)
    halt_and_go_on(operator)
    refund_one(Keyboard(desk("finance")), site, code)
    await_that(lambda: fan.balance() == 1_000_000 - (SEATS - 1) * PRICE, "a seat is refunded")
    close(operator, maker)
    await_that(lambda: shown(site, sale)["sale_state"] == "CLOSED", "nothing is sold any more")


def shown(site: Site, sale: Sale, rest: str = "") -> dict[str, Any]:
    return site.http().get(f"/api/v1/performances/{sale.performance_id}/{rest}").json()


def figure(page: Page, name: str):
    return page.locator(f'[data-fr-figure="{name}"]')


def button(keys: Keyboard, name: str) -> None:
    keys.follow(keys.page.get_by_role("button", name=name, exact=True))


def link(keys: Keyboard, name: str) -> None:
    keys.follow(keys.page.get_by_role("link", name=name, exact=True))


def reason(keys: Keyboard, words: str) -> None:
    keys.write(
        keys.page.locator("main textarea[name=reason], #content textarea[name=reason]"), words
    )


def prepare(maker: StaffSteps) -> None:
    """Follow docs/staff.md to the open sale; on the way the price of the layout is changed."""
    maker.page.goto(maker.start)
    for step in steps():
        if step == ("Press", "Put on sale"):
            change_price(maker)
            reason(maker.keys, "autumn season")
        maker.take(step)


def change_price(maker: StaffSteps) -> None:
    keys, page = maker.keys, maker.page
    link(keys, "Every grade has a price")
    keys.follow(page.locator("#result_list th.field-code a"))
    keys.write(page.locator("input[name=price]"), str(PRICE))
    reason(keys, "early season")
    button(keys, "Save")
    maker.take(("Return to", "Preparation"))


def buy(fan: Shopper, sale: Sale) -> str:
    """Let a fan wait, enter and pay for two seats; return the code of a ticket."""
    token = fan.join(sale.performance_id)["token"]
    shown = fan.send("GET", f"/performances/{sale.performance_id}/seatmap/").json()
    [row, *_] = shown["sections"][0]["rows"]
    bought = fan.buy(
        sale.performance_id, [seat["id"] for seat in row["seats"][:SEATS]], token=token
    )
    assert isinstance(bought, FanPurchase)
    found = fan.send("GET", "/tickets/").json()
    return found["results"][0]["code"]


def watch(keys: Keyboard) -> None:
    """See the sale on the board, all around which Tab leads."""
    page = keys.page
    expect(page.locator("fr-board")).to_have_attribute("data-fr-live", "yes")
    expect(figure(page, "sold")).to_have_text(str(SEATS))
    expect(figure(page, "revenue")).to_have_text(f"₩{SEATS * PRICE:,}")
    assert any("statistics" in stop for stop in keys.stops())


def change_rate(keys: Keyboard, site: Site, sale: Sale) -> None:
    page = keys.page
    link(keys, "Waiting room")
    keys.write(page.locator("input[name=rate_per_second]"), "25")
    reason(keys, "more card terminals")
    button(keys, "Show the effect")
    expect(page.get_by_role("region", name="What it will do")).to_contain_text("25")
    button(keys, "Confirm the change")
    expect(page.locator(".fr-notice.is-good")).to_be_visible()
    await_that(lambda: shown(site, sale, "queue/")["rate_per_second"] == 25, "the rate has changed")


def pause_and_go_on(keys: Keyboard) -> None:
    """Pause the room; go on from what the board says needs attention."""
    page = keys.page
    reason(keys, "the lift is stuck")
    button(keys, "Pause…")
    button(keys, "Confirm the change")
    link(keys, "Board")
    link(keys, "The sale is open, and the waiting room lets nobody join.")
    reason(keys, "the lift moves")
    button(keys, "Go on…")
    button(keys, "Confirm the change")
    expect(page.locator("main dl").first).to_contain_text("Open")


def halt_and_go_on(keys: Keyboard) -> None:
    link(keys, "Sale")
    for name, done in (
        ("Confirm the halt", "The sale is halted."),
        ("Confirm going on", "The sale goes on."),
    ):
        reason(keys, "fire alarm")
        button(keys, "Show the effect")
        button(keys, name)
        expect(keys.page.locator(".fr-notice.is-good")).to_have_text(done)


def refund_one(keys: Keyboard, site: Site, code: str) -> None:
    """Find a fan by a ticket, and give the money of one seat back."""
    page = keys.page
    page.goto(f"{site.url}/en/staff/")
    link(keys, "Fans")
    keys.write(page.locator("input[name=what]"), code)
    reason(keys, "caller 17")
    button(keys, "Look up")
    link(keys, "Refund")
    keys.tick(page.locator("input[name=seat]").first)
    how = page.locator("input[name=how]")
    keys.choose(page.locator("input[name=how][value=goodwill]"), among=how)
    reason(keys, "a broken leg")
    button(keys, "Show what goes back")
    expect(page.get_by_role("region", name="What goes back")).to_contain_text(f"₩{PRICE:,}")
    button(keys, "Confirm the refund")
    expect(page.locator(".fr-notice.is-good")).to_be_visible()


def close(operator: Keyboard, maker: StaffSteps) -> None:
    """End the waiting room, and then the sale."""
    link(operator, "Waiting room")
    reason(operator, "all is over")
    button(operator, "Close…")
    button(operator, "Confirm the change")
    keys, page = maker.keys, maker.page
    maker.take(("Return to", "Preparation"))
    link(keys, "It has a sale policy that ends in the future")
    maker.write_moment("sale_closes_at", datetime.now(SEOUL))
    reason(keys, "all is over")
    button(keys, "Save")
    for box in page.locator("input[name=confirmed]").all():  # the sale's end is in the past
        keys.tick(box)
    button(keys, "Save")
    operator.page.goto(maker.start)
    link(operator, "Sale")
    expect(operator.page.get_by_role("region", name="Now")).to_contain_text("Closed")


@pytest.mark.control
@pytest.mark.parametrize(
    ("attribute", "says"),
    [
        ("tabindex=-1", "does not lead to"),
        ("style='outline: none'", "nobody sees"),
        ("onkeydown='event.preventDefault()'", "does not leave"),
    ],
)
def test_a_control_that_a_keyboard_cannot_use_is_noticed(page: Page, attribute: str, says: str):
    page.set_content(f"<a href='/'>Home</a><button {attribute}>Halt</button><a href='/'>Last</a>")
    keys = Keyboard(page)
    keys.reach(page.get_by_role("link", name="Home"))
    with pytest.raises(AssertionError, match=says):
        keys.reach(page.get_by_role("button"))
        keys.reach(page.get_by_role("link", name="Last"))


def test_a_way_around_a_page_stops_at_each_control_once(page: Page):
    page.set_content("<a href='/'>Home</a><input><button>Halt</button>")
    found = [stop[1:6] for stop in Keyboard(page).stops()]
    assert found == ["a hre", "input", "butto"]
