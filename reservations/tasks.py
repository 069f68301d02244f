"""Celery tasks: expire lapsed holds, write lost claims."""

from celery import shared_task

from kernel import clock
from reservations.claims import recovery
from reservations.usecases import holds


@shared_task(name="reservations.sweep", ignore_result=True)
def sweep() -> None:
    """Tidy one batch of lapsed holds; the next tick takes the next batch."""
    holds.expire_lapsed(now=clock.now())


@shared_task(name="reservations.warm_gate", ignore_result=True)
def warm_gate() -> None:
    """Write the claims again where the lock server has lost them, or they may be wrong."""
    recovery.rebuild_cold(now=clock.now())
    recovery.write_lost(now=clock.now())
