"""Bars: the product and what it is compared with, measured by turns."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bench.play import VoidRound

Seen = dict[str, Any]
Round = Callable[[], Seen]  # plays one round; its `rate` is compared


@dataclass(frozen=True)
class Bar:
    """What is measured, against what, and the least ratio of their rates."""

    name: str
    at_least: float
    measured: Round
    against: Round


def compare(bar: Bar, rounds: int) -> Seen:
    """Return the ratio of the bar's rates, the median of pairs of rounds, and what they cost.

    A round with an unexpected response is void and repeated; raises VoidRound where most are.
    """
    pairs: list[tuple[Seen, Seen]] = []
    void = 0
    while len(pairs) < rounds:
        try:
            pairs.append((bar.against(), bar.measured()))
        except VoidRound:
            void += 1
            if void > rounds:
                raise
    ratios = [mine["rate"] / other["rate"] for other, mine in pairs]
    median = statistics.median(ratios)
    return {
        "at_least": bar.at_least,
        "ratio": round(median, 2),
        "ratio_min": round(min(ratios), 2),
        "ratio_max": round(max(ratios), 2),
        "per_second": round(statistics.median(mine["rate"] for _, mine in pairs)),
        "baseline_per_second": round(statistics.median(other["rate"] for other, _ in pairs)),
        "p50_ms": _median([mine for _, mine in pairs], "p50_ms"),
        "cpu_us": _cpu_us(mine for _, mine in pairs),
        "baseline_cpu_us": _cpu_us(other for other, _ in pairs),
        "void_rounds": void,
        "met": median >= bar.at_least,
    }


def _median(rounds: list[Seen], name: str) -> float | None:
    found = [one[name] for one in rounds if name in one]
    return round(statistics.median(found), 2) if found else None


def _cpu_us(rounds: Iterable[Seen]) -> dict[str, int]:
    """Return the processor time of a request in us, by the processes that took part in it."""
    shares: dict[str, list[float]] = {}
    for one in rounds:
        for name, share in one.get("cpu_shares", {}).items():
            shares.setdefault(name, []).append(share / one["rate"])
    return {name: round(statistics.median(each) * 1e6) for name, each in shares.items()}
