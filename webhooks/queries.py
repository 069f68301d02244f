"""Reads of webhooks, from the primary: an owner sees his own changes at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from events.cloudevents import Event
from webhooks.errors import WebhookDeliveryNotFound, WebhookEndpointNotFound
from webhooks.models import WebhookDelivery, WebhookEndpoint

COUNTED_TO = 10_000
# The staff groups whose members may have endpoints.
GROUPS = ("integrator", "staff")

# Whether an endpoint's owner (of the row `endpoint`) may still have it: with a key or the rights
# goes what they brought about.
OWNER_IN_FORCE: LiteralString = """
    CASE WHEN endpoint.api_key_id IS NOT NULL
         THEN EXISTS (SELECT FROM accounts_apikey AS key
                       WHERE key.id = endpoint.api_key_id AND key.revoked_at IS NULL
                         AND (key.expires_at IS NULL OR key.expires_at > %(now)s))
         ELSE EXISTS (SELECT FROM accounts_user AS person
                        JOIN accounts_user_groups AS member ON member.user_id = person.id
                        JOIN auth_group AS staff_group ON staff_group.id = member.group_id
                       WHERE person.id = endpoint.user_id AND person.is_active
                         AND staff_group.name = ANY(%(groups)s))
     END"""
_RECEIVING: LiteralString = f"""
    SELECT endpoint.id, event_types, performance_ids, created_at
      FROM (SELECT id, api_key_id, user_id, created_at,
                   ARRAY(SELECT jsonb_array_elements_text(event_types)) AS event_types,
                   ARRAY(SELECT jsonb_array_elements_text(performance_ids)) AS performance_ids
              FROM webhooks_webhookendpoint WHERE enabled AND deleted_at IS NULL) AS endpoint
     WHERE {OWNER_IN_FORCE}
"""  # noqa: S608  (of constants)
_STATE = """
    SELECT (SELECT count(*) FROM (SELECT FROM webhooks_webhookdelivery
                                   WHERE status = 'WAITING' LIMIT %s) AS waiting),
           (SELECT min(next.due_at) FROM webhooks_webhookendpoint AS endpoint
             CROSS JOIN LATERAL (SELECT due_at FROM webhooks_webhookdelivery
                                  WHERE endpoint_id = endpoint.id AND status = 'WAITING'
                                  ORDER BY due_at LIMIT 1) AS next
             WHERE endpoint.enabled AND endpoint.deleted_at IS NULL
               AND endpoint.failing_since IS NULL),
           count(*) FILTER (WHERE enabled AND failing_since IS NULL),
           count(*) FILTER (WHERE enabled AND failing_since IS NOT NULL),
           count(*) FILTER (WHERE NOT enabled)
      FROM webhooks_webhookendpoint WHERE deleted_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class WebhookOwner:
    """Whose an endpoint is: one person's or one API key's, at all performances or at some."""

    user_id: UUID | None = None
    api_key_id: UUID | None = None
    performances: frozenset[UUID] = frozenset()

    @property
    def condition(self) -> Q:
        """The rows of this owner."""
        return Q(user_id=self.user_id, api_key_id=self.api_key_id)


@dataclass(frozen=True, slots=True)
class EndpointDetail:
    """An endpoint as its owner sees it; the secret is there once, when it is made."""

    id: UUID
    url: str
    event_types: list[str]
    enabled: bool
    disabled_by: str | None
    failing_since: datetime | None
    created_at: datetime
    former_secret_until: datetime | None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryDetail:
    """A delivery as the endpoint's owner sees it."""

    id: UUID
    event_id: UUID
    event_type: str
    status: str
    tries: int
    last_status: int | None
    last_response: str
    failure: str
    created_at: datetime
    last_tried_at: datetime | None
    next_try_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReceivingEndpoint:
    """An endpoint that gets events, with what decides which."""

    id: UUID
    event_types: frozenset[str]
    performances: frozenset[str]
    created_at: datetime

    def wants(self, event: Event) -> bool:
        """Say whether an event is for it: of its types, of its key's performances, and not older.

        An event of no performance is for none that is limited to some.
        """
        if event.type not in self.event_types or event.time < self.created_at:
            return False
        return not self.performances or event.data.get("performance_id") in self.performances


@dataclass(frozen=True, slots=True)
class WebhookState:
    """How deliveries and endpoints stand; `waiting` is counted up to `COUNTED_TO`.

    `overdue_seconds` is how long a delivery to an endpoint that works has been due.
    """

    waiting: int
    overdue_seconds: float
    working: int
    failing: int
    disabled: int


def endpoints_of(owner: WebhookOwner) -> QuerySet[WebhookEndpoint]:
    """Return an owner's endpoints."""
    return WebhookEndpoint.objects.filter(owner.condition, deleted_at=None)


def find_endpoint(*, endpoint_id: UUID, owner: WebhookOwner) -> WebhookEndpoint:
    """Return an owner's endpoint; raises `WebhookEndpointNotFound`."""
    found = endpoints_of(owner).filter(pk=endpoint_id).first()
    if found is None:
        raise WebhookEndpointNotFound
    return found


def endpoint_details(rows: Iterable[WebhookEndpoint], *, now: datetime) -> list[EndpointDetail]:
    """Return endpoints as their owner sees them at `now`."""
    return [endpoint_detail(row, now=now) for row in rows]


def endpoint_detail(
    row: WebhookEndpoint, *, now: datetime, secret: str | None = None
) -> EndpointDetail:
    """Return an endpoint as its owner sees it, with the secret that was just made."""
    is_rotating = row.former_until is not None and row.former_until > now
    return EndpointDetail(
        id=row.pk,
        url=row.url,
        event_types=row.event_types,
        enabled=row.enabled,
        disabled_by=row.disabled_by or None,
        failing_since=row.failing_since,
        created_at=row.created_at,
        former_secret_until=row.former_until if is_rotating else None,
        secret=secret,
    )


def deliveries_of(endpoint_id: UUID, *, status: str | None = None) -> QuerySet[WebhookDelivery]:
    """Return an endpoint's deliveries, all or those of one status."""
    rows = WebhookDelivery.objects.filter(endpoint_id=endpoint_id).defer("payload")
    return rows if status is None else rows.filter(status=status)


def find_delivery(*, endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Return an endpoint's delivery; raises `WebhookDeliveryNotFound`."""
    found = deliveries_of(endpoint_id).filter(pk=delivery_id).first()
    if found is None:
        raise WebhookDeliveryNotFound
    return found


def delivery_details(rows: Iterable[WebhookDelivery]) -> list[DeliveryDetail]:
    """Return deliveries as their owner sees them."""
    return [delivery_detail(row) for row in rows]


def delivery_detail(row: WebhookDelivery) -> DeliveryDetail:
    """Return a delivery as its owner sees it."""
    is_waiting = row.status == WebhookDelivery.Status.WAITING
    return DeliveryDetail(
        id=row.pk,
        event_id=row.event_id,
        event_type=row.event_type,
        status=row.status,
        tries=row.tries,
        last_status=row.last_status,
        last_response=row.last_response,
        failure=row.failure,
        created_at=row.created_at,
        last_tried_at=row.last_tried_at,
        next_try_at=row.due_at if is_waiting else None,
        delivered_at=row.delivered_at,
    )


def receiving_endpoints(*, now: datetime) -> Sequence[ReceivingEndpoint]:
    """Return the endpoints that get events now, of all owners."""
    with connection.cursor() as cursor:
        cursor.execute(_RECEIVING, owner_parameters(now))
        return [
            ReceivingEndpoint(id_, frozenset(types), frozenset(performances), created_at)
            for id_, types, performances, created_at in cursor.fetchall()
        ]


def owner_parameters(now: datetime) -> dict[str, Any]:
    """Return the parameters of `OWNER_IN_FORCE`."""
    return {"now": now, "groups": list(GROUPS)}


def state(*, now: datetime) -> WebhookState:
    """Return how deliveries and endpoints stand at `now`."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [COUNTED_TO])
        waiting, due_at, working, failing, disabled = cursor.fetchone()
    overdue = (now - due_at).total_seconds() if due_at else 0.0
    return WebhookState(waiting, max(0.0, overdue), working, failing, disabled)
