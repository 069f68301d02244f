"""The use case that sends the letters that are due.

Note [Letters sent twice]
SMTP has no transaction with PostgreSQL: a worker that dies between the server's "250" and its own
commit leaves a letter that is sent once more after its lease. Both have the Message-ID of the row,
so that mail programs and servers can recognise the repetition. In every other case a letter is
accepted once: one worker owns it by its lease, and a fence keeps a late one from finishing it.

Note [Outage or letter]
A server that hangs up or says nothing may be away, or may choke on this very letter: nobody can
tell. So the letter that met the outage waits a little longer than those that were behind it. If it
was the letter, they are through before its turn comes again; the older it is, the longer it waits.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from accounts import queries as people
from kernel.db.transaction import transaction
from kernel.redis.breaker import DependencyUnavailable
from kernel.telemetry import tracing
from notifications import locking, metrics, operations, policy, rendering
from notifications.operations import ClaimedLetter
from notifications.smtp import MailServer

log = logging.getLogger(__name__)


class LetterOutcome(StrEnum):
    """What became of one letter in one attempt."""

    SENT = "sent"
    NO_ADDRESS = "no_address"  # the person is gone, or has no verified address
    REFUSED = "refused"  # for good
    POSTPONED = "postponed"  # refused for now, or it could not be written
    GIVEN_UP = "given_up"  # postponed for days
    OUTAGE = "outage"  # the server could not be reached; it was not the letter


def send_due(
    *, now: datetime, must_end: Callable[[], bool] = lambda: False
) -> Counter[LetterOutcome]:
    """Send the letters that are due at `now`, at most a batch; return how many became what.

    Once `must_end` says so, the rest is left to the next worker.
    """
    with transaction():
        letters = locking.claim_due(now=now)
    counts: Counter[LetterOutcome] = Counter()
    end = time.monotonic() + policy.LONGEST_BATCH_SECONDS
    with MailServer() as server:
        for letter in letters:
            if counts[LetterOutcome.OUTAGE] or must_end() or time.monotonic() > end:
                outcome = _postpone_by_outage(letter, "left to the next worker", now)
            else:
                outcome = _traced(letter, server, now)
            counts[outcome] += 1
            metrics.letters.labels(letter.kind, outcome).inc()
    return counts


def _traced(letter: ClaimedLetter, server: MailServer, now: datetime) -> LetterOutcome:
    """Send a letter, as a span of the trace of what it tells of, where that is recorded."""
    span = tracing.opened(letter.traceparent, f"mail {letter.kind}", tracing.CLIENT)
    if span is None:
        return _send(letter, server, now)
    with span:
        outcome = _send(letter, server, now)
        span.set(outcome=outcome.value)
        if outcome is not LetterOutcome.SENT:
            span.fail(outcome.value)
        return outcome


def _send(letter: ClaimedLetter, server: MailServer, now: datetime) -> LetterOutcome:
    mailbox = people.mailbox_of(letter.user_id)
    if mailbox is None:
        operations.finish(letter, sent_at=None, failure="no verified e-mail address")
        return LetterOutcome.NO_ADDRESS
    try:
        message = rendering.render(letter, mailbox)
    except Exception as error:
        log.exception("letter can't be written", extra={"letter": str(letter.id)})
        return _postpone(letter, repr(error), now)
    try:
        refusal = server.send(message)
    except DependencyUnavailable as error:
        if error.__cause__ is None:  # the breaker is open, the server was not asked
            return _postpone_by_outage(letter, repr(error), now)
        pause = policy.pause_of_the_first(now - letter.created_at)
        failure = _without(repr(error.__cause__), mailbox.email)
        return _postpone_by_outage(letter, failure, now, pause=pause)
    except Exception as error:
        log.exception("letter can't be sent", extra={"letter": str(letter.id)})
        return _postpone(letter, _without(repr(error), mailbox.email), now)
    if refusal is None:
        operations.finish(letter, sent_at=now)
        return LetterOutcome.SENT
    if refusal.is_permanent:
        operations.finish(letter, sent_at=None, failure=_without(refusal.reason, mailbox.email))
        return LetterOutcome.REFUSED
    return _postpone(letter, _without(refusal.reason, mailbox.email), now)


def _postpone(letter: ClaimedLetter, failure: str, now: datetime) -> LetterOutcome:
    if now - letter.created_at > policy.GIVE_UP_AFTER:
        operations.finish(letter, sent_at=None, failure=failure)
        return LetterOutcome.GIVEN_UP
    until = now + policy.pause_after(letter.attempts + 1)
    operations.postpone(letter, until=until, failure=failure, counts=True)
    return LetterOutcome.POSTPONED


def _postpone_by_outage(
    letter: ClaimedLetter, failure: str, now: datetime, *, pause: timedelta = policy.OUTAGE_PAUSE
) -> LetterOutcome:
    operations.postpone(letter, until=now + pause, failure=failure, counts=False)
    return LetterOutcome.OUTAGE


def _without(reason: str, email: str) -> str:
    """Return a server's words without the address, which doesn't belong into this table."""
    return reason.replace(email, "(address)")
