"""Opened tickets open without a network; nothing else does, and nothing outlives the log-out.

The worker and the scripts are those of ui/dist, in a real browser; the pages around them are made
here, with the headers that tests/pages/test_kept_tickets.py expects of the site.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from kernel import clock
from tests.support.browser_pages import CSP, TYPES, UI
from tests.support.small_server import served

TICKETS = "/en/me/tickets/"
KEEPER = f"{TICKETS}keeper.js"
OPENED, OTHER = (f"{TICKETS}01890000-0000-7000-8000-00000000000{number}/" for number in (1, 2))
KEPT = "async () => (await caches.keys()).filter((name) => name.startsWith('fr-ticket:'))"
SCOPES = "async () => (await navigator.serviceWorker.getRegistrations()).map((one) => one.scope)"
# Until the page, its style sheet and its script are kept.
WHOLE = """async () => {
  const count = async () => {
    const name = `fr-ticket:${location.pathname}`;
    return (await caches.has(name)) ? (await (await caches.open(name)).keys()).length : 0;
  };
  while ((await count()) < 3) await new Promise((go) => setTimeout(go, 20));
}"""
GONE = """async () => {
  while ((await caches.keys()).length) await new Promise((go) => setTimeout(go, 20));
}"""
LET_TIME_PASS = """async () => {
  const cache = await caches.open(`fr-ticket:${location.pathname}`);
  const kept = await cache.match(location.pathname);
  const headers = new Headers(kept.headers);
  headers.set("Ticket-Kept-Until", new Date(Date.now() - 1000).toISOString());
  await cache.put(location.pathname, new Response(await kept.text(), {headers}));
}"""
BODY = """<!doctype html><html lang="en"><head><title>Ticket</title>
<link rel="stylesheet" href="/static/site.css">
<script type="module" src="/static/{script}.js"></script></head><body><main>
<p data-fr-offline hidden>offline</p>
<button type="button" data-fr-share="{path}.pdf" hidden>Send the ticket</button>
<div class="fr-qr">{words}</div>
<script type="application/json" id="fr-data">{data}</script></main></body></html>"""

PDF = b"%PDF-1.7 of the first ticket"
# What a phone does; Chromium has no such sheet here.
SHEET = """navigator.canShare = ({files}) => files[0].type === "application/pdf";
navigator.share = async ({files, ...others}) => {
  window.sent = {name: files[0].name, words: await files[0].text(), others};
};"""


@dataclass
class Hall:
    """A site with two tickets: whether it answers, whether there is a login, what it says."""

    url: str = ""
    answers: bool = True
    is_broken: bool = False
    broken: int = 503
    lacks_files: bool = False
    logged_in: bool = True
    is_void: bool = False
    words: str = "first"

    def page(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers of a page."""
        if path in (OPENED, OTHER) and not self.logged_in:
            return 302, b"", {"Location": "/en/account/login/"}
        if self.is_broken:
            return self.broken, b"broken", {}
        is_ticket = path in (OPENED, OTHER)
        urls = {"token": "/account/token/", "login": "/", "me": "/", "keeper": KEEPER}
        data = {"language": "en", "page": "ticket", "login_cookie": "logged_in", "urls": urls}
        script = "ticket" if is_ticket else "site"
        body = BODY.format(
            script=script, words=self.words, data=json.dumps(data), path=path.rstrip("/")
        )
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": CSP}
        headers |= {"Cache-Control": "private, no-store", "Vary": "Cookie"}
        if is_ticket and not self.is_void:
            until = datetime.now(UTC) + timedelta(days=1)
            headers["Ticket-Kept-Until"] = clock.as_text(until)
        if path == "/en/account/logged-out/":
            headers["Clear-Site-Data"] = '"storage"'
        return 200, body.encode(), headers

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Return what is at a path: a file of ui/dist, the service worker, or a page."""
        if path == KEEPER:
            policy = "default-src 'none'; connect-src 'self'"
            headers = {"Content-Type": TYPES[".js"], "Content-Security-Policy": policy}
            return 200, (UI / "dist" / "ticket-keeper.js").read_bytes(), headers
        if path == f"{OPENED[:-1]}.pdf":
            return 200, PDF, {"Content-Type": "application/pdf"}
        if path.startswith("/static/") and self.lacks_files:
            return 404, b"", {}
        if path.startswith("/static/"):
            file = UI / "dist" / path.removeprefix("/static/")
            return 200, file.read_bytes(), {"Content-Type": TYPES[file.suffix]}
        return self.page(path)


@pytest.fixture
def hall() -> Iterator[Hall]:
    made = Hall()

    class Handler(BaseHTTPRequestHandler):  # HTTP/1.0: a connection a request
        def do_GET(self) -> None:
            if not made.answers:
                self.close_connection = True
                return
            status, body, headers = made.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with served(Handler) as made.url:
        yield made


@pytest.fixture
def opened(hall: Hall, page: Page) -> Page:
    """A page with a ticket that is kept whole."""
    page.goto(hall.url + OPENED)
    page.evaluate(WHOLE)
    return page


def has_no_answer(page: Page, address: str) -> bool:
    with pytest.raises(Error, match=r"ERR_(EMPTY_RESPONSE|FAILED)"):
        page.goto(address)
    return True


def test_an_opened_ticket_opens_without_a_network_and_nothing_else_does(hall: Hall, opened: Page):
    assert opened.evaluate(SCOPES) == [hall.url + TICKETS]
    hall.answers = False
    opened.goto(hall.url + OPENED)
    expect(opened.locator(".fr-qr")).to_have_text("first")
    white = opened.locator(".fr-qr").evaluate("(one) => getComputedStyle(one).backgroundColor")
    assert white == "rgb(255, 255, 255)"  # the style sheet is there
    for path in (OTHER, f"{OPENED[:-1]}.pdf", TICKETS, "/en/me/", "/en/", f"/ko{OPENED[3:]}"):
        assert has_no_answer(opened, hall.url + path)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_with_a_network_the_site_is_asked(hall: Hall, opened: Page, status: int):
    hall.words = "second"
    opened.goto(hall.url + OPENED)
    expect(opened.locator(".fr-qr")).to_have_text("second")
    hall.is_broken, hall.broken = True, status
    for _ in range(2):  # the copy stays
        opened.goto(hall.url + OPENED)
        expect(opened.locator(".fr-qr")).to_have_text("second")


def test_a_kept_page_has_the_files_of_its_time_when_the_site_has_others(hall: Hall, opened: Page):
    hall.lacks_files = True
    opened.goto(hall.url + OPENED)
    white = opened.locator(".fr-qr").evaluate("(one) => getComputedStyle(one).backgroundColor")
    assert white == "rgb(255, 255, 255)"


def test_a_log_out_deletes_what_was_kept(hall: Hall, opened: Page):
    opened.goto(f"{hall.url}/en/account/logged-out/")
    assert opened.evaluate(KEPT) == []
    assert opened.evaluate(SCOPES) == []
    hall.answers = False
    assert has_no_answer(opened, hall.url + OPENED)


@pytest.mark.control
def test_without_the_header_of_the_log_out_the_ticket_stays(hall: Hall, opened: Page):
    opened.goto(f"{hall.url}/en/")
    assert len(opened.evaluate(KEPT)) == 1
    hall.answers = False
    opened.goto(hall.url + OPENED)
    expect(opened.locator(".fr-qr")).to_have_text("first")


def test_a_login_that_has_ended_deletes_it_too(hall: Hall, opened: Page, context: BrowserContext):
    hall.logged_in = False
    opened.goto(hall.url + OPENED)
    assert opened.url == f"{hall.url}/en/account/login/"
    assert opened.evaluate(KEPT) == []


def test_a_ticket_goes_when_its_time_has_passed_wherever_the_fan_is(hall: Hall, opened: Page):
    opened.evaluate(LET_TIME_PASS)
    opened.goto(f"{hall.url}/en/pages/terms/")
    opened.evaluate(GONE)
    hall.answers = False
    assert has_no_answer(opened, hall.url + OPENED)


def test_a_ticket_that_became_void_is_kept_no_longer(hall: Hall, opened: Page):
    hall.is_void = True
    opened.goto(hall.url + OPENED)
    opened.evaluate(GONE)


def test_a_ticket_is_sent_as_a_file_and_not_by_its_private_address(hall: Hall, page: Page):
    page.add_init_script(SHEET)
    page.goto(hall.url + OPENED)
    page.get_by_role("button", name="Send the ticket").click()
    sent = page.wait_for_function("() => window.sent", polling=50).json_value()
    assert sent == {"name": "ticket.pdf", "words": PDF.decode(), "others": {}}


def test_without_a_way_to_send_a_file_there_is_no_button(hall: Hall, opened: Page):
    expect(opened.get_by_role("button", name="Send the ticket")).to_have_count(0)
