"""Writes that require an open transaction."""

from dataclasses import dataclass
from uuid import UUID

from kernel.db.transaction import require_transaction
from queueing import locking, policy


@dataclass(frozen=True, slots=True)
class Epoch:
    """A fresh block of numbers: `start` + 1 .. `ceiling`, and where serving stood."""

    number: int
    start: int
    ceiling: int
    serving: int


def open_epoch(*, performance_id: UUID) -> Epoch:
    """Reserve a new epoch and its first block of numbers; a block unused is only a gap."""
    require_transaction()
    progress = locking.lock_progress(performance_id)
    start = progress.number_ceiling
    progress.epoch += 1
    progress.number_ceiling += policy.NUMBER_BLOCK
    progress.save(update_fields=["epoch", "number_ceiling"])
    return Epoch(progress.epoch, start, progress.number_ceiling, progress.serving)


def raise_ceiling(*, performance_id: UUID, above: int) -> int:
    """Reserve numbers so that the ceiling lies a block above `above`; return the ceiling."""
    require_transaction()
    progress = locking.lock_progress(performance_id)
    if progress.number_ceiling <= above:
        progress.number_ceiling = above + policy.NUMBER_BLOCK
        progress.save(update_fields=["number_ceiling"])
    return progress.number_ceiling
