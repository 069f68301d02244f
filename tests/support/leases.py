"""End a lease as an execution does that has come to a response, or to nothing."""

from datetime import datetime

from idempotency.usecases.endings import Ending, close
from idempotency.values import Lease, StoredResponse
from kernel import clock


def finish(lease: Lease, *, response: StoredResponse) -> bool:
    return close(Ending(lease, response), now=clock.now())


def release(lease: Lease, *, now: datetime, untouched: bool) -> bool:
    return close(Ending(lease, untouched=untouched), now=now)
