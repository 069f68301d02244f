"""Defaults and bounds of holds; the values in force are rows of `SalePolicy`."""

HOLD_SECONDS = 300
HOLD_CAP_SECONDS = 900
EXTRA_TIME_CAP_SECONDS = 1800
PAYMENT_SECONDS = 300
MAX_SEATS_PER_FAN = 4
MAX_SEATS_PER_REQUEST = 20
HOLDS_PER_BATCH = 64
SEATS_PER_FAN_BOUNDS = (1, MAX_SEATS_PER_REQUEST)
HOLD_SECONDS_BOUNDS = (30, 3600)
EXTRA_TIME_CAP_SECONDS_BOUNDS = (30, 7200)
# Note [Back-off]: that many lapsed holds within the window, and the fan waits, longer each time.
LAPSES_BEFORE_BACKOFF = 5
BACKOFF_SECONDS = 30
BACKOFF_SECONDS_BOUNDS = (1, 900)
BACKOFF_WINDOW_SECONDS = 900
BACKOFF_MOST_SECONDS = BACKOFF_SECONDS_BOUNDS[1]
# What staff may change.
SALE_FIELDS = (
    "sale_opens_at",
    "sale_closes_at",
    "hold_seconds",
    "hold_cap_seconds",
    "extra_time_cap_seconds",
    "payment_seconds",
    "max_seats_per_fan",
    "orphan_rule",
    "holds_per_minute",
    "holds_per_minute_per_address",
    "lapses_before_backoff",
    "backoff_seconds",
)
MAX_SEATS_PER_BLOCK = 1000  # one staff action

# The gate (Note [Seat claims]): how long a claim lasts before its transaction has committed, and
# how long ago PostgreSQL may have confirmed it before it is stale.
CLAIM_MS = 1000
CLAIM_STALE_MS = 1000
SOLD_CLAIM_MS = 3_600_000
CLAIMS_PER_WRITE = 500

POLICY_CACHE_SECONDS = 1.0
SWEEP_BATCH = 200

# The best seats are proposed from a snapshot in each process: how old it may be, how old to say
# that nothing is left, and how often others may be faster.
SNAPSHOT_SECONDS = 0.5
SNAPSHOT_DOUBT_SECONDS = 0.1
BEST_ATTEMPTS = 5


def fits_a_request(seats: int) -> bool:
    """Say whether one request may hold that many seats."""
    return 1 <= seats <= MAX_SEATS_PER_REQUEST
