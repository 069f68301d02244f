"""Celery's way to cached documents that may be old, large layout files, and unused posters."""

from celery import shared_task

from concerts import store, upload_runs
from concerts.usecases import posters
from kernel import clock


@shared_task(name="concerts.repeat_invalidations", ignore_result=True)
def repeat_invalidations() -> None:
    """Tell the cache server once more what has changed lately."""
    store.repeat_invalidations()


@shared_task(name="concerts.read_layouts", ignore_result=True)
def read_layouts() -> None:
    """Read the next layout file that waits (Note [Large layout files])."""
    upload_runs.read_next(clock.now)


@shared_task(name="concerts.delete_unused_posters", ignore_result=True)
def delete_unused_posters() -> None:
    """Delete the files of posters that no concert has any more."""
    posters.delete_unused(now=clock.now())
