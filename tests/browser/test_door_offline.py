"""A gate without a network from the beginning: it opens, decides by its list and loses nothing.

No site is behind it: no request is answered, as in a hall without a network.
"""

from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Error

from kernel import clock
from tests.support.browser_pages import BrowserPages
from tests.support.door_lists import CODES, HERE, answers, entry, kept, printed, seed
from tests.support.door_pages import GatePage, gate_page
from tickets.queries import code_hash

WRITE = """async (m, scans) => {
  const storage = await m.Storage.open();
  await storage.write(scans);
  storage.close();
}"""


def test_a_gate_goes_on_without_a_network_and_says_so(door: GatePage):
    first, again, other = door.scan(printed(CODES[0]), CODES[0], CODES[1])
    assert (first["outcome"], first["byList"], first["seat"]) == ("admitted", True, "A-1-1")
    assert (first["holder"], first["checkinId"]) == ("홍", None)
    assert (again["outcome"], again["gate"], again["at"]) == (
        "already_admitted",
        "north",
        first["at"],
    )
    assert other["outcome"] == "admitted"
    standing = door.standing()
    assert (standing["online"], standing["tickets"], standing["unsent"]) == (False, 8, 2)
    assert (standing["admittedHere"], standing["admittedByGate"]) == (2, {"north": 2})
    assert standing["listAsOf"] is not None


def test_refused_scans_are_nothing_to_send(door: GatePage):
    strange = "ZZZZZZZZZZZZ"
    assert door.outcomes(strange, "nonsense", "", printed(strange)[:-1] + "1") == [
        "ticket_not_found",
        "ticket_not_found",
        "ticket_not_found",
        "not_signed",
    ]
    assert door.standing()["unsent"] == 0


def test_a_genuine_ticket_that_the_list_does_not_have_yet_admits_once(door: GatePage):
    fresh = printed("ZZZZZZZZZZZZ")
    assert door.outcomes(fresh, fresh, "ZZZZZZZZZZZZ") == [
        "admitted",
        "already_admitted",
        "ticket_not_found",
    ]


def test_scans_outlive_a_reload_without_a_network(door: GatePage, context: BrowserContext):
    door.keep()
    context.set_offline(True)
    assert door.outcomes(*CODES[:3]) == ["admitted"] * 3
    door.page.reload()
    door.open()
    assert door.outcomes(*CODES[:4]) == ["already_admitted"] * 3 + ["admitted"]
    assert door.standing()["unsent"] == 4
    assert door.page.evaluate("fetch('/en/').catch(() => 'no network')") == "no network"


def test_two_looks_at_a_ticket_at_the_same_moment_admit_once(door: GatePage):
    both = "(code) => Promise.all([door.scan(code, 'hand'), door.scan(code, 'hand')])"
    found = door.page.evaluate(both, CODES[0])
    assert [one["outcome"] for one in found] == ["admitted", "already_admitted"]


def test_a_scan_that_the_server_never_saw_is_undone_here(door: GatePage):
    [first] = door.scan(CODES[0])
    door.undo(first["scanId"])
    assert door.standing()["unsent"] == 0
    assert door.outcomes(CODES[0]) == ["admitted"]


def test_nobody_leaves_with_unsent_scans(door: GatePage):
    door.scan(CODES[0])
    assert door.page.evaluate("door.mayLeave()") is False
    door.page.evaluate("door.close()")
    assert door.call("(m) => m.leaveDoor()") is False
    assert kept(door) == {"listed": 8, "scans": 1, "unsent": 1}


def test_who_leaves_leaves_nothing(door: GatePage):
    door.keep()
    assert door.page.evaluate("door.mayLeave()") is True
    door.page.evaluate("door.close()")
    assert door.call("(m) => m.leaveDoor()") is True
    assert kept(door) == {"listed": 0, "scans": 0, "unsent": 0}
    assert door.page.evaluate("caches.keys()") == []


def test_a_day_after_the_show_all_is_deleted_but_what_is_unsent(door: GatePage):
    door.scan(CODES[0])
    door.page.evaluate("door.close()")
    door.facts["keptUntil"] = clock.as_text(clock.now() - timedelta(seconds=1))
    seed(door, [entry(code) for code in CODES])
    age = """async (m, until) => {
      const storage = await m.Storage.open();
      const scans = await storage.scans();
      await storage.write(scans.map((scan) => ({ ...scan, keptUntil: until })));
      storage.close();
      await m.sweepDoor();
    }"""
    door.call(age, door.facts["keptUntil"])
    assert kept(door) == {"listed": 0, "scans": 1, "unsent": 1}


def test_a_browser_has_one_gate(
    door: GatePage, silent_pages: BrowserPages, context: BrowserContext
):
    other = gate_page(silent_pages, context, performance_id=str(HERE), gate="south")
    with pytest.raises(Error, match="door_open_elsewhere"):
        other.visit()
    door.page.evaluate("door.close()")
    other.visit()


def test_a_disk_that_is_full_is_said_and_the_gate_goes_on(door: GatePage):
    door.page.evaluate(
        "() => { IDBObjectStore.prototype.put = () => { throw new Error('full'); }; }"
    )
    assert door.outcomes(CODES[0], CODES[0]) == ["admitted", "already_admitted"]
    standing = door.standing()
    assert (standing["unsent"], standing["refusal"]) == (1, "door_keeps_nothing")
    answers(door)
    door.until("standing.online")
    standing = door.standing()
    assert (standing["unsent"], standing["refusal"]) == (0, "door_keeps_nothing")
    [decision] = door.scan(CODES[1])
    assert (decision["outcome"], decision["byList"]) == ("already_admitted", False)


@pytest.mark.parametrize("named", ["0", "9"])
def test_of_two_scans_of_a_ticket_the_later_one_counts_whatever_their_ids(
    door: GatePage, named: str
):
    door.page.evaluate("door.close()")
    code, at = CODES[0], clock.now() - timedelta(hours=2)
    scan = {
        "scanId": "5", "performanceId": door.performance_id, "hash": code_hash(HERE, code),
        "state": "admitted", "code": None, "gate": "north", "seat": "A-1-1", "wasAsked": True,
        "at": clock.as_text(at), "sentAt": clock.as_text(at), "checkinId": "1",
        "undoReason": None, "refusal": None, "batchUrl": "", "undoUrl": "",
        "keptUntil": door.facts["keptUntil"],
    }  # fmt: skip
    now = clock.as_text(clock.now())
    later = {"scanId": named, "gate": "south", "at": now, "sentAt": now}
    door.call(WRITE, [scan, scan | later])
    door.open()
    [decision] = door.scan(code)
    assert (decision["outcome"], decision["gate"]) == ("already_admitted", "south")


def test_undone_is_said_only_of_what_the_server_has_undone(door: GatePage):
    [decision] = door.scan(CODES[0])
    answers(door)
    door.until("standing.online && standing.unsent === 0")
    undo = f"**{door.facts['undoUrl']}"
    door.page.route(undo, lambda route: route.fulfill(status=403, json={"code": "not_allowed"}))
    with pytest.raises(Error, match="not_allowed"):
        door.undo(decision["scanId"])
    assert door.standing()["unsent"] == 1
    door.page.unroute(undo)
    door.page.route(undo, lambda route: route.fulfill(status=204))
    assert door.undo(decision["scanId"]) == "undone"


def test_tickets_are_found_and_shown_as_they_are_here(door: GatePage):
    door.scan(CODES[0])
    assert door.page.evaluate("door.find('A 1 1')") == [
        {"seat": "A-1-1", "initials": "홍", "status": "USED"}
    ]
    assert len(door.page.evaluate("door.find('홍')")) == 8
