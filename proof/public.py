"""The public proof of a sale: its counts and checks at one moment, signed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from catalogue import documents
from concerts import queries as concerts
from kernel.caching.request import CachePolicy
from kernel.db.replica import current_alias
from kernel.signing.jws import signature_over
from proof import auditing
from proof.checks import INSIDE, Subjects
from proof.findings import CAUSE, AuditScope, CheckResult
from proof.snapshot import snapshot
from reservations import queries as reservations
from reservations.availability import LETTER

# A minute old at most for who comes first after it; the replica is good enough to show it.
PROOF = CachePolicy("proof", fresh_for=timedelta(minutes=1), stale_for=timedelta(minutes=5))
CACHE_CONTROL = "public, max-age=10"

CHECKS = tuple(one for one in INSIDE if not one.of_site and one.subjects != Subjects.EVERYTHING)

_COUNTS = f"""
    SELECT count(*),
           count(*) FILTER (WHERE {LETTER} = 'A'), count(*) FILTER (WHERE {LETTER} = 'T'),
           count(*) FILTER (WHERE {LETTER} = 'R'), count(*) FILTER (WHERE {LETTER} = 'B')
      FROM reservations_seatinventory inventory WHERE inventory.performance_id = %(performance)s
"""  # noqa: S608  (constants only)
_COUNTED = ("seats", "available", "temporarily_reserved", "reserved", "blocked")


def proof(*, performance_id: UUID, now: datetime) -> dict[str, Any]:
    """Return the document of the contract for a public performance.

    `jws` is a compact JWS by the current key of the use `proof` over the same document without it.
    Inside `stale_reads` the replica is read. Raises `PerformanceNotFound`.
    """
    concerts.performance(performance_id)
    using, scope = current_alias(), AuditScope(performance_id=performance_id)
    with snapshot(using=using, now=now) as as_of:
        counts = _counts(performance_id, as_of, using)
        results = list(auditing.look_inside(CHECKS, scope, as_of, using=using))
    document = {
        "performance_id": performance_id,
        "as_of": as_of,
        "counts": counts,
        "checks": [{"name": result.check, "passed": _passed(result)} for result in results],
        "last_violation": _last_violation(performance_id),
    }
    return document | {"jws": signature_over(documents.encode(document), use="proof")}


def _counts(performance_id: UUID, now: datetime, using: str) -> dict[str, int]:
    with connections[using].cursor() as cursor:
        cursor.execute(_COUNTS, {"performance": performance_id, "now": now})
        return dict(zip(_COUNTED, cursor.fetchone(), strict=True))


def _passed(result: CheckResult) -> bool | None:
    return None if result.failure else not result.violations


def _last_violation(performance_id: UUID) -> dict[str, Any] | None:
    """Return for what the sale was halted last, without the row: that is for staff."""
    halt = reservations.last_halt_for(performance_id=performance_id, cause=f"{CAUSE} ")
    if halt is None:
        return None
    check = halt.reason.split(" ")[1]
    return {"check": check, "found_at": halt.created_at, "halt_lifted_at": halt.lifted_at}
