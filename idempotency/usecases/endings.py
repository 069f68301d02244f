"""The ends of leases: the response is stored for replay, or the key may be used again at once."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from django.db import connections
from prometheus_client import Counter

from idempotency.values import WAITS_LITTLE, Lease, StoredResponse
from kernel.db.arrays import rows_of
from kernel.db.failures import DATABASE_ERRORS
from kernel.db.router import IDEMPOTENCY
from kernel.errors import DomainError
from kernel.outcomes import Undecided

log = logging.getLogger(__name__)

unfinished = Counter(
    "frontrow_idempotency_unfinished_total",
    "Responses that could not be stored, by reason; the lease lapses and a retry resumes",
    ["reason"],
)
# Refused before anything could change: the same key may be sent again, corrected.
_REFUSED = frozenset({400, 401, 403, 429})


@dataclass(frozen=True, slots=True)
class Ending:
    """How the execution under a lease ends.

    `response` is stored for replay; without one the lease ends at once, so that the client may
    retry. `untouched`: this execution changed nothing; unless an earlier one may have, the record
    then drops its body hash, so that a corrected request may use the same key.
    """

    lease: Lease
    response: StoredResponse | None = None
    untouched: bool = False


@dataclass(frozen=True, slots=True)
class EndingAlone(Undecided[bool]):
    """An ending of a batch that the batch's statement did not write, and that goes alone."""

    ending: Ending
    now: datetime

    def decide(self) -> bool:
        """Write it in a statement of its own, as `close` does."""
        return close(self.ending, now=self.now)


Closed: TypeAlias = bool | EndingAlone


def ending_of(
    lease: Lease, *, response: StoredResponse | None, error: Exception | None = None
) -> Ending:
    """Return how an execution ends that has come to `response`, or to a defect (None).

    Stored are 2xx and domain 4xx. After 400, 401, 403, 429, 5xx and refusals that opt out
    (`DomainError.kept_for_replay` of `error`) the lease ends at once.
    """
    if response is None:
        return Ending(lease)
    opts_out = isinstance(error, DomainError) and not error.kept_for_replay
    if opts_out or response.status in _REFUSED:
        return Ending(lease, untouched=True)
    return Ending(lease, None if response.status >= 500 else response)


def close(ending: Ending, *, now: datetime) -> bool:
    """End a lease; return False where it was lost or the database is unavailable.

    It never raises: the effect has happened, and a lost record only means that a retry resumes.
    """
    try:
        closed = _closed([ending], now)
    except DATABASE_ERRORS as error:
        unfinished.labels("unavailable").inc()
        log.warning("idempotency record not closed", extra={"error": repr(error)})
        return False
    return _is_closed(ending, closed)


def close_at_once(endings: Sequence[Ending], *, now: datetime) -> list[Closed]:
    """End leases like `close`, by one statement for all.

    It waits for nobody's record for long: where it fails, each comes back as `EndingAlone`.
    """
    # In the order of the keys: two batches at once must not wait for each other.
    ordered = sorted(endings, key=lambda ending: ending.lease.request_key)
    try:
        closed = _closed(ordered, now, limit=WAITS_LITTLE) if ordered else set()
    except Exception:  # noqa: BLE001  (a record in use, or one ending's error: each meets its own)
        return [EndingAlone(ending, now) for ending in endings]
    return [_is_closed(ending, closed) for ending in endings]


_CLOSE = """
UPDATE idempotency_record AS r
   SET state = CASE WHEN ended.status IS NULL THEN r.state ELSE 'FINISHED' END,
       status = ended.status, body = ended.body, headers = ended.headers,
       lease_until = coalesce(ended.lease_until, r.lease_until),
       body_hash = CASE WHEN ended.drops_body THEN NULL ELSE r.body_hash END
  FROM ({ended}) AS ended
       (request_key, fence, status, body, headers, lease_until, drops_body){limit}
 WHERE r.request_key = ended.request_key AND r.attempt = ended.fence AND r.state = 'RUNNING'
RETURNING r.request_key
"""
_TYPES = ("text", "integer", "smallint", "text", "jsonb", "timestamptz", "boolean")


def _closed(endings: Sequence[Ending], now: datetime, limit: str = "") -> set[str]:
    """Write the endings, not through the breaker; return the keys of those that took place.

    A thread that has executed still has the connection of its claim, and a record left running
    would keep retries waiting for the rest of the lease.
    """
    ended, parameters = rows_of(_TYPES, [_row_of(ending, now) for ending in endings])
    with connections[IDEMPOTENCY].cursor() as cursor:
        cursor.execute(_CLOSE.format(ended=ended, limit=limit), parameters)
        return {key for (key,) in cursor.fetchall()}


def _row_of(ending: Ending, now: datetime) -> tuple[object, ...]:
    lease, response = ending.lease, ending.response
    key = (lease.request_key, lease.fence)
    if response is None:
        return (*key, None, "", "{}", now, ending.untouched and not lease.resumed)
    headers = json.dumps(dict(response.headers))
    return (*key, response.status, response.body, headers, None, False)


def _is_closed(ending: Ending, closed: set[str]) -> bool:
    if ending.lease.request_key in closed:
        return True
    unfinished.labels("lease_lost").inc()
    log.warning("idempotency lease lost", extra={"fence": ending.lease.fence})
    return False
