"""CloudEvents 1.0 as structured JSON (cloudevents/spec, v1.0.2, Kafka protocol binding)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from kernel import clock

SPECIFICATION = "1.0"


class NotAnEvent(ValueError):
    """The bytes are not one of our events."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event as a consumer receives it."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]
    request_id: str = ""
    traceparent: str = ""


def dump(event: Event) -> bytes:
    """Return the event's JSON form, UTF-8."""
    document: dict[str, Any] = {
        "specversion": SPECIFICATION,
        "id": str(event.id),
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": clock.as_text(event.time),
        "datacontenttype": "application/json",
        "dataschema": f"{settings.FRONTROW_URL}/docs/events/{event.type}.json",
    }
    # An attribute without a value is left out: the specification knows no empty strings.
    if event.request_id:
        document["requestid"] = event.request_id
    if event.traceparent:
        document["traceparent"] = event.traceparent
    document["data"] = event.data
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def load(value: bytes | None) -> Event:
    """Return the event in `value`; raises `NotAnEvent`."""
    try:
        document = json.loads(value or b"")
        if document["specversion"] != SPECIFICATION or not isinstance(document["data"], dict):
            raise NotAnEvent("not a CloudEvent 1.0 with an object as data")
        return Event(
            id=UUID(document["id"]),
            source=_text(document["source"]),
            type=_text(document["type"]),
            subject=_text(document.get("subject", "")),
            time=_moment(document["time"]),
            data=document["data"],
            request_id=_text(document.get("requestid", "")),
            traceparent=_text(document.get("traceparent", "")),
        )
    except NotAnEvent:
        raise
    # Nested too deeply; a time before the first or after the last year in UTC.
    except (RecursionError, OverflowError) as error:
        raise NotAnEvent(type(error).__name__) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAnEvent(f"{type(error).__name__}: {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise NotAnEvent(f"{value!r} is not text")
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise NotAnEvent(f"time {text!r} has no zone")
    return moment.astimezone(UTC)
