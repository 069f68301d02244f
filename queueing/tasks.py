"""The Celery tasks of waiting rooms: the tick, and the look after draws."""

import logging

from celery import shared_task

from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from queueing.usecases import draws, waiting_room

log = logging.getLogger(__name__)


@shared_task(name="queueing.tick", ignore_result=True)
def tick() -> None:
    """Advance every room; polls and joins do the same for theirs, so a lost tick is no loss."""
    try:
        advanced = waiting_room.advance(now=clock.now())
    except DependencyUnavailable:
        log.warning("queue server unavailable, no tick")
        return
    if advanced.admitted or advanced.failed:
        log.info(
            "rooms advanced",
            extra={
                "rooms": advanced.rooms,
                "admitted": advanced.admitted,
                "failed": advanced.failed,
            },
        )


@shared_task(name="queueing.draws", ignore_result=True)
def look_after_draws() -> None:
    """Fetch beacons that are out and publish rosters; what fails is done by the next one."""
    done = draws.look_after(now=clock.now())
    if done.beacons or done.rosters:
        log.info("draws looked after", extra={"beacons": done.beacons, "rosters": done.rosters})
