"""The Celery task that writes the letters of mailings and sends letters."""

import logging
import threading
import time

from celery import shared_task
from celery.signals import worker_shutting_down

from kernel import clock
from notifications import policy
from notifications.usecases import mailings, sending

log = logging.getLogger(__name__)

_turn = threading.Lock()
_stopping = threading.Event()


@shared_task(name="notifications.send", ignore_result=True, send_events=False)
def send() -> None:
    """Go on with mailings, then send letters that are due, batch after batch.

    Returns at once while another thread does.

    One thread of a process is enough for a mail server, and the other tasks keep theirs.
    """
    if not _turn.acquire(blocking=False):
        return
    try:
        _carry_on_with_mailings()
        end = time.monotonic() + policy.LONGEST_TURN_SECONDS
        while time.monotonic() < end:
            counts = sending.send_due(now=clock.now(), must_end=_stopping.is_set)
            if not counts or counts[sending.LetterOutcome.OUTAGE]:
                return
    finally:
        _turn.release()


def _carry_on_with_mailings() -> None:
    try:
        mailings.carry_on(now=clock.now(), must_end=_stopping.is_set)
    except Exception:
        log.exception("a mailing does not go on")  # all other letters are sent none the less


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    _stopping.set()
