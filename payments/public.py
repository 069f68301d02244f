"""What a fan is shown of the state of a payment or a charge."""

REQUIRES_ACTION = "REQUIRES_ACTION"
PROCESSING = "PROCESSING"
PAID = "PAID"
FAILED = "FAILED"

# Late money is on its way back: until it has arrived nobody says that nothing was charged.
_SHOWN = {
    "CREATED": REQUIRES_ACTION,
    "REQUESTED": PROCESSING,
    "UNKNOWN": PROCESSING,
    "PAID": PAID,
    "FAILED": FAILED,
    "ABANDONED": FAILED,
    "LATE_CAPTURED": PROCESSING,
}


def public_status(status: str, *, given_back: bool = False) -> str:
    """Return the status of the contract; `given_back`: late money is back with the fan."""
    return FAILED if given_back else _SHOWN[status]
