"""A performance at the doors: people who come evenly to many gates, some of which have no network.

Each gate is without a network for a while; what it scanned meanwhile comes as one batch, with some
tickets that another gate has scanned as well. Afterwards the database has to say that every ticket
admitted once. Import once Django is set up.
"""

import random
from pathlib import Path
from typing import Any

from django.db.models import Count, Q

from bench.checkins import CHECKINS, door_key, post, scans
from bench.load_client import Job
from bench.play import Player
from bench.server import API, serve
from kernel import clock
from tickets.models import Checkin, RefusedScan, Ticket
from tickets.policy import SCANS_AT_ONCE

GATES = 20
FEWEST = 10  # tickets, of which one is scanned without a network
_WARM_UP = 100
_OFFLINE = 0.1  # of the tickets
_TWICE = 0.2  # of those scanned without a network: at another gate as well
_P99_MS = 300
_LATEST = 60.0  # s for the rest to be answered

Sent = list[tuple[str, dict[str, Any]]]  # the kind of request, and its body


def measure(folder: Path, tickets: int, minutes: float) -> dict[str, Any]:
    """Return how long scans took, and what became of every ticket.

    `tickets` are at least `FEWEST`, so that there is a scan of each kind.
    """
    key, player = door_key(), Player(folder)
    unused = scans(_WARM_UP + tickets)
    warm_up = [post(key, CHECKINS, next(unused)) for _ in range(_WARM_UP)]
    sent, scanned = _requests([{**scan, "gate": ""} for scan in unused])
    paths = {"scan": CHECKINS, "batch": f"{CHECKINS}batch/"}
    asked = [post(key, paths[kind], body) for kind, body in sent]
    with serve(API, folder) as api:
        player.play(Job(api.port, warm_up, GATES, once=True), expected=200, server=api)
        seconds = minutes * 60
        job = Job(
            api.port,
            asked,
            connections=GATES,
            seconds=seconds + _LATEST,
            once=True,
            spread=seconds,
            kinds=[kind for kind, _ in sent],
        )
        seen = player.play(job, expected=None, server=api)
    found = _found()
    # One that was sent without a network is kept for a supervisor; another hears so at once.
    found["refused"] += seen["statuses"].get("409", 0)
    expected = {
        "admitted": _WARM_UP + tickets,
        "lost": 0,
        "admitted_twice": 0,
        "refused": scanned - tickets,
    }
    one, batch = seen["kinds"]["scan"], seen["kinds"]["batch"]
    return {
        "tickets": tickets,
        "gates": GATES,
        "minutes": minutes,
        "without_network": sum(len(body["scans"]) for kind, body in sent if kind == "batch"),
        **found,
        "scanned_twice": scanned - tickets,
        "scan": {name: round(one[name], 1) for name in ("p50_ms", "p99_ms", "most_ms")},
        "batch": {name: round(batch[name], 1) for name in ("p50_ms", "most_ms")},
        "at_most_p99_ms": _P99_MS,
        "met": one["p99_ms"] < _P99_MS and found == expected,
    }


def _requests(all_scans: list[dict[str, Any]]) -> tuple[Sent, int]:
    """Return the requests in the order they are due, and how many scans are in them."""
    draw = random.Random(14)
    offline = round(len(all_scans) * _OFFLINE)
    alone, online = all_scans[:offline], all_scans[offline:]
    twins = [
        {**scan, "scan_id": f"{scan['scan_id']}-twin"}
        for scan in draw.sample(online, round(offline * _TWICE))
    ]
    sent: Sent = [("scan", {**scan, "gate": str(nth % GATES)}) for nth, scan in enumerate(online)]
    for gate in range(GATES):
        here = [*alone[gate::GATES], *twins[gate::GATES]]
        draw.shuffle(here)
        # From the middle on, one gate after the other is back, and sends as much at once as it may.
        due = len(online) // 2 + (len(online) // 2) * gate // GATES + gate
        name = f"{gate} without network"
        sent[due:due] = [
            ("batch", _batch(here[start : start + SCANS_AT_ONCE], name))
            for start in range(0, len(here), SCANS_AT_ONCE)
        ]
    return sent, len(all_scans) + len(twins)


def _batch(here: list[dict[str, Any]], gate: str) -> dict[str, Any]:
    when = {"gate": gate, "scanned_at": clock.as_text(clock.now())}
    kept = [{"code": scan["code"], "scan_id": scan["scan_id"], **when} for scan in here]
    return {"performance_id": here[0]["performance_id"], "scans": kept}


def _found() -> dict[str, int]:
    """Return what the database says of the tickets."""
    live = Count("checkins", filter=Q(checkins__undone_at=None))
    counts = Ticket.objects.annotate(live=live).values_list("live", flat=True)
    return {
        "admitted": Checkin.objects.filter(undone_at=None).count(),
        "lost": sum(1 for count in counts if count == 0),
        "admitted_twice": sum(1 for count in counts if count > 1),
        "refused": RefusedScan.objects.filter(outcome="already_admitted").count(),
    }
