"""Defaults and bounds of waiting rooms; the values in force are rows of `QueueConfig`."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

RATE_PER_SECOND = Decimal(50)
RATE_BOUNDS = (Decimal("0.1"), Decimal(5000))
CAPACITY = 1000
CAPACITY_BOUNDS = (1, 100_000)
GRACE_SECONDS = 60
GRACE_BOUNDS = (5, 900)
SESSION_SECONDS = 600
SESSION_BOUNDS = (30, 7200)

# A server of an earlier epoch takes over again once its successor has not been seen for this long.
SUCCESSOR_SECONDS = 30
DUE_AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)  # of a room the tick shall look after next
IDLE_TICK_SECONDS = 10  # between two ticks of a room where nobody waits or shops
OVER_AFTER = timedelta(days=1)  # since the start: then nobody waits for a performance any more
OVER_TICK_SECONDS = 24 * 3600  # of a performance that is over: it may yet be moved
BATCH_FANS = 128  # at most, in one call of the queue server: MOST_FANS of lua/queue_batches.lua
NUMBER_BLOCK = 10_000  # numbers reserved ahead in PostgreSQL, in one write
# Numbers of the draw among those who join before the opening (Note [Draw] in README.md).
DRAW_NUMBERS = 2**20
# The drand chain whose rounds are fetched (League of Entropy, "quicknet"): round 1 was published at
# DRAND_GENESIS, one more every DRAND_PERIOD_SECONDS.
DRAND = "drand quicknet"
DRAND_GENESIS = 1_692_803_367
DRAND_PERIOD_SECONDS = 3
BEACON_ENTERED, BEACON_FETCHED = "queueing.enter_beacon", "fetched"  # an audit's action, and reason
BEACON_NAME_LENGTH = 100
BEACON_BEFORE = timedelta(minutes=10)  # the queue opens: a value must be there by then
BEACON_AHEAD = timedelta(days=400)  # a beacon is announced at most so long before its value
ROSTER_AFTER = timedelta(minutes=2)  # the opening: then the busiest minute is over
DRAWS_AT_ONCE = 20  # of one look after rosters
# Beacons fetched in one look: at DRAND_SECONDS each, less than a silent session's SILENT_SECONDS.
BEACONS_AT_ONCE = 4
ROSTER_PAGE = 1000  # lines of a roster in one response; each page begins where one ends
WORK_BITS = 18  # of a proof of work: about 0.3 s in a browser
WORK_BITS_BOUNDS = (8, 26)
CHALLENGE_SECONDS = 600  # a proof of work answers a challenge of this window or the one before
# After a loss of the server nobody is admitted for this long, so that those at the front have
# shown their tokens before anybody behind them can be let in. They poll at least this often.
REBUILD_SECONDS = 5
TOKEN_SECONDS = 48 * 3600
# An ended place is remembered while a token that names it could still be shown.
REMEMBER_SECONDS = TOKEN_SECONDS
ROOM_TTL_SECONDS = 7 * 24 * 3600  # a room nobody has ticked for that long is garbage

# Polling: Note [Poll interval] in poll_interval.py.
POLLS_PER_SECOND = 1000
SHORTEST_POLL_SECONDS = 2
LONGEST_POLL_SECONDS = 60
POLL_JITTER = 0.2
RETRY_AFTER_SECONDS = 2
PUBLIC_POLL_SECONDS = 2
INVITATIONS_AT_ONCE = 1000
INVITATION_USES = 10_000  # people one code may let in
# Note [Wanted by the calendar] in wanted_pods.py. All who are expected come within that time,
# evenly, as docs/capacity.md has it.
ARRIVAL_SECONDS = 10
PODS_BEFORE, PODS_AFTER = timedelta(minutes=30), timedelta(minutes=15)
UNSAID_FANS = 10_000  # where staff have not said how many they expect
