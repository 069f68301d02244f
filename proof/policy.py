"""The bounds of audits, and how long a difference between stores may last."""

from datetime import timedelta

EXAMPLES = 20  # violations of one check in one audit; more are not looked for
KEYS_PER_BATCH = 1_000  # rows that one statement of a check looks at
SEATS_PER_CALL = 1_000  # claims read in one call of the lock server
LOOK_UPS_PER_AUDIT = 500  # orders that are looked up one by one at a gateway without a list
REPLICA_SECONDS = 2.0  # how long an audit waits for the replica to catch up

# Each minute's audit looks at what was made since, so each row is looked at several times, and at
# so many performances: those that sell, and one more in turn.
RECENT = timedelta(minutes=5)
PERFORMANCES_A_MINUTE = 10

# Note [Settling time]
# A transaction leaves nothing half done in PostgreSQL, so what contradicts there is wrong at once.
# Other stores follow after the commit: a difference counts once it is older than what a healthy
# site needs to settle it, with room for a restart of the process whose turn it is.
OUTBOX_SETTLES = timedelta(seconds=60)
CLAIMS_SETTLE = timedelta(seconds=30)
LOOK_UPS_SETTLE = timedelta(minutes=2)  # behind the moment at which the gateway was to be asked
OUTCOMES_SETTLE = timedelta(minutes=15)  # behind the moment at which the gateway was asked first
LATE_MONEY_SETTLES = timedelta(minutes=30)  # behind the beginning of its attempt
# An event's id is made at its commit, a payment's time is the arrival of its request: clocks differ
# a little, and a process may be frozen in between.
EVENTS_BEFORE = timedelta(minutes=5)
EVENTS_AFTER = timedelta(hours=1)
EVENTS_KEPT = timedelta(days=31)  # the outbox keeps months longer
