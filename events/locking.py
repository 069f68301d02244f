"""The lock between the application of events and a freeze of the consumers."""

from kernel.db.advisory import lock_for_transaction, share_lock_for_transaction

_FREEZE = "events.freeze"


def lock_freeze() -> None:
    """Wait until no event is being applied, and let none begin, until the transaction ends."""
    lock_for_transaction(_FREEZE)


def share_freeze() -> None:
    """Let no freeze begin until the open transaction, which applies events, has ended."""
    share_lock_for_transaction(_FREEZE)
