"""What a rehearsal found, as figures: from what clients recorded and what the rows say."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from proof.history.recorded import OK, UNKNOWN, Operation
from proof.measures import latencies
from proof.rush import choosing
from proof.rush.faults import NOT_BEGUN, RECOVERY_SECONDS, RushFault
from proof.rush.profiles import RushProfile
from proof.rush.records import LOST_STATUS
from proof.rush.targets import TARGETS

_SAMPLES = 3  # at least, to say how fast a room admitted
_RATE_SECONDS = 5.0  # of a crowd that waits and a room with space, at least, to ask for the rate
_EXAMPLES = 5  # named in a sentence
_EXCUSED = {503, LOST_STATUS}  # while a part is broken on purpose
_READS = ("map", "availability")
_FINAL = ("PAID", "FAILED")  # states of a payment


@dataclass(frozen=True, slots=True)
class RushFacts:
    """Everything that is known at the end of a rehearsal."""

    profile: RushProfile
    seed: int
    sale: Mapping[str, Any]  # what `seeding.seed` returned
    client: Mapping[str, Any]  # client.json
    history: Sequence[Operation]
    left: Mapping[str, Any]  # what `seeding.what_is_left` returned
    audit: Mapping[str, Any]
    faults: Sequence[RushFault] = ()  # each of the script, and what became of it
    contradicted: Sequence[str] = ()  # what the checker of histories says


def figures_of(facts: RushFacts) -> dict[str, float | None]:
    """Return a figure for each target; None where nothing was measured."""
    holds = _took(facts.history, ("hold",))
    reads = _took(facts.history, _READS)
    joins = _took(facts.history, ("join",))
    found = _audit_counts(facts.audit)
    return {
        "longest_join_ms": latencies(joins)["most_ms"] if joins else None,
        "admission_rate_off_percent": rate_off_percent(
            facts.client["samples"], rate=facts.sale["rate"], capacity=facts.sale["capacity"]
        ),
        "seat_reads_p99_ms": latencies(reads)["p99_ms"] if reads else None,
        "holds_p99_ms": latencies(holds)["p99_ms"] if holds else None,
        "holds_p50_ms": latencies(holds)["p50_ms"] if holds else None,
        "sold_out_of_ideal": _of_ideal(facts),
        "oversold": facts.left["oversold"] + found["seat_has_one_owner"],
        "lost_money": len(disagreements(facts.history, facts.left)),
        "failures": failures(facts.history, facts.faults, begun=facts.client["begun"]),
    }


def asked_of(facts: RushFacts) -> set[str]:
    """Return the names of the targets that profile and sale ask for, whatever was measured."""
    asked = {target.name for target in TARGETS}
    if facts.sale["rate"] is None:
        asked -= {"longest_join_ms"}
    if not _asks_for_rate(facts):
        asked -= {"admission_rate_off_percent"}
    if ideal_seconds(facts) is None:
        asked -= {"sold_out_of_ideal"}
    return asked


def _asks_for_rate(facts: RushFacts) -> bool:
    """Say whether a site that keeps its rate has fans who wait, and space, for long enough."""
    profile = facts.profile
    if not facts.sale["rate"]:
        return False
    rate, capacity = float(facts.sale["rate"]), int(facts.sale["capacity"])
    come = profile.fans / max(profile.arrival_seconds, 1.0)  # a second
    if come <= rate:
        return False
    gathered = rate / (come - rate)  # when a second's admissions wait
    ends = profile.fans / rate - 1, ideal_seconds(facts) or math.inf, profile.longest_seconds
    return min(*ends) - gathered >= _RATE_SECONDS and capacity >= rate * _RATE_SECONDS


def violations_of(facts: RushFacts) -> list[str]:
    """Return each broken promise in a sentence."""
    audited = [
        f"{check['check']}: {one['subject']} {one['detail']}"
        for check in facts.audit["checks"]
        for one in check["violations"]
    ]
    oversold = facts.left["oversold"]
    return [
        *facts.client["findings"],
        *([f"{oversold} seats belong to two"] if oversold else []),
        *facts.contradicted,
        *disagreements(facts.history, facts.left),
        *audited,
    ]


def unseen_of(facts: RushFacts) -> list[str]:
    """Return what this run does not say: checks that could not look, faults that were none."""
    unseen = [
        f"{check['check']} could not look: {check['failure']}"
        for check in facts.audit["checks"]
        if check["failure"]
    ]
    if not unseen and facts.audit["outcome"] == "incomplete":
        unseen = ["the audit could not look at everything"]
    over = facts.client["sold_out_after"] or math.inf
    return unseen + [
        f"{fault.do} {fault.part} at {fault.at:g} s: {fault.error or NOT_BEGUN}"
        for fault in facts.faults
        if fault.error or fault.at > over
    ]


def disagreements(history: Iterable[Operation], left: Mapping[str, Any]) -> list[str]:
    """Return where what fans were answered and what the rows say about money differ.

    A payment whose outcome was not known at once is what the last look at it showed.
    """
    pays = [one for one in history if one.op == "pay" or (one.op, one.state) == ("payment", "PAID")]
    paid = {one.reservation_id for one in pays if one.outcome == OK}
    unclear = {one.reservation_id for one in pays if one.outcome == UNKNOWN}
    kept = left["reservations"]
    found = []
    if lost := paid - kept.keys():
        found.append(f"{len(lost)} purchases are gone: {_some(lost)}")
    if phantom := kept.keys() - paid - unclear:
        found.append(f"{len(phantom)} purchases that nobody made: {_some(phantom)}")
    worth = sum(amount for _, amount in kept.values())
    if left["spent"] + left["captured"] != worth:
        paid_with = f"{left['spent']} points and {left['captured']} by card"
        found.append(f"fans paid {paid_with} for seats worth {worth}")
    if left["without_ticket"]:
        found.append(f"{left['without_ticket']} sold seats have no ticket")
    return found


def card_figures(history: Iterable[Operation]) -> dict[str, float]:
    """Return how payments by card went: how many were begun, confirmed, and paid.

    `open`: those whose outcome the site did not know when it was asked for the money,
    `longest_open_seconds` from then until it did; `never_known`: those that were open in the end.
    """
    begun: set[str] = set()
    confirmed: dict[str, float] = {}
    opened: dict[str, float] = {}
    known: dict[str, Operation] = {}
    for one in sorted(history, key=lambda one: one.ended):
        if one.op == "begin" and one.outcome == OK:
            begun.add(one.reservation_id)
        if one.op not in ("pay", "payment") or one.method != "CARD":
            continue
        confirmed.setdefault(one.reservation_id, one.invoked)
        if one.op == "payment":
            opened.setdefault(one.reservation_id, confirmed[one.reservation_id])
        if one.outcome != UNKNOWN and (one.op == "pay" or one.state in _FINAL):
            known.setdefault(one.reservation_id, one)
    waited = [known[key].ended - at for key, at in opened.items() if key in known]
    paid = [one for one in known.values() if one.outcome == OK and one.state != "FAILED"]
    return {
        "begun": len(begun),
        "confirmed": len(confirmed),
        "paid": len(paid),
        "open": len(opened),
        "longest_open_seconds": round(max(waited, default=0.0), 1),
        "never_known": len(confirmed.keys() - known.keys()),
    }


def failures(
    history: Iterable[Operation], faults: Sequence[RushFault] = (), *, begun: float
) -> int:
    """Count responses of 5xx and requests without one.

    From the moment at which a part was broken until `RECOVERY_SECONDS` after it was mended, 503
    (come again later) and a lost connection are what the design promises; every other 5xx still
    counts. `begun` is the opening, by the clock of the history.
    """
    broken = [
        (begun + one.at, begun + one.at + one.seconds + RECOVERY_SECONDS)
        for one in faults
        if not one.error
    ]
    return sum(
        one.status not in _EXCUSED
        or not any(one.ended >= first and one.invoked <= last for first, last in broken)
        for one in history
        if one.status >= 500 or one.status == LOST_STATUS
    )


def rate_off_percent(
    samples: Iterable[Mapping[str, Any]], *, rate: float | None, capacity: int | None
) -> float | None:
    """Return by how much the room admitted faster or slower than its rate, in percent.

    Only between two samples in a row that both show a second's admissions waiting and space for
    them inside. None where that was hardly ever so.
    """
    if rate is None or capacity is None:
        return None
    shown = {datetime.fromisoformat(one["as_of"]).timestamp(): one for one in samples}
    pairs = [
        (at - before, shown[at]["serving"] - shown[before]["serving"])
        for before, at in pairwise(sorted(shown))
        if all(_is_busy(shown[moment], rate, capacity) for moment in (before, at))
    ]
    if len(pairs) < _SAMPLES - 1:
        return None
    seconds = sum(took for took, _ in pairs)
    admitted = float(sum(number for _, number in pairs))
    return abs(admitted / seconds / rate - 1) * 100


def _is_busy(sample: Mapping[str, Any], rate: float, capacity: int) -> bool:
    """Say whether a sample shows fans who wait for nothing but the rate."""
    has_space = sample["active"] + rate <= capacity
    return bool(sample["serving"]) and sample["waiting"] >= rate and has_space


def ideal_seconds(facts: RushFacts) -> float | None:
    """Return how long an ideal site takes to sell out, None where the fans are too few."""
    return choosing.ideal_seconds(
        facts.profile, seed=facts.seed, seats=facts.sale["seats"], rate=facts.sale["rate"]
    )


def _of_ideal(facts: RushFacts) -> float | None:
    ideal, took = ideal_seconds(facts), facts.client["sold_out_after"]
    if ideal is None:
        return None
    return math.inf if took is None else took / ideal


def _took(history: Iterable[Operation], ops: tuple[str, ...]) -> list[float]:
    return [one.ended - one.invoked for one in history if one.op in ops]


def _audit_counts(audit: Mapping[str, Any]) -> Counter[str]:
    return Counter({check["check"]: len(check["violations"]) for check in audit["checks"]})


def _some(keys: set[str]) -> str:
    shown = ", ".join(sorted(keys)[:_EXAMPLES])
    return shown if len(keys) <= _EXAMPLES else f"{shown}, ..."
