"""The run of an audit: checks one after the other, each batch by batch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from confluent_kafka import KafkaException
from django.db import DEFAULT_DB_ALIAS

from events.kafka import KafkaUnavailable
from kernel.db.failures import DATABASE_ERRORS
from kernel.db.transaction import savepoint
from kernel.redis.breaker import DependencyUnavailable
from payments.gateways.gateway import NotSent
from proof import keys, policy
from proof.checks import BETWEEN, INSIDE, AuditCheck
from proof.findings import AuditBatch, AuditReport, AuditScope, CheckResult, Violation
from proof.gateway_ledger import LedgerUnreachable
from proof.snapshot import snapshot

Progress = Callable[[str, int], None]  # the check, and how many keys it has looked at
_UNREADABLE = (
    *DATABASE_ERRORS,
    DependencyUnavailable,
    KafkaException,
    KafkaUnavailable,
    LedgerUnreachable,
    NotSent,
)


def run(
    scope: AuditScope,
    *,
    now: datetime,
    using: str = DEFAULT_DB_ALIAS,
    checks: Sequence[AuditCheck] = INSIDE + BETWEEN,
    progress: Progress = lambda check, looked_at: None,
) -> AuditReport:
    """Make `checks` on a scope; those inside PostgreSQL see one snapshot of the database `using`.

    A check that cannot look says so in its result, and the others go on. What other stores say is
    compared with the primary.
    """
    chosen = [one for one in checks if scope.performance_id is None or not one.of_site]
    inside = [one for one in chosen if one in INSIDE]
    results: list[CheckResult] = []
    as_of = now
    try:
        with snapshot(using=using, now=now) as as_of:
            results += look_inside(inside, scope, as_of, using=using, progress=progress)
    except DATABASE_ERRORS as error:
        done = {result.check for result in results}
        results += (_unseen(one, error) for one in inside if one.name not in done)
    between = [one for one in chosen if one in BETWEEN]
    results += (_result(one, scope, as_of, DEFAULT_DB_ALIAS, progress) for one in between)
    return AuditReport(as_of, using, tuple(results))


def look_inside(
    checks: Iterable[AuditCheck],
    scope: AuditScope,
    as_of: datetime,
    *,
    using: str,
    progress: Progress = lambda check, looked_at: None,
) -> Iterator[CheckResult]:
    """Make checks in the open snapshot, one after the other; `as_of` is what it yielded."""
    return (_in_savepoint(one, scope, as_of, using, progress) for one in checks)


def _in_savepoint(
    check: AuditCheck, scope: AuditScope, now: datetime, using: str, progress: Progress
) -> CheckResult:
    """Make a check whose failed statement does not end the snapshot of the others."""
    try:
        with savepoint(using=using):
            return _look(check, scope, now, using, progress)
    except DATABASE_ERRORS as error:
        return _unseen(check, error)


def _result(
    check: AuditCheck, scope: AuditScope, now: datetime, using: str, progress: Progress
) -> CheckResult:
    try:
        return _look(check, scope, now, using, progress)
    except _UNREADABLE as error:
        return _unseen(check, error)


def _look(
    check: AuditCheck, scope: AuditScope, now: datetime, using: str, progress: Progress
) -> CheckResult:
    found: list[Violation] = []
    looked_at = 0
    for some in keys.batches(check.subjects, scope, using=using, now=now):
        found += check.find(AuditBatch(check.name, some, now, using, scope))
        looked_at += len(some)
        progress(check.name, looked_at)
        if len(found) >= policy.EXAMPLES:
            break
    return CheckResult(check.name, looked_at, tuple(found[: policy.EXAMPLES]))


def _unseen(check: AuditCheck, error: Exception) -> CheckResult:
    return CheckResult(check.name, 0, failure=f"{type(error).__name__}: {error}"[:300])
