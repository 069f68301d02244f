"""The use cases of audits: look at everything, or each minute at what is new, and halt for it."""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from concerts.errors import PerformanceNotFound
from kernel.stored_files import FileNotKept
from proof import auditing, metrics, policy, reports
from proof.checks import CHECKS
from proof.checks.claims import claims_agree
from proof.findings import AuditReport, AuditScope, Violation
from proof.snapshot import source
from reservations import seat_changes
from reservations.usecases import sale

log = logging.getLogger(__name__)


def audit(scope: AuditScope, *, now: datetime, progress: Callable[[str, int], None]) -> AuditReport:
    """Make every check on a scope and change nothing; all that is committed by now is seen."""
    return auditing.run(scope, now=now, using=source(), progress=progress)


@dataclass(frozen=True, slots=True)
class Watched:
    """What one minute's audit saw, and the violations for which it halted a sale."""

    report: AuditReport
    halted_for: tuple[Violation, ...] = ()


def watch(*, now: datetime) -> Watched:
    """Audit what is new, on the primary, and halt a sale whose rows contradict each other.

    Note [Halts by audit]
    Only what commits together is reason to halt, seen in one snapshot and again in a second one;
    what differs between stores is reported and no more. A cause halts a sale once: staff who lift
    the halt have looked, and decide.
    """
    scope = AuditScope(since=now - policy.RECENT)
    report = auditing.run(scope, now=now, checks=[one for one in CHECKS if one.each_minute])
    halted = tuple(one for one in _confirmed(report, scope, now) if _halt(one, now))
    metrics.count(report, halts=len(halted))
    for violation in report.violations:
        log.error(
            "audit found a violation",
            extra={"check": violation.check, **violation.as_json()},
        )
    for result in report.failures:
        log.warning("audit could not look", extra={"check": result.check, "why": result.failure})
    _have_claims_compared(report)
    if report.violations:
        _keep(report)
    return Watched(report, halted)


def _have_claims_compared(report: AuditReport) -> None:
    """Have claims that are wrong mended (Note [Lost writes] in reservations/claims)."""
    seats: dict[UUID, list[UUID]] = defaultdict(list)
    for one in report.violations:
        if one.check == claims_agree.__name__ and one.performance_id:
            seats[one.performance_id].append(UUID(one.subject.removeprefix("seat:")))
    for performance_id, seat_ids in seats.items():
        seat_changes.compare_claims(performance_id=performance_id, seat_ids=seat_ids)


def _keep(report: AuditReport) -> None:
    """Keep what is to be looked into; the audit counts without it."""
    try:
        name = reports.keep_audit(report)
    except FileNotKept as error:
        log.warning("audit report not kept", extra={"why": str(error)})
    else:
        log.warning("audit report kept", extra={"report": name})


def _confirmed(report: AuditReport, scope: AuditScope, now: datetime) -> list[Violation]:
    """Return the violations that halt a sale and are still there in a second snapshot."""
    suspects = {one.check for one in report.violations}
    checks = [one for one in CHECKS if one.halts and one.name in suspects]
    if not checks:
        return []
    seen = {one.cause for one in report.violations}
    again = auditing.run(scope, now=now, checks=checks)
    return [one for one in again.violations if one.cause in seen]


def _halt(violation: Violation, now: datetime) -> bool:
    if violation.performance_id is None:
        return False
    try:
        return sale.halt_for_cause(
            performance_id=violation.performance_id,
            cause=violation.cause,
            detail=violation.detail,
            now=now,
        )
    except PerformanceNotFound:
        return False
