"""Celery's way to cached documents that may be old."""

from celery import shared_task

from concerts import store


@shared_task(name="concerts.repeat_invalidations", ignore_result=True)
def repeat_invalidations() -> None:
    """Tell the cache server once more what has changed lately."""
    store.repeat_invalidations()
