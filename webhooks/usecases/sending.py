"""The use case that sends what is due to endpoints.

Note [Webhooks sent twice]
HTTP has no transaction with PostgreSQL: a process that dies between an endpoint's 2xx and its own
commit leaves a delivery that is sent once more after its lease. Both have the same `webhook-id`,
the event's id, by which receivers recognise the repetition. In every other case an event that an
endpoint has accepted is not sent again: one process owns a delivery by its lease, and a fence keeps
a late one from finishing it.

Threads do nothing but HTTP. One thread claims for them and writes down what became of their tries,
so a sending process needs one connection to the database, and no transaction is open while a
receiver is waited for.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

from events import cloudevents
from kernel.db.transaction import transaction
from kernel.signing.encryption import Unreadable
from kernel.telemetry import tracing
from webhooks import http, locking, metrics, operations, policy, signing
from webhooks.locking import ClaimedDelivery
from webhooks.outcomes import TryOutcome, TryResult
from webhooks.targets import TargetRefused, target_of

log = logging.getLogger(__name__)
_OK = range(200, 300)
_GONE = 410
_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_USER_AGENT = "Frontrow-Webhooks/1"


class SendingTurn:
    """One process's turn: it claims, has threads of `pool` try, and writes down the outcomes.

    `now` is the clock. A turn is over when `claim` and then `finish` have returned.
    """

    def __init__(self, pool: ThreadPoolExecutor, *, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now
        self._running: dict[Future[TryResult], ClaimedDelivery] = {}

    def claim(self, *, seconds: float, must_end: Callable[[], bool] = lambda: False) -> None:
        """Claim and send until nothing is due or under way, at most for `seconds`."""
        end = time.monotonic() + seconds
        while not must_end() and time.monotonic() < end:
            started = self._start()
            if not started and not self._running:
                return
            self._collect(seconds=policy.LOOK_SECONDS)

    def finish(self) -> None:
        """Wait for the tries under way and write down what became of them."""
        while self._running:
            self._collect(seconds=policy.TRY_SECONDS)

    def _start(self) -> int:
        idle = policy.THREADS - len(self._running)
        if idle <= 0:
            return 0
        failing = sum(one.is_failing for one in self._running.values())
        now = self._now()
        with transaction():
            claimed = locking.claim_due(
                now=now, most=idle, most_failing=policy.THREADS_FOR_FAILING - failing
            )
        for delivery in claimed:
            self._running[self._pool.submit(attempt, delivery, now=now)] = delivery
        return len(claimed)

    def _collect(self, *, seconds: float) -> None:
        done, _ = wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        if done:
            record([future.result() for future in done], now=self._now())
        for future in done:
            del self._running[future]


def record(results: Sequence[TryResult], *, now: datetime) -> None:
    """Write down what became of tries."""
    with transaction():
        operations.finish(results=results, now=now)
    for result in results:
        metrics.tries.labels(result.outcome).inc()


def give_up_untried(*, now: datetime) -> int:
    """Give up deliveries that are never tried any more; return how many, a bounded number."""
    with transaction():
        count = operations.give_up_untried(now=now)
    metrics.given_up.inc(count)
    return count


def attempt(delivery: ClaimedDelivery, *, now: datetime) -> TryResult:
    """Send a delivery once and say what became of it; never raises, touches no database."""
    span = _span_of(delivery)
    result = _attempted(delivery, now)
    if span:
        span.set(outcome=result.outcome.value)
        span.end("" if result.outcome is TryOutcome.DELIVERED else result.outcome.value)
    return result


def _span_of(delivery: ClaimedDelivery) -> tracing.OpenSpan | None:
    """Begin a span in the trace of the event that is sent, where that is recorded."""
    if not tracing.is_on():
        return None
    cause = cloudevents.load(delivery.payload.encode())
    return tracing.opened(cause.traceparent, "webhook", tracing.CLIENT, event=cause.type)


def _attempted(delivery: ClaimedDelivery, now: datetime) -> TryResult:
    try:
        with metrics.seconds.time():
            reply = _send(delivery, now)
    except TargetRefused as error:
        return TryResult(delivery, TryOutcome.NOT_SENT, failure=str(error))
    except Unreadable:
        log.error("webhook secret unreadable", extra={"endpoint": str(delivery.endpoint_id)})
        return TryResult(delivery, TryOutcome.NOT_SENT, failure="the secret can't be read")
    except http.NoReply as error:
        return TryResult(delivery, TryOutcome.NO_REPLY, failure=str(error))
    except Exception:
        log.exception("webhook not sent", extra={"endpoint": str(delivery.endpoint_id)})
        return TryResult(delivery, TryOutcome.NOT_SENT, failure="an error of ours")
    if reply.status in _OK:
        outcome = TryOutcome.DELIVERED
    else:
        outcome = TryOutcome.GONE if reply.status == _GONE else TryOutcome.REFUSED
    failure = "" if outcome is TryOutcome.DELIVERED else f"status {reply.status}"
    return TryResult(delivery, outcome, reply.status, reply.beginning, failure)


def _send(delivery: ClaimedDelivery, now: datetime) -> http.WebhookReply:
    target = target_of(delivery.url)
    body = delivery.payload.encode()
    kept = [one for one in (delivery.secret, delivery.former_secret) if one]
    signature = signing.signed_headers(
        event_id=delivery.event_id,
        at=now,
        body=body,
        secrets_in_force=[signing.opened(one) for one in kept],
    )
    fixed = {"Content-Type": _CONTENT_TYPE, "User-Agent": _USER_AGENT}
    return http.post(target, body, fixed | signature)
