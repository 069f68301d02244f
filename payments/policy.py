"""The bounds of payments and charges."""

from datetime import datetime, timedelta

CHARGE_MINIMUM = 1_000  # KRW
CHARGE_MAXIMUM = 2_000_000  # KRW, of one charge
RETURN_URL_LENGTH = 2_000
PAYMENTS_PER_BATCH = 64
BATCHES_AT_ONCE = 5  # of each cancelled performance, in one run of the task
REFUNDS_PER_BATCH = 100  # reservations of a cancelled performance

# Note [When the gateway is asked]
# What is open is looked up after 10 s, then twice as late each time, up to an hour; a hold's end is
# not missed. Money may turn up after an attempt has ended, so those that the gateway did not call
# final are looked up for five days more, up to six hours apart: webhooks are repeated for four.
LOOK_UP_FIRST = timedelta(seconds=10)
LOOK_UP_SLOWEST = timedelta(hours=1)
WATCH_SLOWEST = timedelta(hours=6)
WATCHED_FOR = timedelta(days=5)
REQUEST_TAKES = timedelta(seconds=60)  # longer than a gateway may take, retries included
LOOK_UPS_PER_BATCH = 50
CHARGE_OPEN_FOR = timedelta(minutes=30)  # nothing is held for it meanwhile
ORDER_NAME_LENGTH = 100
OFFER_LASTS = timedelta(minutes=10)
OFFERS_PER_BATCH = 50


def next_look_up(*, tries: int, now: datetime) -> datetime:
    """Return when something open is looked up that was looked up `tries` times before."""
    return now + min(_doubled(tries), LOOK_UP_SLOWEST)


def next_watch(*, tries: int, created_at: datetime, now: datetime) -> datetime | None:
    """Return when something ended is looked up again; None once its time is over."""
    if now >= created_at + WATCHED_FOR:
        return None
    return now + min(_doubled(tries), WATCH_SLOWEST)


def _doubled(tries: int) -> timedelta:
    seconds: float = LOOK_UP_FIRST.total_seconds() * 2.0 ** min(tries, 20)
    return timedelta(seconds=seconds)
