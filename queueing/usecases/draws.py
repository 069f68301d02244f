"""The use cases of draws: announce a beacon, enter or fetch its value, publish who was drawn."""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.operations import record_audit
from concerts.errors import PerformanceNotFound
from kernel import clock
from kernel.db.transaction import transaction
from kernel.errors import DomainError
from kernel.redis.breaker import DependencyUnavailable
from kernel.staff import audit
from queueing import beacons, draw, draw_rows, drawn_places, locking, operations, policy, queries
from queueing.errors import BeaconInvalid, DrawBegun
from queueing.models import DrawCommitment, QueueConfig, QueueProgress

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LookedAfter:
    """What one look after draws did."""

    beacons: int = 0
    rosters: int = 0


def announce_beacon(
    *,
    performance_id: UUID,
    source: str,
    round_: str,
    published_at: datetime | None,
    actor_id: UUID | None,
    reason: str,
    now: datetime,
) -> None:
    """Announce which value will be mixed in, before it exists; audited, and public at once.

    It may be changed until the value of the one announced exists. Raises PerformanceNotFound,
    DrawBegun, BeaconInvalid.
    """
    exists_at = beacons.published_at(source, round_, published_at)
    if not now < exists_at <= now + policy.BEACON_AHEAD:
        raise BeaconInvalid(problem="published_at")
    with transaction():
        config, commitment = _lock_before_draw(performance_id)
        if exists_at >= config.queue_opens_at:
            raise BeaconInvalid(problem="after the queue opens")
        if exists_at > config.queue_opens_at - policy.BEACON_BEFORE:
            raise BeaconInvalid(problem="too shortly before the queue opens")
        known_at = commitment.beacon_published_at
        if known_at is not None and known_at <= now:
            raise BeaconInvalid(problem="published")
        before = commitment.beacon_source, commitment.beacon_round
        draw_rows.announce_beacon(commitment, source=source, round_=round_, published_at=exists_at)
        record_audit(
            actor_id=actor_id,
            action="queueing.announce_beacon",
            target=audit.target_of(commitment),
            reason=reason,
            changes={
                "beacon": {"from": " ".join(before).strip(), "to": f"{source} {round_}"},
                "published_at": clock.as_text(exists_at),
            },
            now=now,
        )
    queries.draw_cache.drop(performance_id)


def enter_beacon(
    *, performance_id: UUID, value: str, actor_id: UUID | None, reason: str, now: datetime
) -> None:
    """Enter the value of the beacon that was announced, once it exists; audited.

    A wrong one may be replaced until the draw begins, but none that was fetched. Raises
    PerformanceNotFound, DrawBegun, BeaconInvalid.
    """
    with transaction():
        _, commitment = _lock_before_draw(performance_id)
        exists_at = commitment.beacon_published_at
        if exists_at is None or now < exists_at:
            raise BeaconInvalid(problem="not published")
        value = beacons.checked_value(commitment.beacon_source, value)
        before = commitment.beacon_value
        if before and before != value and queries.beacon_was_fetched(commitment):
            raise BeaconInvalid(problem="fetched")
        draw_rows.enter_beacon(commitment, value=value, now=now)
        record_audit(
            actor_id=actor_id,
            action=policy.BEACON_ENTERED,
            target=audit.target_of(commitment),
            reason=reason,
            changes={"beacon_value": {"from": before, "to": value}},
            now=now,
        )
    queries.draw_cache.drop(performance_id)


def look_after(*, now: datetime, limit: int = policy.DRAWS_AT_ONCE) -> LookedAfter:
    """Publish the rosters of draws that are over, then fetch the values of beacons that are out.

    One draw's trouble is logged, not raised: it is not the others'.
    """
    over = queries.draws_without_roster(opened_before=now - policy.ROSTER_AFTER, limit=limit)
    published = sum(_publish(progress, now) for progress in over)
    return LookedAfter(beacons=_fetch_beacons(now), rosters=published)


def _fetch_beacons(now: datetime) -> int:
    """Fetch a few beacons, unless somebody does: a slow server holds up one task, not each new."""
    if not queries.beacons_to_fetch(now=now, limit=1):
        return 0
    with locking.fetching_beacons() as alone:
        if not alone:
            return 0
        due = queries.beacons_to_fetch(now=now, limit=policy.BEACONS_AT_ONCE)
        return sum(_fetch(commitment, now) for commitment in due)


def _lock_before_draw(performance_id: UUID) -> tuple[QueueConfig, DrawCommitment]:
    """Return config and commitment locked, the draw not begun: the progress row decides that."""
    config = locking.lock_config(performance_id)
    if config is None:
        raise PerformanceNotFound
    if locking.lock_progress(performance_id).draw_seed:
        raise DrawBegun
    commitment = locking.lock_draw(performance_id)
    if commitment is None:  # made by a release before this one, and no tick has seen it
        raise PerformanceNotFound
    return config, commitment


def _fetch(commitment: DrawCommitment, now: datetime) -> bool:
    try:
        value = beacons.drand().value_of(commitment.beacon_round)
        _enter_fetched(commitment.pk, value, now)
    except (DependencyUnavailable, DomainError) as error:
        log.warning(
            "beacon not fetched",
            extra={"performance_id": str(commitment.pk), "error": repr(error)},
        )
        return False
    return True


def _enter_fetched(performance_id: UUID, value: str, now: datetime) -> None:
    with transaction():
        _, commitment = _lock_before_draw(performance_id)
        if commitment.beacon_value:
            return  # somebody entered it meanwhile
        draw_rows.enter_beacon(commitment, value=value, now=now)
        record_audit(
            actor_id=None,
            action=policy.BEACON_ENTERED,
            target=audit.target_of(commitment),
            reason=policy.BEACON_FETCHED,
            changes={"beacon_value": {"from": "", "to": value}},
            now=now,
        )
    queries.draw_cache.drop(performance_id)


def _publish(progress: QueueProgress, now: datetime) -> bool:
    """Write down who was drawn, as the queue server has it now; False while it is unavailable."""
    performance_id = progress.performance_id
    try:
        drawn = max(progress.drawn, drawn_places.count(performance_id))
        lines = [draw.NOBODY] * drawn
        for user, number, nth in drawn_places.drawn(
            performance_id, start=progress.draw_start, key=progress.draw_seed
        ):
            if nth <= drawn:
                lines[nth - 1] = draw.roster_line(performance_id, user, number)
    except DependencyUnavailable:
        log.warning("roster not made", extra={"performance_id": str(performance_id)})
        return False
    with transaction():
        operations.keep_drawn(performance_id=performance_id, drawn=drawn)
        draw_rows.publish_roster(performance_id=performance_id, lines=lines, now=now)
    queries.draw_cache.drop(performance_id)
    return True
