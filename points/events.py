"""The events of the ledger (docs/events/points.*.json)."""

from events import topics
from events.operations import NewEvent
from kernel.telemetry.context import Correlation
from points.operations import Adjusted, Received, Spent

TOPIC = topics.POINTS
SOURCE = "/frontrow/points"


def charged(received: Received) -> NewEvent:
    """Return the event of a fan who bought points."""
    return _event("points.charged", received)


def spent(spent: Spent, *, correlation: Correlation | None = None) -> NewEvent:
    """Return the event of a fan who paid by points; `correlation` names the request."""
    return _event("points.spent", spent, correlation)


def refunded(received: Received, *, correlation: Correlation | None = None) -> NewEvent:
    """Return the event of a fan who got points back that paid for something."""
    return _event("points.refunded", received, correlation)


def adjusted(adjusted: Adjusted) -> NewEvent:
    """Return the event of a fan to whom staff gave points, or from whom they took some."""
    return _event("points.adjusted", adjusted)


def _event(
    name: str, moved: Received | Spent | Adjusted, correlation: Correlation | None = None
) -> NewEvent:
    # Keyed by the fan, so that a fan's movements keep the order of their account's lock.
    return NewEvent(
        topic=TOPIC,
        type=name,
        source=SOURCE,
        aggregate_id=moved.user_id,
        data={
            "transfer_id": str(moved.transfer_id),
            "user_id": str(moved.user_id),
            "amount": moved.amount.as_json(),
            "balance_after": moved.balance_after.as_json(),
        },
        correlation=correlation,
    )
