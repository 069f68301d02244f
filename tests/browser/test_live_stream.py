"""Pages that hear the live streams instead of asking, against the running site."""

import time
import zlib

from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser_pages import BrowserPages
from tests.support.queue_pages import is_on, page_of
from tests.support.seat_pages import cell, open_map, show, take
from tests.support.site import Fan, Sale, Site
from tests.support.waiting import await_that


def await_open(site: Site, sale: Sale, kind: str) -> None:
    def is_named() -> bool:
        found = site.http().get(f"/api/v1/performances/{sale.performance_id}/{kind}/")
        return bool(found.json()["stream_url"])

    await_that(is_named, "the stream is open", seconds=60)


def await_stream(pages: BrowserPages, kind: str) -> None:
    await_that(lambda: pages.count("GET", f"/{kind}/stream/"), "the page listens", seconds=30)


def asks_no_more(page: Page, pages: BrowserPages, kind: str) -> bool:
    """Whether the page asks for the document in none of five seconds, as it would by itself."""
    before = pages.count("GET", f"/{kind}/")
    page.wait_for_timeout(5000)  # that nothing happens cannot be awaited
    return pages.count("GET", f"/{kind}/") == before


def test_a_hold_elsewhere_shows_within_two_seconds_and_nothing_is_asked(
    pages: BrowserPages, site: Site, page: Page
):
    sale = site.sale(seats=40)
    await_open(site, sale, "availability")
    open_map(pages, site, page, sale)
    show(page, "list")
    await_stream(pages, "availability")
    await_that(lambda: asks_no_more(page, pages, "availability"), "it only listens", seconds=60)
    before = pages.count("GET", "/availability/")
    took = []
    for index in range(5):
        take(site, sale, index)
        began = time.monotonic()
        expect(cell(page, index + 1)).to_have_attribute("data-state", "held")
        took.append(time.monotonic() - began)
    assert sorted(took)[2] < 2.0, took
    assert pages.count("GET", "/availability/") == before
    expect(page.locator("[data-fr-live=yes]")).to_be_attached()


def test_without_the_stream_the_map_asks_and_listens_again_later(
    pages: BrowserPages, site: Site, page: Page
):
    sale = site.sale(seats=20)
    await_open(site, sale, "availability")
    open_map(pages, site, page, sale)
    show(page, "list")
    await_stream(pages, "availability")
    await_that(lambda: asks_no_more(page, pages, "availability"), "it only listens", seconds=60)
    site.part("kill", "stream")
    try:
        before = pages.count("GET", "/availability/")
        await_that(lambda: pages.count("GET", "/availability/") > before, "it asks", seconds=5)
        take(site, sale, 2)
        expect(cell(page, 3)).to_have_attribute("data-state", "held")
    finally:
        site.part("start", "stream")
    await_open(site, sale, "availability")
    await_that(lambda: asks_no_more(page, pages, "availability"), "it listens again", seconds=90)
    take(site, sale, 5)
    expect(cell(page, 6)).to_have_attribute("data-state", "held")


def test_of_two_tabs_one_listens_for_both(
    pages: BrowserPages, site: Site, context: BrowserContext, page: Page
):
    sale = site.sale(seats=20)
    await_open(site, sale, "availability")
    open_map(pages, site, page, sale)
    await_stream(pages, "availability")
    await_that(lambda: asks_no_more(page, pages, "availability"), "it only listens", seconds=60)
    before = pages.count("GET", "/availability/stream/")
    second = context.new_page()
    open_map(pages, site, second, sale)
    show(second, "list")
    take(site, sale, 4)
    expect(cell(second, 5)).to_have_attribute("data-state", "held")
    assert pages.count("GET", "/availability/stream/") == before
    page.close()  # the second one takes over
    await_that(
        lambda: pages.count("GET", "/availability/stream/") > before, "it listens", seconds=40
    )
    take(site, sale, 7)
    expect(cell(second, 8)).to_have_attribute("data-state", "held")


def test_who_waits_hears_the_room_s_status_and_asks_for_the_own_place_alone(
    pages: BrowserPages,
    site: Site,
    page: Page,
    fan: Fan,
    full: Sale,
):
    await_open(site, full, "queue")
    page.goto(page_of(pages, site, full))
    is_on(page, "waiting", "near")
    await_stream(pages, "queue")
    await_that(lambda: asks_no_more(page, pages, "queue"), "it only listens", seconds=60)


def test_the_checksum_is_zlib_s(pure):
    for letters in ("", "A", "ATRB" * 25, "A" * 50_000):
        assert pure("(m, letters) => m.crc32(letters)", letters) == zlib.crc32(letters.encode())


def test_news_lead_to_the_string_that_the_server_has(pure):
    before = {"as_of": "2026-11-26T20:00:00.000Z", "statuses": "AAAA", "layout_version": 1}
    news = {"as_of": "2026-11-26T20:00:01.000Z", "T": [0], "R": [1, 3]}
    found = pure("(m, [before, news]) => m.withNews(before, news)", [before, news])
    assert found == {**before, "as_of": news["as_of"], "statuses": "TRAR"}
