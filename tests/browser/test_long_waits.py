"""A page of the waiting room that was hidden, cut off, or asked while a part of the site was down.

What is hidden stays so for six minutes of the page's own clock, whose timers fire once at most
meanwhile, as in a tab that the browser throttles; the worker that would help is taken from it. When
it is looked at again the clock stands still: what it shows then was asked for at once.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from redis import Redis

from kernel import clock
from tests.browser.conftest import PHONE
from tests.support.queue_pages import full_room, is_on, number, page_of
from tests.support.site import Fan, Sale, Site

HIDE = """
globalThis.Worker = undefined;
let state = 'visible';
Object.defineProperty(document, 'visibilityState', { get: () => state });
Object.defineProperty(document, 'hidden', { get: () => state === 'hidden' });
addEventListener('test-look', ({ detail }) => {
  state = detail;
  document.dispatchEvent(new Event('visibilitychange'));
});
"""


class Tab:
    """A page of the waiting room that can be hidden."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.begun = clock.now()
        page.add_init_script(HIDE)
        page.clock.install(time=self.begun)

    def hide(self) -> None:
        """Hide it; its clock stands still from then on, as that of a tab that is frozen."""
        self._turn("hidden")
        now = self.page.evaluate("() => Date.now()") / 1000
        self.page.clock.pause_at(datetime.fromtimestamp(now + 1, UTC))

    def look_after(self, minutes: float) -> None:
        """Look at it again after some minutes of its clock, which then stands still."""
        self.page.clock.pause_at(self.begun + timedelta(minutes=minutes))
        self._turn("visible")

    def is_on(self, *names: str) -> None:
        is_on(self.page, *names)

    def _turn(self, state: str) -> None:
        script = "state => dispatchEvent(new CustomEvent('test-look', { detail: state }))"
        self.page.evaluate(script, state)


@pytest.fixture
def fan(site: Site) -> Fan:
    [made] = site.fans(1)
    return made


@pytest.fixture
def full(site: Site) -> Sale:
    """A room whose one place inside is taken, with two who wait."""
    return full_room(site, fans=3)


@pytest.fixture
def tab(browser: Browser, log_in: Callable[..., Any], fan: Fan) -> Iterator[Tab]:
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    log_in(context, fan)
    yield Tab(context.new_page())
    context.close()


def let_in(site: Site, sale: Sale) -> None:
    """Let everybody in who waits."""
    site.change_room(sale, rate_per_second=100, capacity=1000)


def kept_number(site: Site, sale: Sale, fan: Fan) -> int:
    """Return the number that the queue has for a fan; joining again changes nothing."""
    path = f"/api/v1/performances/{sale.performance_id}/queue/"
    return int(site.http(fan.access_token).post(path).json()["number"])


def test_six_minutes_hidden_the_number_is_the_same_and_the_turn_is_seen_at_once(
    pages, site: Site, tab: Tab, fan: Fan, full: Sale
):
    tab.page.goto(page_of(pages, site, full))
    tab.is_on("waiting", "near")
    before = number(tab.page)
    tab.hide()
    let_in(site, full)
    tab.look_after(minutes=6)
    tab.is_on("admitted")
    assert kept_number(site, full, fan) == before


def test_a_wiped_queue_server_gives_the_same_number_back(pages, site: Site, tab: Tab, full: Sale):
    tab.page.goto(page_of(pages, site, full))
    tab.is_on("waiting", "near")
    before = number(tab.page)
    tab.hide()
    with Redis.from_url(site.env["REDIS_QUEUE_URL"]) as server:
        server.flushall()
    tab.look_after(minutes=6)
    tab.is_on("waiting", "near")
    assert number(tab.page) == before


def test_without_api_and_service_the_last_place_stays_and_is_right_again_at_once(
    pages, site: Site, tab: Tab, full: Sale
):
    tab.page.goto(page_of(pages, site, full))
    tab.is_on("waiting", "near")
    before = number(tab.page)
    with site.paused("api"), site.paused("fastpath"):
        tab.page.clock.fast_forward("01:00")
        tab.is_on("unavailable", "offline", "slow_down")
        assert number(tab.page) == before
        tab.hide()
    site.await_ready()
    tab.look_after(minutes=8)
    tab.is_on("waiting", "near")
    assert number(tab.page) == before


def test_a_second_device_sees_the_turn_of_the_first(
    pages, site: Site, tab: Tab, fan: Fan, full: Sale, browser: Browser, log_in
):
    tab.page.goto(page_of(pages, site, full))
    tab.is_on("waiting", "near")
    other: BrowserContext = browser.new_context()
    log_in(other, fan)
    second = other.new_page()
    second.goto(page_of(pages, site, full))
    is_on(second, "waiting", "near")
    before = number(tab.page)
    assert number(second) == before
    tab.hide()
    let_in(site, full)
    is_on(second, "admitted")
    tab.look_after(minutes=6)
    tab.is_on("admitted")
    assert kept_number(site, full, fan) == before
    other.close()
