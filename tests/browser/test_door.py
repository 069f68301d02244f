"""The door's page on the running site: what it reads, says, undoes and finds, in each form."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_accessibility import FORMS, violations
from tests.browser.test_staff import looks_right
from tests.support.door_devices import (
    HANGUL,
    film,
    is_answered,
    open_gate,
    type_code,
    wedge,
)
from tests.support.page_faults import faults_of
from tests.support.site import Sale, Site

Device = Callable[..., Page]
_FAKE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
STATE = "SELECT status FROM tickets_ticket WHERE code = %s"
CHECKINS = "SELECT gate FROM tickets_checkin c JOIN tickets_ticket t ON t.id = c.ticket_id"
# What a telephone does at a call.
TAKEN = """() => document.querySelector("video").srcObject.getVideoTracks()[0]
  .dispatchEvent(new Event("ended"))"""
LIVE = f"{CHECKINS} WHERE t.code = %s AND c.undone_at IS NULL"


@pytest.fixture(scope="module")
def sale(site: Site) -> Sale:
    return site.sale(seats=60, row_length=10, max_seats_per_fan=40)


@pytest.fixture(scope="module")
def tickets(site: Site, sale: Sale) -> Iterator[dict[str, str]]:
    """Each time another ticket."""
    return iter(site.tickets(sale, len(sale.seat_ids)))


def watched(context: BrowserContext) -> tuple[Page, list[str]]:
    context.set_default_timeout(30_000)
    page = context.new_page()
    return page, faults_of(page)


@pytest.fixture(params=FORMS, ids="-".join)
def form(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Any]:
    """A language, and a device of somebody at the door in light or dark."""
    language, scheme = request.param
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    context.add_cookies([site.staff("door")])
    page, faults = watched(context)
    yield language, page
    assert faults == []
    context.close()


@pytest.fixture
def device(browser: Browser, site: Site) -> Iterator[Device]:
    """Another device of somebody at the door at each call."""
    made: list[tuple[BrowserContext, list[str]]] = []

    def new(role: str = "door") -> Page:
        context = browser.new_context(viewport={"width": 390, "height": 780})
        context.add_cookies([site.staff(role)])
        page, faults = watched(context)
        made.append((context, faults))
        return page

    yield new
    for context, faults in made:
        assert faults == []
        context.close()


def test_a_tilted_printed_ticket_is_read_by_the_camera_under_the_policy(
    launch_browser: Callable[..., Browser],
    browser: Browser,
    site: Site,
    sale: Sale,
    tickets: Iterator[dict[str, str]],
    tmp_path: Path,
):
    ticket = next(tickets)
    seen = film(browser, ticket["qr"], tmp_path)
    camera = launch_browser(*_FAKE, f"--use-file-for-fake-video-capture={seen}")
    context = camera.new_context(viewport={"width": 390, "height": 780})
    context.grant_permissions(["camera"], origin=site.url)
    context.add_cookies([site.staff("door")])
    page, faults = watched(context)
    loaded: list[str] = []
    page.on("request", lambda sent: loaded.append(sent.url))
    open_gate(page, site, sale)
    assert not [one for one in loaded if ".wasm" in one or "reader" in one]  # not before
    page.locator("[data-fr-camera]").click()
    is_answered(page, "admitted")
    assert site.rows(STATE, ticket["code"]) == [("USED",)]
    expect(page.locator("[data-fr-answer]")).to_be_hidden()
    expect(page.locator("[data-fr-recent] li")).to_have_count(1)  # it is still in sight
    assert [one for one in loaded if ".wasm" in one]
    page.locator("[data-fr-camera]").click()
    expect(page.locator("[data-fr-view]")).to_be_hidden()
    assert faults == []
    camera.close()


@pytest.mark.control
def test_control_a_film_without_a_code_is_answered_by_nothing(
    launch_browser: Callable[..., Browser], site: Site, sale: Sale
):
    camera = launch_browser(*_FAKE)  # Chromium's own test picture
    context = camera.new_context()
    context.grant_permissions(["camera"], origin=site.url)
    context.add_cookies([site.staff("door")])
    page, _ = watched(context)
    open_gate(page, site, sale)
    page.locator("[data-fr-camera]").click()
    expect(page.locator("[data-fr-camera-says]")).not_to_be_empty()
    expect(page.locator("[data-fr-view]")).to_be_visible()
    page.wait_for_function("() => document.querySelector('video').currentTime > 1")
    expect(page.locator("[data-fr-recent] li")).to_have_count(0)
    camera.close()


def test_another_camera_is_a_press_off(
    launch_browser: Callable[..., Browser], site: Site, sale: Sale
):
    camera = launch_browser("--use-fake-device-for-media-stream=device-count=2", _FAKE[1])
    context = camera.new_context()
    context.grant_permissions(["camera"], origin=site.url)
    context.add_cookies([site.staff("door")])
    page, faults = watched(context)
    open_gate(page, site, sale)
    page.locator("[data-fr-camera]").click()
    expect(page.locator("[data-fr-switch]")).to_be_visible()
    which = """() => document.querySelector("video").srcObject?.getVideoTracks()[0].label"""
    first = page.evaluate(which)
    page.locator("[data-fr-switch]").click()
    page.wait_for_function(f"(first) => ![first, undefined].includes(({which})())", arg=first)
    page.evaluate(TAKEN)
    expect(page.locator("[data-fr-camera-says]")).to_contain_text("again")
    assert faults == []
    camera.close()


@pytest.mark.parametrize(
    "key_of",
    [str, HANGUL.get, lambda _: "Process", str.swapcase],
    ids=["plain", "hangul-keys", "hangul-method", "caps-lock"],
)
def test_a_scanner_is_read_whatever_the_keyboard_makes_of_its_keys(
    device: Device, site: Site, sale: Sale, tickets: Iterator[dict[str, str]], key_of: Any
):
    ticket, page = next(tickets), device()
    open_gate(page, site, sale)
    page.locator("#words").fill("half a na")  # where the cursor stands, and what stands there
    page.locator("#words").focus()
    wedge(page, ticket["qr"], key_of=key_of)
    is_answered(page, "admitted")
    expect(page.locator("#words")).to_have_value("half a na")
    wedge(page, ticket["qr"], key_of=key_of)
    is_answered(page, "already_admitted")
    assert site.rows(LIVE, ticket["code"]) == [("North",)]


@pytest.mark.control
def test_control_a_person_who_types_a_code_is_no_scanner(
    device: Device, site: Site, sale: Sale, tickets: Iterator[dict[str, str]]
):
    ticket, page = next(tickets), device()
    open_gate(page, site, sale)
    page.locator("h1").click()
    wedge(page, ticket["code"], pace=0.12)
    type_code(page, "0" * 12)
    is_answered(page, "ticket_not_found")
    assert site.rows(STATE, ticket["code"]) == [("VALID",)]


def test_an_answer_is_there_within_300_ms_of_the_server_s(
    device: Device, site: Site, sale: Sale, tickets: Iterator[dict[str, str]]
):
    page = device()
    open_gate(page, site, sale)
    page.evaluate(
        """() => {
          const screen = document.querySelector("[data-fr-answer]");
          new MutationObserver(() => { window.shownAt = performance.now(); })
            .observe(screen, { attributes: true, attributeFilter: ["hidden"] });
        }"""
    )
    type_code(page, next(tickets)["code"])
    is_answered(page, "admitted")
    late = page.evaluate(
        """() => {
          const sent = performance.getEntriesByType("resource")
            .filter((one) => one.name.endsWith("/scans/")).at(-1);
          return window.shownAt - sent.responseEnd;
        }"""
    )
    assert late < 300


def test_an_admission_is_undone_with_a_reason_and_counts_again(
    device: Device, site: Site, sale: Sale, tickets: Iterator[dict[str, str]]
):
    ticket, page = next(tickets), device()
    open_gate(page, site, sale)
    type_code(page, ticket["code"])
    is_answered(page, "admitted")
    page.locator("[data-fr-answer-undo]").click()
    dialog = page.locator("[data-fr-undo]")
    expect(dialog).to_be_visible()
    dialog.locator("button[value=undo]").click()
    expect(dialog).to_be_visible()  # without a reason nothing is undone
    dialog.locator("#undo-reason").fill("left again")
    dialog.locator("button[value=undo]").click()
    expect(page.locator("[data-fr-recent] li[data-undone]")).to_have_count(1)
    assert site.rows(STATE, ticket["code"]) == [("VALID",)]
    reasons = "SELECT reason FROM accounts_auditentry WHERE changes ->> 'ticket' = %s"
    assert site.rows(reasons, ticket["code"]) == [("left again",)]
    type_code(page, ticket["code"])
    is_answered(page, "admitted")


def test_without_a_network_it_goes_on_by_the_list_and_says_so(
    device: Device, site: Site, sale: Sale, tickets: Iterator[dict[str, str]]
):
    ticket, page = next(tickets), device()
    open_gate(page, site, sale, gate="Offline")
    expect(page.locator('[data-fr-figure="tickets"]')).not_to_have_text("0")
    page.context.set_offline(True)
    type_code(page, ticket["code"])
    is_answered(page, "admitted")
    expect(page.locator("[data-fr-answer-more]")).to_contain_text("without the network")
    expect(page.locator('[data-fr-figure="unsent"]')).to_have_text("1")
    expect(page.locator("[data-fr-network]")).to_have_attribute("data-alarms", "yes")
    expect(page.locator("[data-fr-answer]")).to_be_hidden()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("[data-fr-fault]")).to_contain_text("not been sent")
    assert site.rows(STATE, ticket["code"]) == [("VALID",)]
    page.context.set_offline(False)
    expect(page.locator('[data-fr-figure="unsent"]')).to_have_text("0")
    assert site.rows(LIVE, ticket["code"]) == [("Offline",)]
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/admin/**")


def test_the_choice_is_kept_on_the_device(device: Device, site: Site, sale: Sale):
    page = device()
    open_gate(page, site, sale, gate="  South   2 ")
    page.goto(f"{site.url}/en/door/")
    page.wait_for_url(f"**/door/{sale.performance_id}/")
    expect(page.locator("[data-fr-gate-name]")).to_have_text("South 2")
    page.locator("[data-fr-change-gate]").click()
    expect(page.locator("#gate")).to_be_visible()


def test_a_ticket_is_found_by_its_seat_and_let_in_by_a_press(
    device: Device, site: Site, sale: Sale, tickets: Iterator[dict[str, str]]
):
    page = device()
    next(tickets)
    open_gate(page, site, sale)
    row = "SELECT s.row, s.number FROM tickets_ticket t JOIN concerts_seat s ON s.id = t.seat_id"
    ticket = next(tickets)
    [(line, number)] = site.rows(f"{row} WHERE t.code = %s", ticket["code"])
    page.locator("#words").fill(f"A {line} {number}")
    page.locator("[data-fr-search-form] button").click()
    page.locator("[data-fr-found]").get_by_role("button", name=f"A-{line}-{number}").click()
    is_answered(page, "admitted")
    assert site.rows(STATE, ticket["code"]) == [("USED",)]


def test_every_state_has_no_violation(
    site: Site, sale: Sale, tickets: Iterator[dict[str, str]], form: tuple[str, Page]
):
    language, page = form
    page.goto(f"{site.url}/{language}/door/?choose")
    looks_right(page)
    page.goto(f"{site.url}/{language}/door/{sale.performance_id}/")
    expect(page.locator("#gate")).to_be_visible()
    looks_right(page)
    page.locator("#gate").fill("North")
    page.locator("[data-fr-gate-form] button").click()
    expect(page.locator("fr-door")).to_have_attribute("data-fr-ready", "yes")
    looks_right(page)
    page.locator("[data-fr-camera]").click()  # there is none
    expect(page.locator("[data-fr-camera-says]")).not_to_be_empty()
    looks_right(page)
    page.locator("#words").fill("A 1")
    page.locator("[data-fr-search-form] button").click()
    expect(page.locator("[data-fr-search-says]")).to_be_attached()
    looks_right(page)
    answers_look_right(site, sale, tickets, page)
    page.context.set_offline(True)
    type_code(page, next(tickets)["code"])
    expect(page.locator("[data-fr-answer-more]")).to_contain_text(
        "명단" if language == "ko" else "list"
    )
    assert violations(page) == []
    page.context.set_offline(False)


def answers_look_right(
    site: Site, sale: Sale, tickets: Iterator[dict[str, str]], page: Page
) -> None:
    ticket = next(tickets)
    other = site.sale(seats=4)
    [elsewhere] = site.tickets(other, 1)
    shown = [
        (ticket["code"], "admitted"),
        (ticket["code"], "already_admitted"),
        (elsewhere["code"], "wrong_performance"),
        ("0" * 12, "ticket_not_found"),
    ]
    for code, outcome in shown:
        type_code(page, code)
        is_answered(page, outcome)
        page.locator("[data-fr-answer-next]").focus()  # which keeps an admission on the screen
        looks_right(page)
        page.keyboard.press("Escape")
        expect(page.locator("[data-fr-answer]")).to_be_hidden()
    looks_right(page)
    page.locator("[data-fr-recent] li[data-outcome=admitted] button").first.click()
    expect(page.locator("[data-fr-undo]")).to_be_visible()
    looks_right(page)
    page.keyboard.press("Escape")


def test_conflicts_of_all_gates_have_no_violation(
    site: Site, sale: Sale, tickets: Iterator[dict[str, str]], form: tuple[str, Page]
):
    language, page = form
    address = f"{site.url}/{language}/door/{sale.performance_id}/conflicts/"
    ticket = next(tickets)
    for gate in ("North", "South"):
        page.goto(f"{site.url}/{language}/door/{sale.performance_id}/")
        answer = page.evaluate(
            """async ([code, gate, id]) => {
              const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
              const scans = [{ code, gate, scan_id: gate + code, scanned_at: new Date() }];
              const sent = await fetch(`/door/performances/${id}/scans/batch/`, {
                method: "POST", body: JSON.stringify({ scans }),
                headers: { "Content-Type": "application/json", "X-CSRFToken": token },
              });
              return (await sent.json()).results[0].outcome;
            }""",
            [ticket["code"], gate, sale.performance_id],
        )
        assert answer == ("admitted" if gate == "North" else "already_admitted")
    page.goto(address)
    expect(page.locator("tbody tr").filter(has_text="South").first).to_contain_text("North")
    looks_right(page)
