"""Counters of holds."""

from prometheus_client import Counter

holds = Counter("frontrow_holds_total", "Attempts to hold seats, by outcome", ["outcome"])
expired = Counter(
    "frontrow_holds_expired_total", "Holds whose time passed, by who noticed", ["noticed_by"]
)
confirmed = Counter("frontrow_reservations_confirmed_total", "Holds that became sales")
released = Counter("frontrow_holds_released_total", "Holds given up by their owner")
