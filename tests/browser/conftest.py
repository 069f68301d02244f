"""Chromium, and pages before the running site's API.

Playwright's loop runs in the thread of the tests, where Django then refuses its database. So it
ends with each file, and no test here touches the ORM.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError

from kernel.signing.jwks import public_jwks
from tests.support.browser_pages import BrowserPages, browser_pages
from tests.support.door_lists import listed_gate
from tests.support.door_pages import GatePage
from tests.support.page_faults import faults_of
from tests.support.queue_pages import full_room
from tests.support.signing import ring_in
from tests.support.site import Fan, Sale, Site

Pure = Callable[..., Any]
# The first test may start the site.
SECONDS = 360
# What is awaited comes at once on an idle machine; a busy one is no fault of what is tested.
expect.set_options(timeout=20_000)
PHONE = {"width": 390, "height": 780}
_HERE = ("127.0.0.1", "localhost")  # passkeys belong to names alone
DESKTOP = {"width": 1280, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser_type(playwright: Playwright) -> BrowserType:
    return playwright.chromium


@pytest.fixture(scope="module")
def launch_browser(browser_type: BrowserType) -> Callable[..., Browser]:
    program = shutil.which("chromium")
    assert program, "no chromium on this machine: `.ci/run` installs it (apt-get install chromium)"

    def launch(*more: str, **options: Any) -> Browser:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", *more]
        return browser_type.launch(executable_path=program, args=arguments, **options)

    return launch


@pytest.fixture(scope="module")
def browser(launch_browser: Callable[..., Browser], elsewhere: list[str]) -> Iterator[Browser]:
    """Chromium, every context of which notes what it asks of other origins."""
    running = launch_browser()
    new_context = running.new_context

    def watched(**options: Any) -> BrowserContext:
        made = new_context(**options)
        made.on("request", lambda sent: elsewhere.append(sent.url) if leaves(sent) else None)
        return made

    running.new_context = watched  # type: ignore[method-assign]
    yield running
    running.close()


@pytest.fixture(scope="module")
def elsewhere() -> list[str]:
    """Return what was asked of another origin than a page's own, in the tests of a file."""
    return []


@pytest.fixture(autouse=True)
def nothing_leaves(elsewhere: list[str]) -> Iterator[None]:
    """Refuse in every test, by the browser's own log, what leaves the origin of its page."""
    elsewhere.clear()
    yield
    assert elsewhere == []


def leaves(sent: Request) -> bool:
    """Say whether a request leaves its page's origin.

    People may be led to the gateway's page, on this machine like all that a test starts.
    """
    asked = urlsplit(sent.url)
    if not asked.netloc:
        return False  # data: and blob:
    if sent.is_navigation_request():
        return asked.hostname not in _HERE
    try:
        home = sent.frame.url
    except PlaywrightError:
        return asked.hostname not in _HERE  # a worker's, which has no frame
    return asked.netloc != urlsplit(home).netloc


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A phone of somebody who likes no motion: nothing is animated."""
    made = browser.new_context(viewport=PHONE, reduced_motion="reduce", timezone_id="Asia/Seoul")
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which no script may fail and no policy is broken."""
    page = context.new_page()
    faults = faults_of(page)
    yield page
    assert faults == []


@pytest.fixture(scope="module")
def pure(browser: Browser) -> Iterator[Pure]:
    """Evaluate `(m, arg) => …`, `m` being all functions of ui/dist-tests/pure.js."""
    with browser_pages("") as pages:
        pages.stalling.add("/stalls/")
        page = browser.new_context().new_page()
        page.goto(pages.add("/", script="site", data={"page": "home"}, body="{data}"))

        def evaluate(function: str, argument: object = None) -> Any:
            wrapped = f"async (arg) => ({function})(await import('/static-tests/pure.js'), arg)"
            return page.evaluate(wrapped, argument)

        yield evaluate
        page.close()


@pytest.fixture
def pages(site: Site) -> Iterator[BrowserPages]:
    with browser_pages(site.url) as made:
        yield made


@pytest.fixture
def silent_pages() -> Iterator[BrowserPages]:
    """Pages with no site behind them: no request is answered, as without a network."""
    with browser_pages("") as made:
        made.failing["/api/"] = (503, {"code": "unavailable"})
        yield made


@pytest.fixture
def ticket_keys(tmp_path: Path, settings: Any) -> Iterator[list[dict[str, Any]]]:
    """The public keys of tickets, of a ring of the test's own."""
    with ring_in(tmp_path / "keys.json", settings):
        yield [key for key in public_jwks()["keys"] if key["frontrow_use"] == "ticket"]


@pytest.fixture
def door(
    silent_pages: BrowserPages, context: BrowserContext, ticket_keys: list[dict[str, Any]]
) -> GatePage:
    """A gate that has a list of eight tickets and no network."""
    return listed_gate(silent_pages, context, ticket_keys)


@pytest.fixture
def log_in(pages: BrowserPages) -> Callable[[BrowserContext, Fan], None]:
    """Give a browser the session of a fan."""

    def add(context: BrowserContext, fan: Fan) -> None:
        cookies = {"login": fan.access_token, "csrftoken": "0123456789", "logged_in": "1"}
        context.add_cookies([{"name": k, "value": v, "url": pages.url} for k, v in cookies.items()])

    return add


@pytest.fixture
def fan(site: Site, log_in: Callable[[BrowserContext, Fan], None], context: BrowserContext) -> Fan:
    """A fan who is logged in, in the browser of the test's page."""
    [made] = site.fans(1)
    log_in(context, made)
    return made


@pytest.fixture
def full(site: Site) -> Sale:
    """A room whose one place inside is taken, with three who wait."""
    return full_room(site, fans=4)
