"""The Celery tasks of webhooks: send, and give up what is never tried any more."""

import threading
from concurrent.futures import ThreadPoolExecutor

from celery import shared_task
from celery.signals import worker_shutting_down

from kernel import clock
from webhooks import policy
from webhooks.usecases import sending

_claiming = threading.Lock()
_stopping = threading.Event()


@shared_task(name="webhooks.send", ignore_result=True, send_events=False)
def send() -> None:
    """Send what is due for a while; return at once while another thread claims.

    The next turn may begin while this one still waits for its last tries: a slow receiver never
    stops the others.
    """
    if not _claiming.acquire(blocking=False):
        return
    with ThreadPoolExecutor(policy.THREADS, thread_name_prefix="webhooks") as pool:
        turn = sending.SendingTurn(pool, now=clock.now)
        try:
            turn.claim(seconds=policy.TURN_SECONDS, must_end=_stopping.is_set)
        finally:
            _claiming.release()
        turn.finish()


@shared_task(name="webhooks.give_up", ignore_result=True)
def give_up() -> None:
    """Give up what waits for endpoints that are disabled or deleted, and what is too old."""
    sending.give_up_untried(now=clock.now())


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    _stopping.set()
