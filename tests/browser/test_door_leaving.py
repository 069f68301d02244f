"""A gate without a network that is left, closed or undone at while its scans are on their way."""

import pytest
from playwright.sync_api import BrowserContext, Error, Route

from tests.support.browser_pages import BrowserPages
from tests.support.door_lists import CODES, HERE, MANY, answers, entry, kept, seed, send
from tests.support.door_pages import GatePage, gate_page
from tests.support.waiting import await_that
from tickets.policy import SCANS_AT_ONCE

GUARD = """(m, place) => {
  localStorage.setItem("fr-door", JSON.stringify(place));
  const form = document.createElement("form");
  form.dataset.frStaffLogout = "";
  form.action = "/en/left/";
  form.append(document.createElement("button"));
  document.body.append(form);
  m.guardLogout((words) => { document.title = words; }, async () => window.door);
}"""


def held(door: GatePage, url: str) -> list[Route]:
    """Hold the next request to an address; it is in the list that is returned once it came."""
    under_way: list[Route] = []

    def hold(route: Route) -> None:  # Playwright takes no method of a built-in type
        under_way.append(route)

    door.page.route(f"**{url}", hold, times=1)
    return under_way


def await_held(door: GatePage, routes: list[Route]) -> Route:
    await_that(lambda: door.standing() and routes, "a request is under way", seconds=60)
    return routes.pop(0)


# --- undone while scans are sent


def two_batches(door: GatePage) -> tuple[list[str], list[str], list[Route]]:
    """Scan more than go at once; return the ids, what was sent since, and the first batch, held."""
    door.page.evaluate("door.close()")
    seed(door, [entry(code) for code in MANY])
    door.open()
    door.until("standing.online === false")
    ids = [one["scanId"] for one in door.scan(*MANY[: SCANS_AT_ONCE + 2])]
    sent = answers(door)
    first = held(door, door.facts["batchUrl"])
    return ids, sent, first


def test_what_is_undone_of_a_later_batch_while_the_first_is_sent_never_goes(door: GatePage):
    ids, sent, under_way = two_batches(door)
    first = await_held(door, under_way)
    door.undo(ids[SCANS_AT_ONCE])
    send(first, sent)
    door.until("standing.unsent === 0 && standing.online")
    assert sent == [*ids[:SCANS_AT_ONCE], ids[SCANS_AT_ONCE + 1]]
    assert kept(door)["scans"] == SCANS_AT_ONCE + 1


def test_what_is_undone_of_the_batch_that_is_sent_is_undone_at_the_server(door: GatePage):
    ids, sent, under_way = two_batches(door)
    undone: list[str] = []

    def undo(route: Route) -> None:
        undone.append(route.request.post_data_json["checkin_id"])
        route.fulfill(status=204)

    door.page.route(f"**{door.facts['undoUrl']}", undo)
    first = await_held(door, under_way)
    door.undo(ids[0])
    door.undo(ids[SCANS_AT_ONCE - 1])
    assert door.outcomes(MANY[0]) == ["admitted"]  # again, while the first is under way
    send(first, sent)
    door.until("standing.unsent === 0 && standing.online")
    assert undone == [ids[0], ids[SCANS_AT_ONCE - 1]]
    assert sent[: len(ids)] == ids
    assert len(sent) == len(ids) + 1  # the later scan of the ticket, after its undoing
    assert door.standing()["admittedHere"] == len(ids) - 1


@pytest.mark.control
def test_control_what_nobody_undoes_goes_with_the_second_batch(door: GatePage):
    ids, sent, under_way = two_batches(door)
    first = await_held(door, under_way)
    send(first, sent)
    door.until("standing.unsent === 0 && standing.online")
    assert sent == ids


def test_what_is_undone_while_scans_go_to_another_address_is_not_sent(door: GatePage):
    first = door.facts["batchUrl"]
    door.scan(CODES[0])
    door.page.evaluate("door.close()")
    door.facts["batchUrl"] = f"{first}second/"
    door.open()
    door.until("standing.online === false")
    [later] = door.scan(CODES[1])  # the server is not asked about it
    under_way = held(door, first)
    sent = answers(door, batch=door.facts["batchUrl"])
    route = await_held(door, under_way)
    door.undo(later["scanId"])
    send(route, [])
    door.until("standing.unsent === 0")
    assert sent == []


def test_undoing_what_the_server_refused_is_said_to_be_undone_here_alone(door: GatePage):
    [decision] = door.scan(CODES[0])
    answers(door, outcome="already_admitted")
    door.until("standing.conflicts.length === 1")
    assert door.undo(decision["scanId"]) == "here"
    assert door.standing()["conflicts"] == []


# --- closed


def test_a_scan_in_the_moment_of_closing_is_kept(door: GatePage):
    both = "(code) => { const end = door.close(); void door.scan(code, 'hand'); return end; }"
    door.page.evaluate(both, CODES[0])
    assert kept(door)["unsent"] == 1


def close(door: GatePage) -> None:
    door.page.evaluate("() => { void door.close().then(() => { window.ended = true; }); }")


def test_closing_waits_for_the_scans_that_are_under_way(door: GatePage):
    door.scan(CODES[0])
    under_way = held(door, door.facts["batchUrl"])
    route = await_held(door, under_way)
    close(door)
    with pytest.raises(Error, match="door_open_elsewhere"):  # after the lock was waited for
        door.call("(m) => m.leaveDoor()")
    assert door.page.evaluate("window.ended === undefined")
    send(route, [])
    door.page.wait_for_function("() => window.ended === true", polling=50)
    assert kept(door)["unsent"] == 0


def test_closing_waits_for_no_list_and_leaves_the_one_that_was_kept(door: GatePage):
    under_way = held(door, "/admission-list/*")
    await_held(door, under_way)
    # Without an answer to the list, which may take a minute.
    door.page.evaluate("door.close()")
    assert kept(door)["listed"] == len(CODES)
    assert door.call("(m) => m.leaveDoor()") is True


@pytest.mark.control
def test_control_a_list_that_nobody_gives_up_is_waited_for(door: GatePage):
    under_way = held(door, "/admission-list/*")
    await_held(door, under_way)
    door.page.evaluate("() => { AbortController.prototype.abort = () => undefined; }")
    close(door)
    with pytest.raises(Error, match="door_open_elsewhere"):
        door.call("(m) => m.leaveDoor()")
    assert door.page.evaluate("window.ended === undefined")


# --- left


def test_a_log_out_leaves_nothing_behind_and_waits_for_what_is_unsent(door: GatePage):
    [decision] = door.scan(CODES[0])
    door.call(GUARD, {"performanceId": door.performance_id, "gate": "north"})
    press = door.page.locator("form button")
    press.click()
    door.page.wait_for_function("() => document.title.includes('not been sent')", polling=50)
    door.undo(decision["scanId"])
    press.click()
    door.page.wait_for_url("**/en/left/**")
    assert door.page.evaluate("localStorage.getItem('fr-door')") is None
    assert kept(door) == {"listed": 0, "scans": 0, "unsent": 0}


def test_nobody_leaves_while_another_tab_has_a_gate(
    door: GatePage, silent_pages: BrowserPages, context: BrowserContext
):
    other = gate_page(silent_pages, context, performance_id=str(HERE), gate="south")
    other.page.goto(other.address)
    with pytest.raises(Error, match="door_open_elsewhere"):
        other.call("(m) => m.leaveDoor()")
    assert kept(other)["listed"] == len(CODES)
    door.page.evaluate("door.close()")
    assert other.call("(m) => m.leaveDoor()") is True
