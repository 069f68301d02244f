"""A gate with a list on its device and no site behind it, and what a site says once it is there."""

from datetime import timedelta
from typing import Any

from playwright.sync_api import BrowserContext, Route

from kernel import clock
from kernel.ids import uuid7
from tests.support.browser_pages import BrowserPages
from tests.support.door_pages import GatePage, gate_page
from tickets import qr
from tickets.policy import CODE_ALPHABET
from tickets.queries import code_hash

HERE = uuid7()
CODES = [f"7KX2M9QWE4{CODE_ALPHABET[nth]}Z" for nth in range(8)]
MANY = [f"8KX2M9QWE{CODE_ALPHABET[nth // 32]}{CODE_ALPHABET[nth % 32]}Z" for nth in range(250)]
_SEED = """async (m, { mark, entries }) => {
  const storage = await m.Storage.open();
  await storage.replace(mark, entries);
  storage.close();
}"""
_KEPT = """async (m, id) => {
  const storage = await m.Storage.open();
  const [list, scans] = [await storage.list(id), await storage.scans()];
  storage.close();
  return {
    listed: list?.entries.length ?? 0,
    scans: scans.length,
    unsent: scans.filter((scan) => scan.state === "unsent").length,
  };
}"""


def listed_gate(
    pages: BrowserPages, context: BrowserContext, keys: list[dict[str, Any]]
) -> GatePage:
    """Return an open gate that has a list of tickets and has seen that there is no network."""
    made = gate_page(pages, context, performance_id=str(HERE), keys=keys)
    made.page.goto(made.address)
    seed(made, [entry(code) for code in CODES])
    made.open()
    made.until("standing.online === false")
    return made


def entry(code: str, **changes: object) -> dict[str, object]:
    """Return a ticket as a device keeps it."""
    facts = {"initials": "홍", "status": "VALID", "at": None, "gate": None}
    seat = f"A-1-{CODES.index(code) + 1}" if code in CODES else "B-1-1"
    return {"hash": code_hash(HERE, code), "seat": seat, **facts, **changes}


def seed(door: GatePage, entries: list[dict[str, object]]) -> None:
    """Let the device have a list."""
    now = clock.as_text(clock.now())
    mark = {
        "performanceId": door.performance_id,
        "asOf": now,
        "checkedAt": now,
        "etag": None,
        "keptUntil": door.facts["keptUntil"],
    }
    door.call(_SEED, {"mark": mark, "entries": entries})


def kept(door: GatePage) -> dict[str, int]:
    """Return how many tickets and scans are on the disk, and how many of these are unsent."""
    found: dict[str, int] = door.call(_KEPT, door.performance_id)
    return found


def send(route: Route, sent: list[str], outcome: str = "admitted") -> None:
    """Answer a batch as the server does."""
    asked = [one["scan_id"] for one in route.request.post_data_json["scans"]]
    sent += asked
    results = [{"scan_id": one, "outcome": outcome, "checkin_id": one} for one in asked]
    route.fulfill(json={"results": results})


def answers(door: GatePage, *, batch: str | None = None, outcome: str = "admitted") -> list[str]:
    """Let the network be there: batches with one outcome; returns the scans as they come."""
    sent: list[str] = []
    url = batch or door.facts["batchUrl"]
    door.page.route(f"**{url}", lambda route: send(route, sent, outcome))
    listed = has_list(door, [])
    known = {"code": "already_admitted", "at": listed["as_of"], "gate": "south"}
    door.page.route(
        f"**{door.facts['scanUrl']}", lambda route: route.fulfill(status=409, json=known)
    )
    return sent


def has_list(door: GatePage, tickets: list[dict[str, Any]]) -> dict[str, Any]:
    """Let the server say what has changed in the list, up to an hour ago; return its document."""
    listed = {"as_of": clock.as_text(clock.now() - timedelta(hours=1)), "tickets": tickets}
    door.page.route("**/admission-list/**", lambda route: route.fulfill(json=listed))
    return listed


def document(code: str, status: str) -> dict[str, Any]:
    """Return a ticket as the server's list has it."""
    seat = {"id": str(uuid7()), "section": "A", "row": "1", "number": "1"}
    facts = {"initials": "홍", "status": status, "admitted_at": None, "gate": None}
    return {"code_hash": code_hash(HERE, code), "seat": seat, **facts}


def printed(code: str) -> str:
    """Return the text of a ticket's QR code."""
    until = clock.now() + timedelta(days=1)
    return qr.write(code=code, performance_id=HERE, expires_at=until)
