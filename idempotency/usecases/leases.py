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
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    connections,
)
from prometheus_client import Counter
from psycopg.types.json import Json
from psycopg_pool import PoolTimeout

from idempotency import policy
from idempotency.models import Record
from kernel.db.failures import DATABASE_ERRORS
from kernel.db.router import IDEMPOTENCY
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.ids import uuid7
from kernel.redis.breaker import Breaker

log = logging.getLogger(__name__)

Effect = TypeVar("Effect")

conflicts = Counter(
    "frontrow_idempotency_conflicts_total",
    "Requests whose key was known already, by what was found",
    ["found"],
)
unfinished = Counter(
    "frontrow_idempotency_unfinished_total",
    "Responses that could not be stored, by reason; the lease lapses and a retry resumes",
    ["reason"],
)

breaker = Breaker(
    "idempotency_database", failures_on=(OperationalError, InterfaceError, PoolTimeout)
)


class KeyRequired(DomainError):
    """A route that needs a key was called without one."""

    code = "idempotency_key_required"
    kind = Kind.INVALID
    message = text(
        en="Send an Idempotency-Key header, so that trying again is safe.",
        ko="재시도가 안전하도록 Idempotency-Key 헤더를 보내 주세요.",
    )


class KeyInvalid(DomainError):
    """The key is too short, too long, or not made of visible characters."""

    code = "idempotency_key_invalid"
    kind = Kind.INVALID
    message = text(
        en="An Idempotency-Key is 8 to 255 visible ASCII characters, bare or in double quotes.",
        ko="Idempotency-Key는 8~255자의 출력 가능한 ASCII 문자여야 합니다.",
    )


class InProgress(DomainError):
    """The first request with this key is still running."""

    code = "idempotency_in_progress"
    kind = Kind.CONFLICT
    message = text(
        en="The first request with this key is still running.",
        ko="같은 키의 첫 요청이 아직 처리 중입니다.",
    )
    retry_after = policy.RETRY_AFTER_SECONDS


class KeyReused(DomainError):
    """The key came before with another body."""

    code = "idempotency_key_reused"
    kind = Kind.UNPROCESSABLE
    message = text(
        en="This Idempotency-Key was used for a different request.",
        ko="이 Idempotency-Key는 이미 다른 요청에 사용되었습니다.",
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to execute, until `policy.LEASE` has passed.

    `fence` grows with each holder of the key's lease. `resumed`: an earlier execution may have
    taken effect, so look `request_key` or `resource_id` up before doing anything.
    """

    request_key: str
    resource_id: UUID
    fence: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response to replay: its status, its rendered body and the headers that matter."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


_CLAIM = """
INSERT INTO idempotency_record AS r
    (request_key, body_hash, state, lease_until, attempt, resource_id, body, headers,
     created_at, expires_at)
VALUES (%(request_key)s, %(body_hash)s, 'RUNNING', %(lease_until)s, 1, %(resource_id)s, '', '{}',
        %(now)s, %(expires_at)s)
ON CONFLICT (request_key) DO UPDATE SET
    (attempt, resource_id, body_hash, lease_until, expires_at) = (
    SELECT CASE WHEN free THEN r.attempt + 1 ELSE r.attempt END,
           CASE WHEN free AND r.body_hash IS NULL THEN EXCLUDED.resource_id
                ELSE r.resource_id END,
           CASE WHEN free THEN EXCLUDED.body_hash ELSE r.body_hash END,
           CASE WHEN free THEN EXCLUDED.lease_until ELSE r.lease_until END,
           CASE WHEN free THEN EXCLUDED.expires_at ELSE r.expires_at END
    FROM (SELECT r.state = 'RUNNING' AND r.lease_until <= %(now)s
             AND coalesce(r.body_hash, EXCLUDED.body_hash) = EXCLUDED.body_hash) AS judged (free))
RETURNING new.attempt > coalesce(old.attempt, 0), old.body_hash IS NOT NULL, new.attempt,
          new.resource_id, new.body_hash = %(body_hash)s, new.status, new.body, new.headers
"""


def claim(*, request_key: str, body_hash: str, now: datetime) -> Lease | StoredResponse:
    """Return the right to execute, or the response stored by an earlier execution.

    One statement: it inserts the record, takes over a lapsed one, or changes nothing, and its
    RETURNING shows which. A record without a body hash has made nothing, so it gets a new
    `resource_id`: otherwise a client could keep an id for as long as it likes and use it then.
    Raises InProgress, KeyReused, and DependencyUnavailable while the database is unavailable
    (nothing may be executed then).
    """
    parameters = {
        "request_key": request_key,
        "body_hash": body_hash,
        "now": now,
        "lease_until": now + policy.LEASE,
        "expires_at": now + policy.RETENTION,
        "resource_id": uuid7(),
    }
    row = breaker.call(lambda: _one(_CLAIM, parameters))
    mine, known_body, fence, resource_id, same_body, status, body, headers = row
    if mine:
        if known_body:
            conflicts.labels("taken_over").inc()
        return Lease(request_key, resource_id, fence, resumed=known_body)
    if not same_body:
        conflicts.labels("other_body").inc()
        raise KeyReused
    if status is None:
        conflicts.labels("in_progress").inc()
        raise InProgress
    conflicts.labels("replayed").inc()
    return StoredResponse(status, body, json.loads(headers))


def execute_once(
    execute: Callable[[], Effect],
    *,
    find: Callable[[], Effect | None],
    resumed: bool,
    keyed: bool = True,
) -> Effect:
    """Return what `execute` makes, or what another execution of the same request has made.

    `find` looks the effect up: first where this execution is `resumed`, and again after a refusal
    or a violated key (Note [Idempotency without a shared transaction]), though not after "slow
    down", which must cost nothing and is never stored. Without a key (`keyed` False) nobody
    else can be executing the request, and nothing is looked up.
    """
    made = find() if resumed else None
    if made is not None:
        return made
    try:
        return execute()
    except (DomainError, IntegrityError) as refusal:
        slow_down = isinstance(refusal, DomainError) and refusal.kind is Kind.TOO_MANY
        made = find() if (keyed or resumed) and not slow_down else None
        if made is None:
            raise
        return made


def finish(lease: Lease, *, response: StoredResponse) -> bool:
    """Store the response; return False where the lease was lost or the database is unavailable.

    It never raises: the effect has happened, and a lost record only means that a retry resumes.
    """
    return _close(
        """
        UPDATE idempotency_record
           SET state = 'FINISHED', status = %(status)s, body = %(body)s, headers = %(headers)s
         WHERE request_key = %(request_key)s AND attempt = %(fence)s AND state = 'RUNNING'
        """,
        lease,
        {
            "status": response.status,
            "body": response.body,
            "headers": Json(dict(response.headers)),
        },
    )


def release(lease: Lease, *, now: datetime, untouched: bool) -> bool:
    """End the lease at once so that the client may retry; nothing is stored.

    `untouched`: this execution changed nothing; unless an earlier one may have, the record then
    drops its body hash, so that a corrected request may use the same key.
    """
    return _close(
        """
        UPDATE idempotency_record
           SET lease_until = %(now)s,
               body_hash = CASE WHEN %(drop_body)s THEN NULL ELSE body_hash END
         WHERE request_key = %(request_key)s AND attempt = %(fence)s AND state = 'RUNNING'
        """,
        lease,
        {"now": now, "drop_body": untouched and not lease.resumed},
    )


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


def _one(statement: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    with connections[IDEMPOTENCY].cursor() as cursor:
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def _close(statement: str, lease: Lease, parameters: Mapping[str, Any]) -> bool:
    fenced = {
        **parameters,
        "request_key": lease.request_key,
        "fence": lease.fence,
    }
    try:
        # Not through the breaker: this thread still has the connection of its claim, and a record
        # left running would keep retries waiting for the rest of the lease.
        with connections[IDEMPOTENCY].cursor() as cursor:
            cursor.execute(statement, fenced)
            closed = bool(cursor.rowcount == 1)
    except DATABASE_ERRORS as error:
        unfinished.labels("unavailable").inc()
        log.warning("idempotency record not closed", extra={"error": repr(error)})
        return False
    if not closed:
        unfinished.labels("lease_lost").inc()
        log.warning("idempotency lease lost", extra={"fence": lease.fence})
    return closed
