"""Defaults and bounds of webhooks: how many, how often, how long."""

from datetime import timedelta
from hashlib import blake2b
from uuid import UUID

ENDPOINTS_PER_OWNER = 20
LONGEST_URL = 500
FORMER_SECRET_IS_GOOD_FOR = timedelta(hours=24)

# Of one endpoint at a time, over all processes; of one that fails, one.
TRIES_AT_ONCE = 4
# Of one sending process. Endpoints that fail have half of them at most.
THREADS = 32
THREADS_FOR_FAILING = 16
TURN_SECONDS = 20.0
LOOK_SECONDS = 0.1
# A try ends after so many seconds, however slowly the receiver sends or reads. What comes before
# it, the look-up of the name, has the resolver's own limit; both are less than the lease.
TRY_SECONDS = 15.0
CONNECT_SECONDS = 5.0
LEASE = timedelta(seconds=90)
# Bytes that are read of a response, and kept.
RESPONSE_READ = 16 * 1024
RESPONSE_KEPT = 1024

_PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
_JITTER = 0.2
GIVE_UP_AFTER = timedelta(days=3)
# Also where nothing was tried meanwhile, because the endpoint rests or its owner is shut out.
GIVE_UP_UNTRIED_AFTER = GIVE_UP_AFTER + timedelta(days=1)
GIVEN_UP_AT_ONCE = 1000

# An endpoint that fails rests: 1 s after its first failure in a row, twice as long after each.
LONGEST_REST = timedelta(minutes=5)
# It is disabled once it has failed for so long, and at least so often, without a success.
DISABLE_AFTER = timedelta(days=5)
DISABLE_AFTER_FAILURES = 10


def pause_after(retries: int, delivery_id: UUID) -> timedelta:
    """Return how long a delivery waits after so many failed tries.

    Up to a fifth more or less, so that deliveries that failed together don't come back together;
    the same for one delivery each time.
    """
    pause = _PAUSES[min(retries, len(_PAUSES)) - 1]
    digest = blake2b(delivery_id.bytes + retries.to_bytes(4, "big"), digest_size=4).digest()
    fraction = int.from_bytes(digest, "big") / 2**32
    return pause * (1 - _JITTER + 2 * _JITTER * fraction)


def rest_after(failures: int) -> timedelta:
    """Return how long an endpoint rests after so many failures in a row."""
    return min(timedelta(seconds=2 ** min(failures - 1, 20)), LONGEST_REST)
