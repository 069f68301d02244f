"""Celery's way into tidying."""

from celery import shared_task

from kernel import clock
from reservations.usecases import claims, holds


@shared_task(name="reservations.sweep", ignore_result=True)
def sweep() -> None:
    """Tidy one batch of lapsed holds; the next tick takes the next batch."""
    holds.expire_lapsed(now=clock.now())


@shared_task(name="reservations.warm_gate", ignore_result=True)
def warm_gate() -> None:
    """Write the claims anew where the lock server lost them."""
    claims.rebuild_cold(now=clock.now())
