"""The locks of webhooks: endpoints by id, then their deliveries.

Note [Fair turns]
A sending process claims as many deliveries as it has idle threads. It takes the endpoints that
waited longest for a turn, those that work first, skips those that another process claims from at
this moment, and then gives each a delivery before it gives any a second. An endpoint never has more
than `policy.TRIES_AT_ONCE` under way over all processes, one that fails never more than one: they
are counted behind the endpoint's lock. So however slow an endpoint is, and however much waits for
it, it costs the others a few threads.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from django.db import connection

from kernel.db.advisory import lock_for_transaction
from kernel.db.transaction import require_transaction
from webhooks import policy, queries
from webhooks.errors import WebhookDeliveryNotFound, WebhookEndpointNotFound
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.queries import WebhookOwner

_LOCK_WITH_DUE: LiteralString = f"""
    SELECT endpoint.id FROM webhooks_webhookendpoint AS endpoint
     WHERE enabled AND deleted_at IS NULL AND (failing_since IS NOT NULL) = %(failing)s
       AND (paused_until IS NULL OR paused_until <= %(now)s)
       AND {queries.OWNER_IN_FORCE}
       AND EXISTS (SELECT FROM webhooks_webhookdelivery AS delivery
                    WHERE delivery.endpoint_id = endpoint.id
                      AND delivery.status = 'WAITING' AND delivery.due_at <= %(now)s)
     ORDER BY claimed_at NULLS FIRST, endpoint.id LIMIT %(most)s
       FOR NO KEY UPDATE OF endpoint SKIP LOCKED
"""  # noqa: S608  (of constants)
# A statement after the locks: what it counts was committed before they were granted.
_CLAIM: LiteralString = """
    WITH turn AS (
        UPDATE webhooks_webhookendpoint SET claimed_at = %(now)s
         WHERE id = ANY(%(endpoints)s::uuid[])
        RETURNING id, url, secret, failing_since,
                  CASE WHEN former_until > %(now)s THEN former_secret ELSE '' END AS former),
    room AS (
        SELECT turn.id, greatest(0,
               CASE WHEN failing_since IS NULL THEN %(at_once)s ELSE 1 END
               - (SELECT count(*) FROM webhooks_webhookdelivery AS delivery
                   WHERE delivery.endpoint_id = turn.id AND delivery.status = 'WAITING'
                     AND delivery.lease_until > %(now)s)) AS places
          FROM turn),
    due AS (
        SELECT found.id, found.due_at, room.id AS endpoint_id
          FROM room CROSS JOIN LATERAL (
               SELECT delivery.id, delivery.due_at FROM webhooks_webhookdelivery AS delivery
                WHERE delivery.endpoint_id = room.id
                  AND delivery.status = 'WAITING' AND delivery.due_at <= %(now)s
                ORDER BY delivery.due_at, delivery.id LIMIT room.places
                  FOR UPDATE SKIP LOCKED) AS found),
    chosen AS (
        SELECT id FROM due
         ORDER BY row_number() OVER (PARTITION BY endpoint_id ORDER BY due_at, id), due_at
         LIMIT %(most)s),
    claimed AS (
        UPDATE webhooks_webhookdelivery AS delivery
           SET due_at = %(lease)s, lease_until = %(lease)s, fence = fence + 1
          FROM chosen WHERE delivery.id = chosen.id
        RETURNING delivery.id, endpoint_id, event_id, event_type, payload, begun_at, retries, fence)
    SELECT claimed.id, endpoint_id, event_id, event_type, payload, begun_at, retries, fence,
           url, secret, former, failing_since IS NOT NULL
      FROM claimed JOIN turn ON turn.id = claimed.endpoint_id
"""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this process may try until its lease is over; secrets are encrypted."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    event_type: str
    payload: str = field(repr=False)
    begun_at: datetime
    retries: int
    fence: int
    url: str = field(repr=False)
    secret: str = field(repr=False)
    former_secret: str = field(repr=False)
    is_failing: bool


def lock_owner(owner: WebhookOwner) -> None:
    """Let one call at a time count an owner's endpoints; needs an open transaction."""
    lock_for_transaction("webhooks.owner", owner.user_id, owner.api_key_id)


def lock_endpoint(*, endpoint_id: UUID, owner: WebhookOwner) -> WebhookEndpoint:
    """Lock an owner's endpoint and return it; raises `WebhookEndpointNotFound`."""
    rows = queries.endpoints_of(owner).filter(pk=endpoint_id)
    found = rows.select_for_update(no_key=True).first()
    if found is None:
        raise WebhookEndpointNotFound
    return found


def lock_endpoints(endpoint_ids: Collection[UUID]) -> list[WebhookEndpoint]:
    """Lock those of the endpoints that are not deleted, by id, and return them."""
    require_transaction()
    rows = WebhookEndpoint.objects.filter(pk__in=endpoint_ids, deleted_at=None).order_by("pk")
    return list(rows.select_for_update(no_key=True))


def lock_delivery(*, endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Lock a delivery of a locked endpoint and return it; raises `WebhookDeliveryNotFound`."""
    rows = queries.deliveries_of(endpoint_id).filter(pk=delivery_id)
    found = rows.select_for_update(no_key=True).first()
    if found is None:
        raise WebhookDeliveryNotFound
    return found


def claim_due(*, now: datetime, most: int, most_failing: int) -> list[ClaimedDelivery]:
    """Take deliveries that are due, for `policy.LEASE`; needs an open transaction.

    At most `most`, of them at most `most_failing` to endpoints that fail (Note [Fair turns]). If
    this process dies, another takes them when the lease is over, and the fence keeps this one from
    finishing them afterwards.
    """
    require_transaction()
    with connection.cursor() as cursor:
        endpoints = _lock_with_due(cursor, now, most, failing=False)
        rest = min(most_failing, max(1, most - len(endpoints)))
        endpoints += _lock_with_due(cursor, now, rest, failing=True)
        if not endpoints:
            return []
        cursor.execute(
            _CLAIM,
            {
                "now": now,
                "lease": now + policy.LEASE,
                "most": most,
                "at_once": policy.TRIES_AT_ONCE,
                "endpoints": endpoints,
            },
        )
        return [ClaimedDelivery(*row) for row in cursor.fetchall()]


def _lock_with_due(cursor: Any, now: datetime, most: int, *, failing: bool) -> list[UUID]:
    if most <= 0:
        return []
    parameters = queries.owner_parameters(now) | {"most": most, "failing": failing}
    cursor.execute(_LOCK_WITH_DUE, parameters)
    return [endpoint_id for (endpoint_id,) in cursor.fetchall()]
