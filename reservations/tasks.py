"""Celery's way into the sweep."""

from celery import shared_task

from kernel import clock
from reservations.usecases import holds


@shared_task(name="reservations.sweep", ignore_result=True)
def sweep() -> None:
    """Tidy one batch of lapsed holds; the next tick takes the next batch."""
    holds.expire_lapsed(now=clock.now())
