"""Getting into the waiting room in a browser: invitations, checks, shared browsers, the draw."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from csp.utils import build_policy
from django.conf import settings
from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from tests.support.browser_pages import BrowserPages
from tests.support.queue_pages import SLOW, is_on, number, page_of
from tests.support.site import Fan, Sale, Site
from tests.support.small_server import served

TURNSTILE = {"code": "challenge_required", "challenge": {"kind": "turnstile", "site_key": "public"}}


@pytest.fixture
def full(site: Site) -> Sale:
    sale = site.sale(seats=10, queue=SLOW)
    for ahead in site.fans(3):
        site.http(ahead.access_token).post(f"/api/v1/performances/{sale.performance_id}/queue/")
    return sale


def until(page: Page, holds: Callable[[], object]) -> None:
    """Wait until something that no locator shows holds, 20 s at most."""
    for _ in range(200):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never held")


def is_join(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/queue/")


def test_who_waits_may_use_an_invitation(pages, site, page: Page, fan: Fan, full: Sale):
    page.goto(page_of(pages, site, full))
    is_on(page, "waiting", "near")
    before = number(page)
    page.get_by_text("I have an invitation").click()
    page.get_by_label("Invitation code").fill("made-up")
    with page.expect_request(is_join) as sent:
        page.get_by_role("button", name="Join", exact=True).click()
    assert sent.value.post_data_json == {"invitation_code": "made-up"}
    expect(page.locator(".fr-invited [role=alert]")).to_contain_text("not valid for this")
    assert number(page) == before  # a wrong code takes no place
    is_on(page, "waiting", "near")


def test_the_place_of_a_fan_who_logged_out_is_shown_to_nobody(
    pages, site, page: Page, fan: Fan, full: Sale, context: BrowserContext
):
    page.goto(page_of(pages, site, full))
    is_on(page, "waiting", "near")
    context.clear_cookies()
    page.reload()
    is_on(page, "login")
    expect(page.locator("[data-fr-number]")).to_have_count(0)
    asked = pages.count("GET", "/queue/me/")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    is_on(page, "login")
    assert pages.count("GET", "/queue/me/") == asked


def test_a_second_check_is_met_like_the_first_however_long_the_first_took(
    pages, site, page: Page, fan: Fan
):
    sale = site.sale(seats=10, queue={**SLOW, "abuse_check": "PROOF_OF_WORK", "work_bits": 8})
    refused: list[dict[str, Any]] = []
    held: list[Route] = []

    def answer(route: Route) -> None:
        if not is_join(route.request):
            route.fallback()
        elif not refused:
            response = route.fetch()
            refused.append(response.json())
            route.fulfill(response=response)
        elif not held:
            held.append(route)
        else:
            route.fallback()

    page.route("**/queue/", answer)
    page.goto(page_of(pages, site, sale))
    until(page, lambda: held)
    page.wait_for_timeout(3000)  # the page looks at its state again and again meanwhile
    held[0].fulfill(status=403, json={**refused[0], "code": "challenge_failed"})
    is_on(page, "admitted", "waiting", "near")


def test_the_commitment_is_noted_without_a_place(pages, site, page: Page, full: Sale):
    draw = f"/api/v1/performances/{full.performance_id}/draw/"
    commitment = "ab" * 32
    pages.failing[draw] = (200, {"commitment": commitment, "seed": None, "start": 0, "numbers": 0})
    page.goto(page_of(pages, site, full))
    is_on(page, "login")

    def noted() -> object:
        return page.evaluate("(name) => localStorage.getItem(name)", f"fr-queue-draw:{id_of(full)}")

    until(page, noted)
    assert noted() == commitment
    pages.failing[draw] = (200, {"commitment": "cd" * 32, "seed": None, "start": 0, "numbers": 0})
    with page.expect_response("**/draw/"):
        page.reload()
    is_on(page, "login")
    assert noted() == commitment  # the first one counts


def id_of(sale: Sale) -> str:
    return str(sale.performance_id)


# --- a service that checks fans: a stand-in of another origin, under the policy of that page

# As such a script may: it writes HTML and shows a frame of its own.
WIDGET = """
globalThis.turnstile = { render(box, options) {
  box.innerHTML = '<iframe title="Check" src="ORIGIN/frame"></iframe>';
  addEventListener("message", (event) => {
    if (event.origin === "ORIGIN") options.callback(event.data);
  });
} };
"""
FRAME = b"<!doctype html><title>Check</title><script>parent.postMessage('good', '*')</script>"


@pytest.fixture
def service(elsewhere: list[str]) -> Iterator[str]:
    """The one other origin that a page of ours may ask, where a deployment names it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_script = self.path.startswith("/api.js")
            origin = f"http://{self.headers['Host']}"
            body = WIDGET.replace("ORIGIN", origin).encode() if is_script else FRAME
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with served(Handler) as url:
        yield url
        elsewhere[:] = [asked for asked in elsewhere if not asked.startswith(url)]


def challenged(pages: BrowserPages, site: Site, sale: Sale, service: str, policy: Any) -> str:
    """Put the waiting room's page with a service's script; return its URL."""
    address = page_of(pages, site, sale)
    path = address.removeprefix(pages.url)
    script = f'<script src="{service}/api.js" async data-fr-challenge></script></head>'
    pages.html[path] = pages.html[path].replace("</head>", script)
    said = build_policy(replace={**settings.CSP_OF_FANS_PAGES, **policy})
    pages.policies[path] = said.replace("https://challenges.cloudflare.com", service)
    return address


def meet_once(page: Page) -> list[Any]:
    """Answer the first join by a challenge of a service; return what joins say."""
    said: list[Any] = []

    def answer(route: Route) -> None:
        if not is_join(route.request):
            route.fallback()
            return
        said.append(route.request.post_data_json)
        if len(said) == 1:
            route.fulfill(status=403, json=TURNSTILE)
        else:
            route.fallback()

    page.route("**/queue/", answer)
    return said


def test_a_services_widget_is_shown_and_its_token_lets_in(
    pages, site, context: BrowserContext, fan: Fan, service: str
):
    page = context.new_page()  # it asks the service's origin
    said = meet_once(page)
    sale = site.sale(seats=10, queue={"rate_per_second": 50, "capacity": 100})
    page.goto(challenged(pages, site, sale, service, settings.CSP_OF_CHALLENGES))
    is_on(page, "admitted")
    assert said[1] == {"challenge_response": "good"}


@pytest.mark.control
def test_control_under_the_policy_of_other_pages_no_widget_is_shown(
    pages, site, context: BrowserContext, fan: Fan, service: str
):
    page = context.new_page()
    said = meet_once(page)
    origin = {key: settings.CSP_OF_CHALLENGES[key] for key in ("script-src", "frame-src")}
    sale = site.sale(seats=10, queue={"rate_per_second": 50, "capacity": 100})
    page.goto(challenged(pages, site, sale, service, origin))
    expect(page.get_by_role("button", name="Check again")).to_be_visible()
    assert len(said) == 1


def test_a_check_that_cannot_be_carried_out_says_so_and_may_be_tried_again(
    pages, site, context: BrowserContext, fan: Fan, service: str
):
    page = context.new_page()
    said = meet_once(page)
    page.route("**/api.js", lambda route: route.abort())  # as an ad blocker does
    sale = site.sale(seats=10, queue={"rate_per_second": 50, "capacity": 100})
    page.goto(challenged(pages, site, sale, service, settings.CSP_OF_CHALLENGES))
    expect(page.locator(".fr-queue-card [role=alert]")).to_contain_text("cannot be carried out")
    page.unroute("**/api.js")
    said.clear()
    page.get_by_role("button", name="Check again").click()
    is_on(page, "admitted")
    assert said[1] == {"challenge_response": "good"}
