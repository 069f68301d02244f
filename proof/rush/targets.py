"""What is good enough: one table for every profile, and how a run is judged by it."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django.utils.functional import Promise

from kernel.i18n import text


@dataclass(frozen=True, slots=True)
class RehearsalTarget:
    """One target: `name` in figures, the bound (`below` it, or at most), and the words for it."""

    name: str
    bound: float
    unit: str
    title: Promise | str
    below: bool = True  # strictly

    def is_met(self, value: float) -> bool:
        """Say whether a figure is good enough; what is no number is not."""
        if not math.isfinite(value):
            return False
        return value < self.bound if self.below else value <= self.bound


TARGETS = (
    RehearsalTarget("longest_join_ms", 1_000, "ms", text(
        en="Longest wait of a join, from when it was due", ko="대기열 진입의 가장 긴 응답 시간")),
    RehearsalTarget("admission_rate_off_percent", 2, "%", text(
        en="Admissions a second against the rate", ko="설정 대비 초당 입장 인원의 차이"),
        below=False),
    RehearsalTarget("seat_reads_p99_ms", 500, "ms", text(
        en="Seat map and availability, p99", ko="좌석도·잔여석 조회 p99")),
    RehearsalTarget("holds_p99_ms", 1_000, "ms", text(en="Holds, p99", ko="좌석 선점 p99")),
    RehearsalTarget("holds_p50_ms", 100, "ms", text(en="Holds, p50", ko="좌석 선점 p50")),
    RehearsalTarget("sold_out_of_ideal", 1.2, "x", text(
        en="Time to sell out, of the ideal", ko="이상적인 매진 시간 대비"), below=False),
    RehearsalTarget("oversold", 0, "", text(
        en="Seats sold twice", ko="중복 판매된 좌석"), below=False),
    RehearsalTarget("lost_money", 0, "", text(
        en="Purchases and points that are lost", ko="유실된 결제·포인트"), below=False),
    RehearsalTarget("failures", 0, "", text(
        en="Responses of 5xx, requests that were not served", ko="5xx 응답·응답 없는 요청"),
        below=False),
)  # fmt: skip
INVARIANTS = {"oversold", "lost_money"}  # who misses these has violated a promise


class RushVerdict(IntEnum):
    """The exit codes of a rehearsal."""

    GO = 0
    VIOLATED = 1
    MISSED = 2
    VOID = 3
    UNSEEN = 4


# The client took so much of a core in a second, or sent so late, that its figures are its own.
MOST_OF_A_CORE = 0.95
MOST_LATE_P99_MS = 100.0
# What a request should cost the client; shown as a note, since the busiest second decides.
MOST_US_PER_REQUEST = 40


@dataclass(frozen=True, slots=True)
class TargetResult:
    """A target and what was found.

    `met` is None where profile and sale ask for no such thing. `found` is None where nothing was
    measured, which misses a target that is asked for.
    """

    target: RehearsalTarget
    found: float | None
    met: bool | None

    def as_json(self) -> dict[str, Any]:
        """Return what programs read."""
        target = self.target
        return {
            "name": target.name,
            "title": str(target.title),
            "bound": target.bound,
            "unit": target.unit,
            "found": self.found,
            "met": self.met,
        }


def results_of(
    figures: Mapping[str, float | None], *, asked: Collection[str]
) -> list[TargetResult]:
    """Compare figures with the targets that are `asked` for; a figure of None was not measured.

    A missing figure is a KeyError.
    """
    results = []
    for target in TARGETS:
        found = figures[target.name]
        met = found is not None and target.is_met(found)
        results.append(TargetResult(target, found, met if target.name in asked else None))
    return results


def void_reasons(load: Mapping[str, float]) -> list[str]:
    """Return why the client was the bottleneck; nothing where it was not."""
    reasons = []
    if load["busiest_share"] > MOST_OF_A_CORE:
        reasons.append(f"the client took {load['busiest_share']:.0%} of a core in a second")
    if load["late_p99_ms"] > MOST_LATE_P99_MS:
        reasons.append(f"the client sent 1 % of its requests {load['late_p99_ms']:.0f} ms late")
    return reasons


def verdict_of(
    results: Sequence[TargetResult],
    *,
    violations: Sequence[str],
    unseen: Sequence[str],
    void: Sequence[str],
) -> RushVerdict:
    """Return the verdict: a violation goes before everything, then what could not be seen.

    A void run goes before its targets.
    """
    missed = [one.target.name for one in results if one.met is False]
    if violations or INVARIANTS & set(missed):
        return RushVerdict.VIOLATED
    if unseen:
        return RushVerdict.UNSEEN
    if void:
        return RushVerdict.VOID
    return RushVerdict.MISSED if missed else RushVerdict.GO
