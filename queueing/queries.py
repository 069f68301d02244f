"""Reads of configs and progress, from the primary: they decide whether a hold needs a pass."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import BinaryField, F, Func, Q, Value
from django.db.models.functions import Coalesce

from accounts.models import AuditEntry
from concerts.errors import PerformanceNotFound
from concerts.models import Performance
from kernel.caching.short_lived import ShortLivedCache
from kernel.errors import DomainError
from kernel.staff import audit
from queueing import policy
from queueing.draw import LINE_BYTES
from queueing.draw_facts import Beacon, DrawFacts
from queueing.errors import DrawNotOver, QueueNotRequired
from queueing.models import DrawCommitment, DrawRoster, QueueConfig, QueueProgress, RoomState


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
draw_cache: ShortLivedCache[UUID, DrawFacts] = ShortLivedCache(seconds=1.0)


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


def draw_facts(performance_id: UUID) -> DrawFacts:
    """Return what everybody may know of a public performance's draw; a second old at most.

    Raises PerformanceNotFound, QueueNotRequired.
    """
    return draw_cache.get(performance_id, lambda: _draw_facts(performance_id))


def _draw_facts(performance_id: UUID) -> DrawFacts:
    config_to_enter(performance_id)
    return draw_facts_kept(performance_id)


def draw_facts_kept(performance_id: UUID) -> DrawFacts:
    """Return the same of any performance, as the rows are now."""
    draw = DrawCommitment.objects.filter(pk=performance_id).first()
    progress = progress_of(performance_id) or QueueProgress(performance_id=performance_id)
    roster = DrawRoster.objects.filter(pk=performance_id).values_list("lines_sha256", flat=True)
    return DrawFacts(
        performance_id=performance_id,
        commitment=draw.commitment if draw else "",
        committed_at=draw.committed_at if draw else None,
        beacon=_beacon(draw, progress) if draw and draw.beacon_published_at else None,
        start=progress.draw_start,
        entrants=progress.drawn,
        losses=max(progress.epoch - 1, 0),
        seed=draw.draw_seed if draw and progress.draw_is_over else "",
        roster_sha256=roster.first() or "",
    )


def _beacon(draw: DrawCommitment, progress: QueueProgress) -> Beacon:
    assert draw.beacon_published_at is not None
    return Beacon(
        source=draw.beacon_source,
        round=draw.beacon_round,
        published_at=draw.beacon_published_at,
        value=draw.beacon_value,
        mixed=progress.draw_seed != draw.draw_seed if progress.draw_seed else None,
    )


def roster_lines(performance_id: UUID, *, first: int, count: int) -> list[bytes]:
    """Return the lines of a draw's roster from the `first`-th on, at most `count`.

    Raises DrawNotOver where there is no roster yet.
    """
    part = Func(
        F("lines"),
        Value((first - 1) * LINE_BYTES + 1),
        Value(count * LINE_BYTES),
        function="substring",
        output_field=BinaryField(),
    )
    rows = DrawRoster.objects.filter(pk=performance_id).values_list(part, flat=True)
    for lines in rows:
        return [bytes(lines[at : at + LINE_BYTES]) for at in range(0, len(lines), LINE_BYTES)]
    raise DrawNotOver


def draws_without_roster(*, opened_before: datetime, limit: int) -> list[QueueProgress]:
    """Return the progress of rooms that drew, have admitted since, and show no roster yet."""
    config = "performance__queue_config__"
    begun = QueueProgress.objects.filter(serving__gt=F("draw_start")).exclude(draw_seed="")
    missing = begun.filter(performance__queue_roster__isnull=True)
    current = missing.filter(performance__starts_at__gt=opened_before - policy.OVER_AFTER)
    admits_from = Coalesce(f"{config}admission_opens_at", f"{config}queue_opens_at")
    opened = current.alias(admits_from=admits_from).filter(admits_from__lte=opened_before)
    return list(opened.order_by("pk")[:limit])


def beacons_to_fetch(*, now: datetime, limit: int) -> list[DrawCommitment]:
    """Return some draws whose drand round is out, not entered, and still of use.

    By chance, so that rounds that can't be fetched keep nobody's from being fetched.
    """
    due = DrawCommitment.objects.filter(
        beacon_source=policy.DRAND, beacon_value="", beacon_published_at__lte=now
    )
    not_begun = Q(performance__queue_progress__isnull=True) | Q(
        performance__queue_progress__draw_seed=""
    )
    return list(due.filter(not_begun).order_by("?")[:limit])


def beacon_was_fetched(draw: DrawCommitment) -> bool:
    """Return whether the beacon's value was looked up at its source, by the audit."""
    target_type, _, target_id = audit.target_of(draw).partition(":")
    return AuditEntry.objects.filter(
        target_type=target_type,
        target_id=target_id,
        action=policy.BEACON_ENTERED,
        actor_id=None,
        reason=policy.BEACON_FETCHED,
        changes__beacon_value__to=draw.beacon_value,
    ).exists()


def opening_before_beacon(config: QueueConfig) -> DrawCommitment | None:
    """Return the draw whose beacon's value can't be there in time for the opening, if it is so."""
    return DrawCommitment.objects.filter(
        pk=config.performance_id,
        beacon_value="",
        beacon_published_at__gt=config.queue_opens_at - policy.BEACON_BEFORE,
    ).first()


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
    new = QueueConfig.objects.filter(
        Q(performance__queue_progress__isnull=True) | Q(performance__queue_draw__isnull=True)
    )
    return list(new.values_list("performance_id", flat=True)[:limit])


def busiest_rooms(*, now: datetime, limit: int) -> list[QueueConfig]:
    """Return the rooms with the most people at their last tick, of performances not long over."""
    rooms = QueueConfig.objects.select_related("performance__concert")
    current = rooms.filter(performance__starts_at__gt=now - policy.OVER_AFTER)
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
