"""Leases on idempotency keys: claim one before executing, store the response afterwards.

Note [Idempotency without a shared transaction]
The record and the effect live in different databases, so no order of commits is safe by itself. A
claim is a lease with a fence, a number that grows with each holder; the effect carries
`request_key` (or the `resource_id` chosen here) under a unique key. An execution that takes over a
lapsed lease sees `resumed` and first looks that row up. So a crash between effect and record costs
a look-up, never a second effect. An execution that is still running may also lose its lease:
paused, or waiting for a lock. Then there are two, and the later one meets the effect of the earlier
as a refusal (its seats are taken, its points are spent) or as a violated key. So every refusal may
be the request's own success, and the row is looked up again before the refusal is sent and stored:
`execute_once`, in every marked route.
After Brandur Leach, "Implementing Stripe-like Idempotency Keys in Postgres" (2017).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    connections,
)
from prometheus_client import Counter
from psycopg_pool import PoolTimeout

from idempotency import policy
from idempotency.errors import InProgress, KeyReused
from idempotency.models import Record
from idempotency.requests import KeyedRequest
from idempotency.values import WAITS_LITTLE, Lease, StoredResponse
from kernel.db.arrays import rows_of
from kernel.db.failures import LockSkipped, met_lock
from kernel.db.router import IDEMPOTENCY
from kernel.errors import DomainError, Kind
from kernel.ids import uuid7
from kernel.outcomes import Outcome, Undecided, outcome_of
from kernel.redis.breaker import Breaker, DependencyUnavailable

Effect = TypeVar("Effect")

requests_begun = Counter(
    "frontrow_idempotent_requests_total", "Requests whose key was claimed or found in a record"
)
conflicts = Counter(
    "frontrow_idempotency_conflicts_total",
    "Requests whose key was known already, by what was found",
    ["found"],
)

breaker = Breaker(
    "idempotency_database", failures_on=(OperationalError, InterfaceError, PoolTimeout)
)


@dataclass(frozen=True, slots=True)
class ClaimAlone(Undecided[Lease | StoredResponse]):
    """A claim of a batch that the batch's statement did not make, and that goes alone."""

    request: KeyedRequest
    now: datetime

    def decide(self) -> Outcome[Lease | StoredResponse]:
        """Claim in a statement of its own, which waits for the record."""
        return outcome_of(_claim, self.request, self.now)


Claimed: TypeAlias = Outcome[Lease | StoredResponse] | ClaimAlone


class _Found(NamedTuple):
    """A record as the claim of its key left it; `is_mine`: the claim got the lease."""

    request_key: str
    is_mine: bool
    knows_body: bool  # it did before the claim
    fence: int
    resource_id: UUID
    body_hash: str | None
    status: int | None
    body: str
    headers: str


_CLAIM = """
INSERT INTO idempotency_record AS r
    (request_key, body_hash, state, lease_until, attempt, resource_id, body, headers,
     created_at, expires_at)
SELECT wanted.request_key, wanted.body_hash, 'RUNNING', %s::timestamptz, 1, wanted.resource_id, '',
       '{{}}'::jsonb, %s::timestamptz, %s::timestamptz
FROM ({wanted}) AS wanted (request_key, body_hash, resource_id){limit}
ON CONFLICT (request_key) DO UPDATE SET
    (attempt, resource_id, body_hash, lease_until, expires_at) = (
    SELECT CASE WHEN free THEN r.attempt + 1 ELSE r.attempt END,
           CASE WHEN free AND r.body_hash IS NULL THEN EXCLUDED.resource_id
                ELSE r.resource_id END,
           CASE WHEN free THEN EXCLUDED.body_hash ELSE r.body_hash END,
           CASE WHEN free THEN EXCLUDED.lease_until ELSE r.lease_until END,
           CASE WHEN free THEN EXCLUDED.expires_at ELSE r.expires_at END
    FROM (SELECT r.state = 'RUNNING' AND r.lease_until <= EXCLUDED.created_at
             AND coalesce(r.body_hash, EXCLUDED.body_hash) = EXCLUDED.body_hash) AS judged (free))
RETURNING new.request_key, new.attempt > coalesce(old.attempt, 0), old.body_hash IS NOT NULL,
          new.attempt, new.resource_id, new.body_hash, new.status, new.body, new.headers
"""


def claim(*, request_key: str, body_hash: str, now: datetime) -> Lease | StoredResponse:
    """Return the right to execute, or the response stored by an earlier execution.

    One statement: it inserts the record, takes over a lapsed one, or changes nothing, and its
    RETURNING shows which. A record without a body hash has made nothing, so it gets a new
    `resource_id`: otherwise a client could keep an id for as long as it likes and use it then.
    Raises InProgress, KeyReused, and DependencyUnavailable while the database is unavailable
    (nothing may be executed then).
    """
    return _claim(KeyedRequest(request_key, body_hash), now)


def claim_at_once(requests: Sequence[KeyedRequest], *, now: datetime) -> list[Claimed]:
    """Return for each request what `claim` returns or raises, by one statement for all.

    It waits for nobody's record for long. Where it fails, all come back as `ClaimAlone`, and always
    those with a key that an earlier one in the batch has too.
    """
    firsts: dict[str, int] = {}
    for at, request in enumerate(requests):
        firsts.setdefault(request.request_key, at)
    # In the order of the keys: two batches at once must not wait for each other.
    claims = [requests[firsts[key]] for key in sorted(firsts)]
    try:
        found = _claimed(claims, now, limit=WAITS_LITTLE) if claims else []
    except DependencyUnavailable as error:
        return [error] * len(requests)
    except Exception:  # noqa: BLE001  (a record in use, or one request's error: each meets its own)
        return [ClaimAlone(request, now) for request in requests]
    by_key = {one.request_key: one for one in found}
    return [
        outcome_of(_judged, by_key[request.request_key], request)
        if firsts[request.request_key] == at
        else ClaimAlone(request, now)
        for at, request in enumerate(requests)
    ]


def _claim(request: KeyedRequest, now: datetime) -> Lease | StoredResponse:
    [found] = _claimed([request], now)
    return _judged(found, request)


def _claimed(requests: Sequence[KeyedRequest], now: datetime, limit: str = "") -> list[_Found]:
    wanted, parameters = rows_of(
        ("text", "text", "uuid"),
        [(request.request_key, request.body_hash, uuid7()) for request in requests],
    )
    statement = _CLAIM.format(wanted=wanted, limit=limit)
    times = [now + policy.LEASE, now, now + policy.RETENTION]

    def claimed() -> list[_Found]:
        try:
            with connections[IDEMPOTENCY].cursor() as cursor:
                cursor.execute(statement, [*times, *parameters])
                return [_Found(*row) for row in cursor.fetchall()]
        except OperationalError as error:
            if limit and met_lock(error):
                raise LockSkipped from error  # the database is well
            raise

    return breaker.call(claimed)


def _judged(found: _Found, request: KeyedRequest) -> Lease | StoredResponse:
    """Return what the record says to the request that claimed it."""
    requests_begun.inc()
    if found.is_mine:
        if found.knows_body:
            conflicts.labels("taken_over").inc()
        return Lease(found.request_key, found.resource_id, found.fence, resumed=found.knows_body)
    if found.body_hash != request.body_hash:
        conflicts.labels("other_body").inc()
        raise KeyReused
    if found.status is None:
        conflicts.labels("in_progress").inc()
        raise InProgress
    conflicts.labels("replayed").inc()
    return StoredResponse(found.status, found.body, json.loads(found.headers))


def execute_once(
    execute: Callable[[], Effect],
    *,
    find: Callable[[], Effect | None],
    resumed: bool,
    keyed: bool = True,
) -> Effect:
    """Return what `execute` makes, or what another execution of the same request has made.

    `find` looks the effect up: first where this execution is `resumed`, and again after a refusal
    or a violated key (Note [Idempotency without a shared transaction]). Without a key (`keyed`
    False) nobody else can be executing the request, and nothing is looked up.
    """
    made = find() if resumed else None
    if made is not None:
        return made
    try:
        return execute()
    except (DomainError, IntegrityError) as refusal:
        made = find() if (keyed or resumed) and may_hide_effect(refusal) else None
        if made is None:
            raise
        return made


def may_hide_effect(refusal: Exception) -> bool:
    """Say whether another execution of the request may have had the effect that is refused here.

    Not after "slow down", which must cost nothing and is never stored.
    """
    if isinstance(refusal, DomainError):
        return refusal.kind is not Kind.TOO_MANY
    return isinstance(refusal, IntegrityError)


def purge(*, now: datetime) -> int:
    """Delete records past their time, at most `PURGE_BATCH * PURGE_BATCHES`; return how many."""
    deleted = 0
    for _ in range(policy.PURGE_BATCHES):
        batch = Record.objects.filter(expires_at__lte=now).order_by("expires_at")
        keys = list(batch.values_list("request_key", flat=True)[: policy.PURGE_BATCH])
        # The condition again: a record taken over meanwhile has a new life.
        deleted += Record.objects.filter(request_key__in=keys, expires_at__lte=now).delete()[0]
        if len(keys) < policy.PURGE_BATCH:
            break
    return deleted
