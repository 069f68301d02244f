"""The use cases of deliveries by their owner: send a ping, send one again."""

from datetime import datetime
from uuid import UUID

from events.ids import inbox_key
from kernel.db.transaction import transaction
from webhooks import events, locking, operations, queries
from webhooks.errors import WebhookEndpointDisabled
from webhooks.queries import DeliveryDetail, WebhookOwner


def ping(*, endpoint_id: UUID, owner: WebhookOwner, now: datetime) -> DeliveryDetail:
    """Have an event of type `webhook.ping` delivered to an endpoint.

    Raises `WebhookEndpointNotFound` and `WebhookEndpointDisabled`.
    """
    with transaction():
        endpoint = locking.lock_endpoint(endpoint_id=endpoint_id, owner=owner)
        if not endpoint.enabled:
            raise WebhookEndpointDisabled
        event = events.ping(endpoint_id=endpoint_id, now=now)
        delivery_id = inbox_key(event.id, f"webhooks:{endpoint_id}")
        operations.write_wanted([(delivery_id, endpoint_id, event)], now=now)
        row = queries.find_delivery(endpoint_id=endpoint_id, delivery_id=delivery_id)
    return queries.delivery_detail(row)


def replay(
    *, endpoint_id: UUID, delivery_id: UUID, owner: WebhookOwner, now: datetime
) -> DeliveryDetail:
    """Have a delivery tried again at once, under the same `webhook-id`, and again if that fails.

    One that is being tried at this moment is left as it is. Raises `WebhookEndpointNotFound`,
    `WebhookEndpointDisabled` and `WebhookDeliveryNotFound`.
    """
    with transaction():
        endpoint = locking.lock_endpoint(endpoint_id=endpoint_id, owner=owner)
        if not endpoint.enabled:
            raise WebhookEndpointDisabled
        row = locking.lock_delivery(endpoint_id=endpoint_id, delivery_id=delivery_id)
        if row.lease_until is None or row.lease_until <= now:
            operations.begin_again(row, now=now)
    return queries.delivery_detail(row)
