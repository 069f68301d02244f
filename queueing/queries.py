"""Reads of configs and progress, from the primary: they decide whether a hold needs a pass."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from concerts.errors import PerformanceNotFound
from concerts.models import Performance
from kernel.caching.short_lived import ShortLivedCache
from kernel.errors import DomainError
from queueing import policy
from queueing.errors import QueueNotRequired
from queueing.models import QueueConfig, QueueProgress, RoomState


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What other apps may know of a performance's waiting room."""

    performance_id: UUID
    queue_required: bool
    queue_opens_at: datetime
    admits_from: datetime
    state: str  # as set; `state_at` for the one in force
    rate_per_second: float
    capacity: int
    version: int

    def state_at(self, now: datetime) -> str:
        """Return the state in force at `now`: PRESALE becomes OPEN by time alone.

        The queue server's functions know the same: `becomes` in lua/queue_room.lua.
        """
        if self.state == RoomState.PRESALE and now >= self.admits_from:
            return RoomState.OPEN
        return self.state


@dataclass(frozen=True, slots=True)
class EpochInForce:
    """Which epoch of a room is in force, and when its server was last seen at work."""

    number: int
    advanced_at: datetime | None


required_cache: ShortLivedCache[UUID, bool] = ShortLivedCache(seconds=1.0)
refusal_cache: ShortLivedCache[UUID, type[DomainError] | None] = ShortLivedCache(seconds=1.0)
serving_cache: ShortLivedCache[UUID, int] = ShortLivedCache(seconds=1.0)
epochs_cache: ShortLivedCache[UUID, EpochInForce] = ShortLivedCache(seconds=1.0)


def drop_cached(performance_id: UUID) -> None:
    """Drop what this process has cached of a room, after a change of it here."""
    required_cache.drop(performance_id)
    refusal_cache.drop(performance_id)


def rules(performance_ids: Iterable[UUID]) -> dict[UUID, QueueRules]:
    """Return the rules of those performances that have a waiting room; stale reads are fine."""
    found = QueueConfig.objects.filter(performance_id__in=list(performance_ids))
    return {config.performance_id: rules_of(config) for config in found}


def is_required(performance_id: UUID) -> bool:
    """Return whether holds need an admission; at most a second old."""
    return required_cache.get(
        performance_id,
        lambda: QueueConfig.objects.filter(
            performance_id=performance_id, queue_required=True
        ).exists(),
    )


def config_to_enter(performance_id: UUID) -> QueueConfig:
    """Return the config of a public performance; that there is none is cached for a second.

    Raises PerformanceNotFound, QueueNotRequired.
    """
    refusal = refusal_cache.get(performance_id, lambda: _refusal(performance_id))
    if refusal is None:
        config = QueueConfig.objects.filter(performance_id=performance_id).first()
        if config is not None:
            return config
        refusal = QueueNotRequired
    raise refusal


def _refusal(performance_id: UUID) -> type[DomainError] | None:
    performance = (
        Performance.objects.select_related("concert", "queue_config")
        .filter(pk=performance_id)
        .first()
    )
    if performance is None or not performance.is_public():
        return PerformanceNotFound
    return None if hasattr(performance, "queue_config") else QueueNotRequired


def progress_of(performance_id: UUID) -> QueueProgress | None:
    """Return what PostgreSQL keeps of a room; None before anybody joined."""
    return QueueProgress.objects.filter(performance_id=performance_id).first()


def serving_kept(performance_id: UUID) -> int:
    """Return the highest number known in PostgreSQL to have been admitted; a second old at most."""

    def read() -> int:
        row = progress_of(performance_id)
        return row.serving if row else 0

    return serving_cache.get(performance_id, read)


def epoch_in_force(performance_id: UUID) -> EpochInForce:
    """Return the epoch in force; a second old at most."""

    def read() -> EpochInForce:
        row = progress_of(performance_id)
        return EpochInForce(row.epoch, row.advanced_at) if row else EpochInForce(0, None)

    return epochs_cache.get(performance_id, read)


def epoch_now(performance_id: UUID) -> int:
    """Return the number of the epoch in force, 0 before the first."""
    row = progress_of(performance_id)
    return row.epoch if row else 0


def rooms_to_tick(*, now: datetime, limit: int) -> list[QueueConfig]:
    """Return the rooms whose tick is due, the longest overdue first (Note [Ticks]).

    Drafts are among them (`performance.is_public()`): a room goes out of sight with its concert.
    Read in the order of an index.
    """
    progress = "performance__queue_progress"
    configs = QueueConfig.objects.select_related("performance__concert", progress)
    due = configs.filter(**{f"{progress}__advance_due_at__lte": now})
    return list(due.order_by(f"{progress}__advance_due_at", f"{progress}__pk")[:limit])


def rooms_without_progress(*, limit: int) -> list[UUID]:
    """Return the performances of rooms that nobody has joined or looked after yet."""
    new = QueueConfig.objects.filter(performance__queue_progress__isnull=True)
    return list(new.values_list("performance_id", flat=True)[:limit])


def busiest_rooms(*, now: datetime, limit: int) -> list[QueueConfig]:
    """Return the rooms with the most people at their last tick, of performances not long over."""
    current = QueueConfig.objects.filter(performance__starts_at__gt=now - policy.OVER_AFTER)
    crowd = F("performance__queue_progress__crowd").desc(nulls_last=True)
    return list(current.order_by(crowd, "queue_opens_at")[:limit])


def rules_of(config: QueueConfig) -> QueueRules:
    """Return a config row as what other apps may know."""
    return QueueRules(
        performance_id=config.performance_id,
        queue_required=config.queue_required,
        queue_opens_at=config.queue_opens_at,
        admits_from=config.admits_from,
        state=config.state,
        rate_per_second=float(config.rate_per_second),
        capacity=config.capacity,
        version=config.version,
    )
