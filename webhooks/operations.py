"""Writes of webhooks, inside the transaction of the event's inbox row or of a use case."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from django.db import connection

from events import cloudevents
from events.cloudevents import Event
from events.ids import inbox_key
from kernel.db.transaction import require_transaction
from kernel.staff import audit
from webhooks import locking, policy, queries
from webhooks.locking import ClaimedDelivery
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.outcomes import TryOutcome, TryResult

_WRITE: LiteralString = """
    INSERT INTO webhooks_webhookdelivery (id, endpoint_id, event_id, event_type, payload, status,
           created_at, begun_at, due_at, fence, tries, retries, last_response, failure)
    SELECT wanted.id, wanted.endpoint_id, event.id, event.type, event.payload, 'WAITING',
           %(now)s, %(now)s, %(now)s, 0, 0, 0, '', ''
      FROM unnest(%(ids)s::uuid[], %(endpoints)s::uuid[], %(wanted)s::uuid[])
           AS wanted (id, endpoint_id, event_id)
      JOIN unnest(%(events)s::uuid[], %(types)s::text[], %(payloads)s::text[])
           AS event (id, type, payload) ON event.id = wanted.event_id
     ORDER BY wanted.id
    ON CONFLICT (id) DO NOTHING
"""
_FINISH: LiteralString = """
    UPDATE webhooks_webhookdelivery AS delivery
       SET status = tried.status, due_at = tried.due_at, lease_until = NULL,
           tries = tries + 1, retries = retries + 1, last_tried_at = %(now)s,
           last_status = tried.last_status, last_response = tried.response,
           failure = tried.failure,
           delivered_at = CASE WHEN tried.status = 'DELIVERED' THEN %(now)s::timestamptz END
      FROM unnest(%(ids)s::uuid[], %(fences)s::int[], %(statuses)s::text[],
                  %(due)s::timestamptz[], %(codes)s::int[], %(responses)s::text[],
                  %(failures)s::text[])
           AS tried (id, fence, status, due_at, last_status, response, failure)
     WHERE delivery.id = tried.id AND delivery.fence = tried.fence
       AND delivery.status = 'WAITING'
    RETURNING delivery.id
"""
_GIVE_UP: LiteralString = """
    WITH late AS (
        SELECT delivery.id FROM webhooks_webhookdelivery AS delivery
          JOIN webhooks_webhookendpoint AS endpoint ON endpoint.id = delivery.endpoint_id
         WHERE delivery.status = 'WAITING'
           AND (delivery.lease_until IS NULL OR delivery.lease_until <= %(now)s)
           AND (NOT endpoint.enabled OR endpoint.deleted_at IS NOT NULL
                OR delivery.begun_at <= %(before)s)
         LIMIT %(most)s FOR UPDATE OF delivery SKIP LOCKED)
    UPDATE webhooks_webhookdelivery AS delivery
       SET status = 'GIVEN_UP', lease_until = NULL,
           failure = CASE WHEN failure = '' THEN 'not tried: the endpoint took nothing'
                          ELSE failure END
      FROM late WHERE delivery.id = late.id
"""


@dataclass(frozen=True, slots=True)
class _Finished:
    """What a try makes of its delivery."""

    status: str
    due_at: datetime


def write_deliveries(*, events: Sequence[Event], now: datetime) -> int:
    """Write down the events for the endpoints that want them, each once; return how many that are.

    Two statements, however many. Needs an open transaction.
    """
    require_transaction()
    endpoints = queries.receiving_endpoints(now=now)
    wanted = [
        (inbox_key(event.id, f"webhooks:{endpoint.id}"), endpoint.id, event)
        for event in events
        for endpoint in endpoints
        if endpoint.wants(event)
    ]
    write_wanted(wanted, now=now)
    return len(wanted)


def write_wanted(wanted: Sequence[tuple[UUID, UUID, Event]], *, now: datetime) -> None:
    """Write down deliveries: their ids, endpoints and events. Needs an open transaction."""
    require_transaction()
    if not wanted:
        return
    events = {event.id: event for _, _, event in wanted}
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            {
                "now": now,
                "ids": [id_ for id_, _, _ in wanted],
                "endpoints": [endpoint_id for _, endpoint_id, _ in wanted],
                "wanted": [event.id for _, _, event in wanted],
                "events": list(events),
                "types": [event.type for event in events.values()],
                "payloads": [cloudevents.dump(event).decode() for event in events.values()],
            },
        )


def finish(*, results: Sequence[TryResult], now: datetime) -> set[UUID]:
    """Write down what became of tries; return the ids of those that were still ours.

    Also what they say of their endpoints: see `_judge`. Needs an open transaction.
    """
    require_transaction()
    telling = {
        result.delivery.endpoint_id
        for result in results
        if result.outcome is not TryOutcome.DELIVERED or result.delivery.is_failing
    }
    endpoints = locking.lock_endpoints(telling) if telling else []
    ours = _finish_deliveries(results, now)
    by_endpoint: dict[UUID, list[TryOutcome]] = defaultdict(list)
    for result in results:
        if result.delivery.id in ours:
            by_endpoint[result.delivery.endpoint_id].append(result.outcome)
    for endpoint in endpoints:
        if by_endpoint[endpoint.pk]:
            _judge(endpoint, by_endpoint[endpoint.pk], now)
    return ours


def disable(
    endpoint: WebhookEndpoint,
    *,
    by: WebhookEndpoint.DisabledBy,
    actor_id: UUID | None,
    reason: str,
    changes: Mapping[str, Any],
    now: datetime,
) -> None:
    """Send nothing more to a locked endpoint, audited. Needs an open transaction."""
    require_transaction()
    endpoint.enabled, endpoint.disabled_at, endpoint.disabled_by = False, now, by
    endpoint.save(update_fields=["enabled", "disabled_at", "disabled_by"])
    audit.record(
        actor_id=actor_id,
        action="webhooks.disable_endpoint",
        target=audit.target_of(endpoint),
        reason=reason,
        changes={"disabled_by": by.value, **changes},
        now=now,
    )


def enable(endpoint: WebhookEndpoint) -> None:
    """Let a locked endpoint get events again, as if it had never failed."""
    require_transaction()
    endpoint.enabled, endpoint.disabled_at, endpoint.disabled_by = True, None, ""
    _reset(endpoint)


def remove_endpoints_of(*, user_id: UUID, now: datetime) -> None:
    """Remove every endpoint of a person whose account is being closed, with its secrets."""
    require_transaction()
    mine = WebhookEndpoint.objects.filter(user_id=user_id, deleted_at=None)
    mine.update(deleted_at=now, secret="", former_secret="", former_until=None)


def begin_again(delivery: WebhookDelivery, *, now: datetime) -> None:
    """Have a locked delivery tried at `now`, with all retries ahead; the tries go on counting."""
    require_transaction()
    delivery.status, delivery.delivered_at = WebhookDelivery.Status.WAITING, None
    delivery.begun_at = delivery.due_at = now
    delivery.retries, delivery.lease_until = 0, None
    delivery.fence += 1  # a process that lost the lease finishes nothing
    delivery.save(
        update_fields=[
            "status",
            "delivered_at",
            "begun_at",
            "due_at",
            "retries",
            "lease_until",
            "fence",
        ]
    )


def give_up_untried(*, now: datetime) -> int:
    """Give up what is never tried any more, a bounded number; return how many.

    That is what waits for endpoints that are disabled or deleted, and what is too old.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            _GIVE_UP,
            {
                "now": now,
                "before": now - policy.GIVE_UP_UNTRIED_AFTER,
                "most": policy.GIVEN_UP_AT_ONCE,
            },
        )
        return int(cursor.rowcount)


def _finish_deliveries(results: Sequence[TryResult], now: datetime) -> set[UUID]:
    finished = [_finished(result, now) for result in results]
    with connection.cursor() as cursor:
        cursor.execute(
            _FINISH,
            {
                "now": now,
                "ids": [result.delivery.id for result in results],
                "fences": [result.delivery.fence for result in results],
                "statuses": [one.status for one in finished],
                "due": [one.due_at for one in finished],
                "codes": [result.status for result in results],
                "responses": [result.response for result in results],
                "failures": [result.failure[:200] for result in results],
            },
        )
        return {id_ for (id_,) in cursor.fetchall()}


def _finished(result: TryResult, now: datetime) -> _Finished:
    delivery = result.delivery
    if result.outcome is TryOutcome.DELIVERED:
        return _Finished(WebhookDelivery.Status.DELIVERED, now)
    is_over = result.outcome is TryOutcome.GONE or _has_waited_long(delivery, now)
    status = WebhookDelivery.Status.GIVEN_UP if is_over else WebhookDelivery.Status.WAITING
    return _Finished(status, now + policy.pause_after(delivery.retries + 1, delivery.id))


def _has_waited_long(delivery: ClaimedDelivery, now: datetime) -> bool:
    return now - delivery.begun_at > policy.GIVE_UP_AFTER


def _judge(endpoint: WebhookEndpoint, outcomes: Sequence[TryOutcome], now: datetime) -> None:
    """Write down whether a locked endpoint works, and disable it after days of failures."""
    if TryOutcome.DELIVERED in outcomes:
        _reset(endpoint)
    else:
        endpoint.failing_since = endpoint.failing_since or now
        endpoint.failures += len(outcomes)
        endpoint.paused_until = now + policy.rest_after(endpoint.failures)
        endpoint.save(update_fields=["failing_since", "failures", "paused_until"])
    by = _reason_to_disable(endpoint, outcomes, now)
    if by is not None and endpoint.enabled:
        disable(
            endpoint,
            by=by,
            actor_id=None,
            reason="",
            changes={"failing_since": endpoint.failing_since, "failures": endpoint.failures},
            now=now,
        )


def _reason_to_disable(
    endpoint: WebhookEndpoint, outcomes: Sequence[TryOutcome], now: datetime
) -> WebhookEndpoint.DisabledBy | None:
    if TryOutcome.GONE in outcomes:
        return WebhookEndpoint.DisabledBy.GONE
    since = endpoint.failing_since
    is_long = since is not None and now - since >= policy.DISABLE_AFTER
    if is_long and endpoint.failures >= policy.DISABLE_AFTER_FAILURES:
        return WebhookEndpoint.DisabledBy.FAILING
    return None


def _reset(endpoint: WebhookEndpoint) -> None:
    endpoint.failing_since, endpoint.failures, endpoint.paused_until = None, 0, None
    endpoint.save(
        update_fields=[
            "enabled",
            "disabled_at",
            "disabled_by",
            "failing_since",
            "failures",
            "paused_until",
        ]
    )
