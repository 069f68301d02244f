"""The event of webhooks alone: what a ping sends."""

from datetime import datetime
from typing import Any
from uuid import UUID

from events.cloudevents import Event
from kernel.ids import uuid7
from kernel.telemetry import context
from webhooks.event_types import PING


def ping(*, endpoint_id: UUID, now: datetime) -> Event:
    """Return the event that an endpoint gets when its owner asks for one; no topic has it."""
    data: dict[str, Any] = {"endpoint_id": str(endpoint_id)}
    current = context.current()
    return Event(
        id=uuid7(),
        source="/frontrow/webhooks",
        type=PING,
        subject=str(endpoint_id),
        time=now,
        data=data,
        request_id=current.request_id,
        traceparent=current.traceparent,
    )
