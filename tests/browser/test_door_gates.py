"""Gates before the running site: with a network, without, and back; every ticket admits once."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Route

from tests.support.browser_pages import BrowserPages
from tests.support.door_pages import GatePage, gate_page
from tests.support.site import Sale, Site
from tests.support.waiting import await_that

SCANS, TWICE = 500, 20  # at two gates together; of them, of tickets that both have scanned
FORGET = """async (m) => {
  const storage = await m.Storage.open();
  await storage.write([], (await storage.scans()).map((scan) => scan.scanId));
  storage.close();
}"""
Opened = Callable[..., GatePage]


@dataclass(frozen=True)
class Doors:
    """A performance with sold tickets, and the key of its scanners."""

    sale: Sale
    qr: list[str]
    codes: list[str]
    key: str


@pytest.fixture(scope="module")
def doors(site: Site) -> Doors:
    return sold(site, 12)


def sold(site: Site, count: int) -> Doors:
    sale = site.sale(seats=count)
    tickets = site.tickets(sale, count)
    return Doors(
        sale, [one["qr"] for one in tickets], [one["code"] for one in tickets], site.door_key()
    )


@pytest.fixture
def opened(site: Site, pages: BrowserPages, browser: Browser) -> Opened:
    """Open a gate in a browser of its own, with the list on it."""

    def make(doors: Doors, gate: str) -> GatePage:
        context = browser.new_context()
        context.set_default_timeout(60_000)
        context.set_extra_http_headers({"Authorization": f"Api-Key {doors.key}"})
        keys = site.http().get("/.well-known/jwks.json").json()["keys"]
        made = gate_page(
            pages,
            context,
            performance_id=doors.sale.performance_id,
            gate=gate,
            keys=[key for key in keys if key["frontrow_use"] == "ticket"],
        )
        made.page.route("**/api/v1/undo/", lambda route: undo(route, site, doors.key))
        made.visit()
        made.until(f"standing.tickets === {len(doors.qr)} && standing.online")
        return made

    return make


def undo(route: Route, site: Site, key: str) -> None:
    """The undoing of the door's pages, by the API."""
    asked = route.request.post_data_json
    headers = {"Authorization": f"Api-Key {key}"}
    done = site.http().delete(f"/api/v1/checkins/{asked['checkin_id']}/", headers=headers)
    route.fulfill(status=done.status_code, body=done.text)


def admitted(site: Site, doors: Doors) -> dict[str, list[str]]:
    """Return the gates of the admissions in force by ticket, as the database has them."""
    found = site.rows(
        "SELECT t.code, c.gate FROM tickets_ticket t JOIN tickets_checkin c ON c.ticket_id = t.id"
        " WHERE t.performance_id = %s AND c.undone_at IS NULL",
        doors.sale.performance_id,
    )
    gates: dict[str, list[str]] = {}
    for code, gate in found:
        gates.setdefault(code, []).append(gate)
    return gates


def two_gates(
    site: Site, opened: Opened, doors: Doors, *, reload: Callable[[GatePage], None]
) -> tuple[GatePage, GatePage]:
    """Scan 500 times at two gates without a network, a reload between; then both are back."""
    each = SCANS // 2
    north, south = opened(doors, "north"), opened(doors, "south")
    shares = {north: doors.qr[:each], south: doors.qr[each - TWICE :]}
    for door, share in shares.items():
        door.keep()
        door.page.context.set_offline(True)
        assert door.outcomes(*share[: each // 2]) == ["admitted"] * (each // 2)
        reload(door)
        door.page.reload()
        door.open()
        rest = share[each // 2 :]
        assert door.outcomes(*rest) == ["admitted"] * len(rest)
    assert admitted(site, doors) == {}
    for door in shares:
        door.page.context.set_offline(False)
        door.until("standing.unsent === 0 && standing.online", seconds=120)
    return north, south


def test_500_scans_without_a_network_admit_every_ticket_once_and_none_is_lost(
    site: Site, opened: Opened
):
    doors = sold(site, SCANS - TWICE)
    north, south = two_gates(site, opened, doors, reload=lambda door: None)
    found = admitted(site, doors)
    assert sorted(found) == sorted(doors.codes)
    assert {len(gates) for gates in found.values()} == {1}
    assert north.standing()["conflicts"] == []
    conflicts = south.standing()["conflicts"]
    assert len(conflicts) == TWICE
    assert {(one["outcome"], one["gate"]) for one in conflicts} == {("already_admitted", "north")}
    assert all(one["there"] and one["seat"] and one["here"] for one in conflicts)
    for door in (north, south):
        standing = door.standing()
        assert (standing["admittedHere"], standing["refusal"]) == (SCANS // 2, None)
        door.page.context.close()


@pytest.mark.control
def test_without_what_the_device_keeps_the_reload_loses_scans(site: Site, opened: Opened):
    doors = sold(site, SCANS - TWICE)

    def forgets(door: GatePage) -> None:
        door.page.evaluate("door.close()")
        door.call(FORGET)

    for door in two_gates(site, opened, doors, reload=forgets):
        door.page.context.close()
    assert len(admitted(site, doors)) == SCANS // 2 < len(doors.codes)


def test_with_a_network_the_server_decides(site: Site, opened: Opened, doors: Doors):
    door = opened(doors, "north")
    first, again, strange = door.scan(doors.qr[0], doors.codes[0], doors.qr[0].lower())
    assert (first["outcome"], first["byList"], first["seat"]) == ("admitted", False, "A-1-1")
    assert (again["outcome"], again["gate"], again["byList"]) == (
        "already_admitted", "north", False,
    )  # fmt: skip
    assert (strange["outcome"], strange["byList"]) == ("not_signed", False)
    assert door.standing()["unsent"] == 0
    door.undo(first["scanId"])
    assert doors.codes[0] not in admitted(site, doors)
    assert door.outcomes(doors.qr[0]) == ["admitted"]


def lost_answer(route: Route) -> None:
    route.fetch()
    route.abort()


def test_a_scan_whose_answer_was_lost_is_the_same_scan_when_it_is_sent(
    site: Site, opened: Opened, doors: Doors
):
    door = opened(doors, "north")
    door.page.route("**/checkins/", lost_answer, times=1)
    [decision] = door.scan(doors.qr[1])
    assert (decision["outcome"], decision["byList"]) == ("admitted", True)
    door.until("standing.unsent === 0 && standing.online")
    assert admitted(site, doors)[doors.codes[1]] == ["north"]
    assert door.standing()["conflicts"] == []


def test_one_that_is_undone_after_a_lost_answer_is_undone_at_the_server_too(
    site: Site, opened: Opened, doors: Doors
):
    door = opened(doors, "north")
    door.page.route("**/checkins/batch/", lambda route: route.abort())
    door.page.route("**/checkins/", lost_answer, times=1)
    [decision] = door.scan(doors.qr[2])
    assert admitted(site, doors)[doors.codes[2]] == ["north"]
    door.undo(decision["scanId"])
    assert door.standing()["unsent"] == 1
    door.page.unroute("**/checkins/batch/")
    door.until("standing.unsent === 0 && standing.online")
    assert doors.codes[2] not in admitted(site, doors)


def test_a_login_that_has_ended_stops_no_gate_and_loses_nothing(
    site: Site, opened: Opened, doors: Doors, pages: BrowserPages
):
    door = opened(doors, "north")
    pages.failing["/checkins/"] = (401, {"code": "not_authenticated"})
    again = [decision["outcome"] for decision in door.scan(doors.qr[4], doors.codes[4])]
    assert again == ["admitted", "already_admitted"]
    standing = door.standing()
    assert (standing["refusal"], standing["unsent"]) == ("not_authenticated", 1)
    assert door.page.evaluate("door.mayLeave()") is False
    pages.failing.clear()
    door.until("standing.unsent === 0 && standing.refusal === null")
    assert admitted(site, doors)[doors.codes[4]] == ["north"]


def test_a_gate_hears_what_others_do(opened: Opened, doors: Doors):
    north, south = opened(doors, "north"), opened(doors, "south")
    south.scan(doors.qr[5])
    await_that(
        lambda: north.standing()["admittedByGate"].get("south") == 1, "north hears", seconds=60
    )
    north.page.context.set_offline(True)
    [decision] = north.scan(doors.qr[5])
    assert (decision["outcome"], decision["gate"]) == ("already_admitted", "south")
    assert decision["byList"] is True
