"""Check-ins at the doors: one at a time against the baseline, and in batches.

Every ticket is scanned once, by its QR payload, which costs a signature more than a typed code.
Import once Django is set up.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from accounts.models import User
from accounts.usecases import api_keys
from bench.fixtures import make_hall, seat_ids
from bench.load_client import Job
from bench.pairs import Bar, Seen, compare
from bench.play import Player
from bench.requests import request
from bench.server import API, RunningServer, serve
from bench.speed import BASELINE, BASELINE_KEY
from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.redis.clients import client
from reservations.usecases import holds
from tickets import operations, policy
from tickets.models import Ticket
from tickets.queries import qr_payload

GATES = 16  # connections
_BARE_SECONDS = 2.0
_WARM_UP = 200
# Of the baseline's rate: 10,000 people in five minutes where the baseline serves 2,900 a second.
_BAR = 0.012
CHECKINS = "/api/v1/checkins/"


def measure(folder: Path, *, tickets: int, rounds: int) -> dict[str, Any]:
    """Return how fast `tickets` are checked in one at a time, and as many again in batches."""
    client("queue").set(BASELINE_KEY, b'{"waiting":12345}')
    each, batches = tickets // rounds, -(-tickets // policy.SCANS_AT_ONCE)
    unused = scans(_WARM_UP + tickets + batches * policy.SCANS_AT_ONCE)
    key, player = door_key(), Player(folder)
    with ExitStack() as stack:
        baseline, api = (stack.enter_context(serve(name, folder)) for name in (BASELINE, API))

        def bare() -> Seen:
            job = Job(baseline.port, [request("GET", "/baseline/")], GATES, _BARE_SECONDS)
            return player.play(job, expected=200, server=baseline)

        def checked_in(number: int = each) -> Seen:
            asked = [post(key, CHECKINS, scan) for scan in islice(unused, number)]
            return _once(player, api, asked)

        bare()
        checked_in(_WARM_UP)
        return {
            "tickets": tickets,
            "one at a time": compare(Bar("check-in", _BAR, checked_in, bare), rounds),
            "in batches": _in_batches(player, api, key, unused, batches),
        }


def _in_batches(
    player: Player, api: RunningServer, key: str, unused: Iterator[dict[str, str]], batches: int
) -> Seen:
    asked = []
    for _ in range(batches):
        batch = [
            {name: value for name, value in scan.items() if name != "performance_id"}
            | {"scanned_at": clock.as_text(clock.now())}
            for scan in islice(unused, policy.SCANS_AT_ONCE)
        ]
        asked.append(post(key, f"{CHECKINS}batch/", {"scans": batch}))
    seen = _once(player, api, asked, connections=4)
    spent = sum(share for name, share in seen["cpu_shares"].items() if name != "client")
    return {
        "scans_per_second": round(seen["rate"] * policy.SCANS_AT_ONCE),
        "cpu_us_a_scan": round(spent / seen["rate"] / policy.SCANS_AT_ONCE * 1e6),
        "p50_ms": round(seen["p50_ms"], 1),
    }


def _once(player: Player, api: RunningServer, asked: list[bytes], connections: int = GATES) -> Seen:
    job = Job(api.port, asked, connections, once=True)
    return player.play(job, expected=200, server=api)


def post(key: str, path: str, body: dict[str, Any]) -> bytes:
    """Return a request of a machine."""
    return request("POST", path, body=body, authorization=f"Api-Key {key}")


def door_key() -> str:
    """Return a new API key that checks tickets in."""
    return api_keys.make(
        key_id=uuid7(),
        name="bench",
        scopes=["checkins:write"],
        performance_ids=[],
        expires_at=None,
        actor_id=uuid7(),
        reason="measuring",
        now=clock.now(),
    )


def scans(number: int) -> Iterator[dict[str, str]]:
    """Sell a hall of so many seats and return a scan of each ticket."""
    hall, fan = make_hall(number), User.objects.create_user("door@example.com", None)
    seats, now = seat_ids(hall), clock.now()
    held = holds.place(
        user_id=fan.pk,
        performance_id=hall.pk,
        seat_ids=seats[:1],
        reservation_id=uuid7(),
        queue_token=None,
        now=now,
    )
    with transaction():
        sale = operations.SoldSeats(held.id, fan.pk, hall.pk, seats)
        operations.issue(sales=[sale], now=now)
    return (
        {
            "code": qr_payload(ticket),
            "performance_id": str(hall.pk),
            "gate": str(n % GATES),
            "scan_id": str(uuid7()),
        }
        for n, ticket in enumerate(Ticket.objects.select_related("performance").iterator())
    )
