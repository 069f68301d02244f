"""One rehearsal from its beginning to its verdict."""

import json
import os
import platform
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

from proof.history import recorded
from proof.history.checker import contradictions, with_data
from proof.rush import records
from proof.rush.client import HISTORY, SUMMARY, ClientJob, write_job
from proof.rush.faults import FaultRun, RushFault
from proof.rush.figures import (
    RushFacts,
    asked_of,
    figures_of,
    ideal_seconds,
    unseen_of,
    violations_of,
)
from proof.rush.live import LiveView
from proof.rush.profiles import RushProfile
from proof.rush.rehearsal import Rehearsal, RehearsalFailed
from proof.rush.sale_file import SaleFile, dump
from proof.rush.seeding import FAN_PREFIX
from proof.rush.series import series_of, sold_seconds
from proof.rush.targets import RushVerdict, results_of, verdict_of, void_reasons

_SETTLED_AFTER = "5"  # seconds: how old a difference between stores must be at the end
_SETTLE_SECONDS = 120.0
_LOOK_SECONDS = 3.0
_GRACE_SECONDS = 60.0  # for the client, behind its longest time
_CLOCK_ERROR_SECONDS = 1.0  # between the sites' deadlines and the client's clock, at most
_HOLDS_EACH = 12  # at most, of a login with many tabs


@dataclass(frozen=True, slots=True)
class RushOrder:
    """What to rehearse: the load, the seed, a sale of one's own or the demo's, and faults."""

    profile: RushProfile
    seed: int
    sale: SaleFile | None
    faults: Sequence[RushFault]


def rehearse(
    order: RushOrder, rehearsal: Rehearsal, view: LiveView
) -> tuple[RushVerdict, dict[str, Any], list[records.RecordedOperation]]:
    """Start the stack, play the sale, judge it; return the verdict, the report and the history.

    The caller drops the rehearsal. Raises `RehearsalFailed`.
    """
    view.say("Starting a stack of its own ...")
    rehearsal.start(view.say)
    view.say(f"Preparing a sale and {order.profile.fans:,} fans ...")
    sale = _seeded(order, rehearsal)
    each = min(order.profile.seats_each, sale["most_each"])
    order = replace(order, profile=replace(order.profile, seats_each=each))
    seats = _seats_of(rehearsal, sale["performance_id"])
    folder = _with_job(order, rehearsal, sale)
    view.say(f"The sale opens: {rehearsal.environment['FRONTROW_URL']}")
    faults = FaultRun(rehearsal, order.faults)
    try:
        _play(order, rehearsal, folder, faults, view)
    finally:
        faults.end()
        view.stop()
    view.say("Comparing what fans were answered with what every store holds ...")
    client = json.loads((folder / SUMMARY).read_text())
    history = list(records.read(folder / HISTORY))
    seen = replace(recorded.read(folder / HISTORY), terms=_terms(sale))
    contradicted = [f"{one.check}: {one.detail}" for one in contradictions(seen)]
    audit = _settled_audit(rehearsal)
    left = json.loads(rehearsal.manage("rush", "left", "--performance", sale["performance_id"]))
    facts = RushFacts(
        order.profile, order.seed, sale, client, history, left, audit, faults.done,
        contradicted,
    )  # fmt: skip
    verdict, report = _judged(facts, seats)
    return verdict, report | {"history": with_data(seen)}, history


def _terms(sale: Mapping[str, Any]) -> recorded.RecordedTerms:
    """Return what the checker of histories may hold a sale to, whatever was broken meanwhile."""
    return recorded.RecordedTerms(
        max_seats_per_fan=sale["most_each"], clock_error=_CLOCK_ERROR_SECONDS
    )


def _seeded(order: RushOrder, rehearsal: Rehearsal) -> dict[str, Any]:
    """Put the sale on sale in the rehearsal's databases."""
    given = json.dumps(
        {
            "profile": order.profile.as_json(),
            "sale": None if order.sale is None else json.loads(dump(order.sale)),
        }
    )
    sale: dict[str, Any] = json.loads(rehearsal.manage("rush", "seed", text=given))
    return sale


def _with_job(order: RushOrder, rehearsal: Rehearsal, sale: Mapping[str, Any]) -> Path:
    """Make the fans, and the folder from which their client starts."""
    points = sale["dearest"] * order.profile.seats_each * _HOLDS_EACH
    printed = rehearsal.manage(
        "fans", "--json", "--prefix", FAN_PREFIX,
        "--count", str(order.profile.fans), "--points", str(points),
    )  # fmt: skip
    fans = [json.loads(line) for line in printed.splitlines()]
    folder = rehearsal.folder / "client"
    folder.mkdir(mode=0o700)
    job = ClientJob(
        port=rehearsal.port,
        performance_id=sale["performance_id"],
        has_queue=sale["rate"] is not None,
        profile=order.profile.as_json(),
        seed=order.seed,
        logins=[(fan["user_id"], fan["access_token"]) for fan in fans],
    )
    write_job(folder, job)
    return folder


def _seats_of(rehearsal: Rehearsal, performance_id: str) -> list[tuple[str, float, float]]:
    """Return id and position of every seat, by the public seat map."""
    url = f"{rehearsal.environment['FRONTROW_URL']}/api/v1/performances/{performance_id}/seatmap/"
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310  (this machine's)
        found = json.load(response)
    return [
        (seat["id"], seat["x"], seat["y"])
        for section in found["sections"]
        for row in section["rows"]
        for seat in row["seats"]
    ]


def _play(
    order: RushOrder, rehearsal: Rehearsal, folder: Path, faults: FaultRun, view: LiveView
) -> None:
    """Let the client play its job, show its progress, and break parts meanwhile."""
    client = rehearsal.client(folder)
    try:
        begun = False
        for line in client.stdout or ():
            progress = json.loads(line)
            if not begun:
                faults.begin(progress["begun"])
                begun = True
            view.show(progress)
        client.wait(_GRACE_SECONDS)
    except TimeoutExpired:
        raise RehearsalFailed("the fans' client does not end") from None
    finally:
        if client.poll() is None:
            client.kill()
            client.wait()
        if client.stdout:
            client.stdout.close()
    if client.returncode:
        raise RehearsalFailed(f"the fans' client ended with {client.returncode}")


def _settled_audit(rehearsal: Rehearsal) -> dict[str, Any]:
    """Return the audit once it is clean, or the last one when time is up.

    A difference has to settle, and a store that was broken may not be ready to be looked at.
    """
    until = time.monotonic() + _SETTLE_SECONDS
    while True:
        found = rehearsal.audit("--settled-after", _SETTLED_AFTER)
        if found["outcome"] == "clean" or time.monotonic() > until:
            return found
        time.sleep(_LOOK_SECONDS)


def _judged(
    facts: RushFacts, seats: Sequence[tuple[str, float, float]]
) -> tuple[RushVerdict, dict[str, Any]]:
    client = facts.client
    results = results_of(figures_of(facts), asked=asked_of(facts))
    violations, unseen = violations_of(facts), unseen_of(facts)
    void = void_reasons(client["load"])
    verdict = verdict_of(results, violations=violations, unseen=unseen, void=void)
    sold = sold_seconds(facts.history, begun=client["begun"])
    report = {
        "verdict": verdict.name,
        "exit_code": int(verdict),
        "profile": facts.profile.as_json(),
        "seed": facts.seed,
        "machine": machine(),
        "sale": dict(facts.sale),
        "seconds": round(client["seconds"], 1),
        "ideal_seconds": ideal_seconds(facts),
        "sold_out_after": client["sold_out_after"],
        "sold": facts.left["sold"],
        "targets": [one.as_json() for one in results],
        "violations": violations,
        "unseen": unseen,
        "void": void,
        "client": client["load"],
        "outcomes": client["outcomes"],
        "statuses": client["statuses"],
        "faults": [fault.as_json() for fault in facts.faults],
        "audit": _audit_lines(facts.audit),
        "series": series_of(
            facts.history, client["samples"], begun=client["begun"], seconds=client["seconds"]
        ),
        "seats": [[x, y, sold.get(seat)] for seat, x, y in seats],
    }
    return verdict, report


def _audit_lines(audit: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "check": one["check"],
            "looked_at": one["looked_at"],
            "violations": len(one["violations"]),
            "failure": one["failure"],
        }
        for one in audit["checks"]
    ]


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    load = 0.0
    with suppress(OSError):
        load = round(os.getloadavg()[0], 1)
    return {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": load,
    }
