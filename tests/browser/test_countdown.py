"""The countdown in Chromium: by the server's clock, and without a storm of reloads."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_pages import BrowserPages, browser_pages


@pytest.fixture
def pages():
    with browser_pages("") as made:
        yield made


def moment(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="milliseconds")


def open_countdown(pages: BrowserPages, page: Page, at: str, marks: str = "") -> None:
    body = f'<h1>Soon</h1><p><fr-countdown at="{at}" {marks}>later</fr-countdown></p>{{data}}'
    page.goto(pages.add("/soon/", script="site", data={"page": "performance"}, body=body))


def test_it_counts_by_the_servers_clock(pages: BrowserPages, page: Page):
    # This machine's clock is an hour behind the server's.
    pages.failing["/clock"] = (200, {"as_of": moment(hours=1)})
    open_countdown(pages, page, moment(hours=1, seconds=90), 'clock="/clock"')
    expect(page.locator("fr-countdown")).to_have_text("00:01:29")


def test_countdowns_of_a_page_read_its_clock_together(pages: BrowserPages, page: Page):
    pages.failing["/clock"] = (200, {"as_of": moment(hours=1)})
    one = f'<fr-countdown at="{moment(hours=2)}" clock="/clock">later</fr-countdown>'
    body = f"<h1>Soon</h1>{one * 5}{{data}}"
    page.goto(pages.add("/many/", script="site", data={"page": "home"}, body=body))
    expect(page.locator("fr-countdown").last).to_contain_text("00:59:5")
    assert 1 <= pages.count("GET", "/clock") <= 4


def test_a_private_page_says_its_time_itself_and_is_not_asked_for_again(
    pages: BrowserPages, page: Page
):
    body = f'<p><fr-countdown at="{moment(hours=1, seconds=90)}">later</fr-countdown></p>{{data}}'
    data = {"page": "checkout", "now": moment(hours=1)}
    page.goto(pages.add("/mine/", script="site", data=data, body=body))
    expect(page.locator("fr-countdown")).to_have_text("00:01:29")
    expect(page.locator("fr-countdown")).to_have_text("00:01:27")
    assert pages.count("HEAD", "/mine/") == 0


def test_tenths_are_shown_where_they_are_wanted(pages: BrowserPages, page: Page):
    open_countdown(pages, page, moment(days=2, seconds=5), "tenths")
    expect(page.locator("fr-countdown")).to_contain_text("2d 00:00:0")
    assert page.locator("fr-countdown").inner_text()[-2] == "."


def test_it_counts_on_to_another_moment(pages: BrowserPages, page: Page):
    open_countdown(pages, page, moment(seconds=-5))
    expect(page.locator("fr-countdown")).to_have_text("00:00:00")
    page.locator("fr-countdown").evaluate(
        "(one, at) => one.setAttribute('at', at)", moment(hours=3)
    )
    expect(page.locator("fr-countdown")).to_contain_text("02:59:5")


def test_at_zero_the_page_is_loaded_again_and_an_old_copy_of_it_only_now_and_then(
    pages: BrowserPages, page: Page
):
    open_countdown(pages, page, moment(seconds=1), "reload")
    page.wait_for_timeout(6000)
    assert 2 <= pages.count("GET", "/soon/") <= 3
    # Chromium can hang for minutes when it closes a page that just loads itself again.
    page.goto("about:blank")


def test_who_is_logged_in_is_seen_from_a_cookie(pages: BrowserPages, page: Page):
    open_countdown(pages, page, moment(hours=1))
    expect(page.locator("[data-fr-logged-out]")).to_be_visible()
    page.context.add_cookies([{"name": "logged_in", "value": "1", "url": pages.url}])
    page.reload()
    expect(page.locator("[data-fr-logged-in]")).to_be_visible()
    expect(page.locator("[data-fr-logged-out]")).to_be_hidden()
