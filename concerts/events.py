"""The events of the programme (docs/events/performance.*.json), keyed by the performance."""

from concerts.models import Performance
from events import topics
from events.operations import NewEvent
from kernel import clock

TOPIC = topics.CONCERTS
SOURCE = "/frontrow/concerts"
_TYPES = {
    Performance.Status.CANCELLED: "performance.cancelled",
    Performance.Status.POSTPONED: "performance.postponed",
}


def status_changed(performance: Performance, *, reason: str) -> NewEvent | None:
    """Return the event of a performance that will not take place, or later; else None.

    `starts_at` is null while nobody knows the new one; `reason` is what staff gave; until
    `refund_until` the seats of a postponed one are given back without a fee.
    """
    status = Performance.Status(performance.status)
    if status not in _TYPES:
        return None
    is_known = status is not Performance.Status.POSTPONED
    until = performance.refund_until
    window = {} if is_known else {"refund_until": clock.as_text(until) if until else None}
    return NewEvent(
        topic=TOPIC,
        type=_TYPES[status],
        source=SOURCE,
        aggregate_id=performance.pk,
        data={
            "performance_id": str(performance.pk),
            "reason": reason,
            "starts_at": clock.as_text(performance.starts_at) if is_known else None,
            **window,
        },
    )
