"""The Celery task that ticks every waiting room."""

import logging

from celery import shared_task

from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from queueing.usecases import waiting_room

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
