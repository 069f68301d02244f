"""The Celery task that audits what is new."""

from threading import Lock

from celery import shared_task

from kernel import clock
from proof.usecases import audits

_running = Lock()


@shared_task(name="proof.watch", ignore_result=True)
def watch() -> None:
    """Audit what is new; return at once while another thread of this process does."""
    if not _running.acquire(blocking=False):
        return
    try:
        audits.watch(now=clock.now())
    finally:
        _running.release()
