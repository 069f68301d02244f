"""One rehearsal from its beginning to its verdict."""

import json
import math
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any, Protocol

from proof.history import recorded
from proof.history.checker import contradictions
from proof.history.recorded import History
from proof.measures import load_average, machine
from proof.rush.choosing import expected_seconds
from proof.rush.client import HISTORY, SUMMARY, ClientJob, write_job, write_recovered
from proof.rush.faults import RECOVERY_SECONDS, FaultRun, RushFault, ScriptedFault
from proof.rush.figures import (
    RushFacts,
    asked_of,
    card_figures,
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
from proof.rush.seen import complete_history, reasons_without_data, with_recovery
from proof.rush.series import series_of, sold_seconds
from proof.rush.targets import RushVerdict, results_of, verdict_of, void_reasons

_SETTLED_AFTER = "5"  # seconds: how old a difference between stores must be at the end
_SETTLE_SECONDS = 120.0
_LOOK_SECONDS = 3.0
_GRACE_SECONDS = 60.0  # for the client, behind its longest time
_SEEN_SECONDS = 2.0  # behind the recovery of all parts, so that something is asked then
_HOLDS_EACH = 12  # at most, of a login with many tabs


@dataclass(frozen=True, slots=True)
class RushOrder:
    """What to rehearse: the load, the seed, a sale of one's own or the demo's, and faults."""

    profile: RushProfile
    seed: int
    sale: SaleFile | None
    faults: Sequence[ScriptedFault]


class Breaking(Protocol):
    """What breaks while a client plays its job."""

    def begin(self, begun: float) -> None:
        """Begin; `begun` is the opening by the machine's monotonic clock."""

    @property
    def is_over(self) -> bool:
        """Whether all has happened and is mended."""


@dataclass(frozen=True, slots=True)
class PreparedSale:
    """A sale that is about to open: what `seeding.seed` returned, its seats, fans and faults.

    `seats`: id and position of each; `points`: what each fan has, by id.
    """

    sale: Mapping[str, Any]
    seats: Sequence[tuple[str, float, float]]
    points: Mapping[str, int]
    faults: Sequence[RushFault]
    folder: Path  # of its client


def rehearse(
    order: RushOrder, rehearsal: Rehearsal, view: LiveView
) -> tuple[RushVerdict, dict[str, Any], History]:
    """Start the stack, play the sale, judge it; return the verdict, the report and the history.

    The caller drops the rehearsal. Raises `RehearsalFailed`.
    """
    view.say("Starting a stack of its own ...")
    rehearsal.start(view.say)
    view.say(f"Preparing a sale and {order.profile.fans:,} fans ...")
    order, prepared = prepare(order, rehearsal)
    view.say(f"The sale opens: {rehearsal.environment['FRONTROW_URL']}")
    faults = FaultRun(rehearsal, prepared.faults)
    try:
        play(rehearsal, prepared.folder, faults, view)
    finally:
        faults.end()
        view.stop()
    view.say("Comparing what fans were answered with what every store holds ...")
    client = json.loads((prepared.folder / SUMMARY).read_text())
    audit = settled_audit(rehearsal)
    left = json.loads(
        rehearsal.manage("rush", "left", "--performance", prepared.sale["performance_id"])
    )
    history = complete_history(
        recorded.read(prepared.folder / HISTORY),
        sale=prepared.sale,
        seats=[seat for seat, _, _ in prepared.seats],
        balances=prepared.points,
        faults=faults.done,
        begun=client["begun"],
        left=left,
    )
    facts = RushFacts(
        order.profile, order.seed, prepared.sale, client, history.operations, left, audit,
        with_recovery(faults.done, history.operations, client["begun"]),
        [f"{one.check}: {one.detail}" for one in contradictions(history)],
    )  # fmt: skip
    verdict, report = _judged(facts, prepared.seats)
    return verdict, report | {"history": reasons_without_data(history)}, history


def prepare(order: RushOrder, rehearsal: Rehearsal) -> tuple[RushOrder, PreparedSale]:
    """Make the sale, its fans and the folder of their client; return the order as it fits them."""
    sale = _seeded(order, rehearsal)
    has_cards = bool(rehearsal.gateway_port)
    profile = replace(
        order.profile,
        seats_each=min(order.profile.seats_each, sale["most_each"]),
        share_by_card=order.profile.share_by_card if has_cards else 0.0,
    )
    expected = expected_seconds(profile, seed=order.seed, seats=sale["seats"], rate=sale["rate"])
    faults = [fault.timed(expected) for fault in order.faults]
    fans, points = _fans(profile, rehearsal, sale)
    folder = Path(tempfile.mkdtemp(dir=rehearsal.folder, prefix="client-"))
    write_job(
        folder,
        ClientJob(
            port=rehearsal.port,
            gateway_port=rehearsal.gateway_port,
            performance_id=sale["performance_id"],
            has_queue=sale["rate"] is not None,
            profile=profile.as_json(),
            seed=order.seed,
            logins=[(fan["user_id"], fan["access_token"]) for fan in fans],
            expected_seconds=expected,
            has_faults=bool(faults),
        ),
    )
    balances = {fan["user_id"]: points for fan in fans}
    seats = _seats_of(rehearsal, sale["performance_id"])
    return replace(order, profile=profile), PreparedSale(sale, seats, balances, faults, folder)


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


def _fans(
    profile: RushProfile, rehearsal: Rehearsal, sale: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], int]:
    """Make the fans; return them and the points of each."""
    points = sale["dearest"] * profile.seats_each * _HOLDS_EACH
    printed = rehearsal.manage(
        "fans", "--json", "--prefix", FAN_PREFIX,
        "--count", str(profile.fans), "--points", str(points),
    )  # fmt: skip
    return [json.loads(line) for line in printed.splitlines()], points


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


def play(rehearsal: Rehearsal, folder: Path, faults: Breaking, view: LiveView) -> None:
    """Let the client play its job, show its progress, and break parts meanwhile."""
    client = rehearsal.client(folder)
    mended_at = math.inf
    try:
        begun = False
        for line in client.stdout or ():
            progress = json.loads(line)
            if not begun:
                faults.begin(progress["begun"])
                begun = True
            if faults.is_over:
                mended_at = min(mended_at, time.monotonic())
            if time.monotonic() > mended_at + RECOVERY_SECONDS + _SEEN_SECONDS:
                write_recovered(folder)
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


def settled_audit(rehearsal: Rehearsal, seconds: float = _SETTLE_SECONDS) -> dict[str, Any]:
    """Return the audit once it is clean, or the last one when `seconds` are up.

    A difference has to settle, and a store that was broken may not be ready to be looked at.
    """
    until = time.monotonic() + seconds
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
        "machine": {**machine(), "load": load_average()},
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
        "cards": card_figures(facts.history),
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
