"""Celery tasks: find out what the gateway has still to answer; give cancelled performances back."""

from threading import Lock

from celery import shared_task

from kernel import clock
from kernel.db.primary_time import no_later_than_primary
from payments import called_off, reconciliation

_running = Lock()
_refunding = Lock()


@shared_task(name="payments.reconcile", ignore_result=True)
def reconcile() -> None:
    """Look one batch up; return at once while another thread of this process does.

    A gateway that hangs would otherwise take all threads of the worker, a tick after the other. It
    ends offers of fans, so a host whose clock is ahead is not trusted (Note [One clock] in
    kernel/clock.py).
    """
    if not _running.acquire(blocking=False):
        return
    try:
        reconciliation.reconcile(now=no_later_than_primary(clock.now()))
    finally:
        _running.release()


@shared_task(name="payments.refund_cancelled", ignore_result=True)
def refund_cancelled() -> None:
    """Give cancelled performances back, some batches of each; alone in this process."""
    if not _refunding.acquire(blocking=False):
        return
    try:
        called_off.refund_all(now=clock.now())
    finally:
        _refunding.release()
