"""Times and bounds: how long a key is kept and a lease lasts."""

from datetime import timedelta

LEASE = timedelta(seconds=30)
# The contract says at least 24 hours; the margin covers clocks and the purge's own rhythm.
RETENTION = timedelta(hours=25)
RETRY_AFTER_SECONDS = 1
PURGE_BATCH = 1000
PURGE_BATCHES = 20
REQUESTS_PER_BATCH = 64
BATCH_WAIT_MS = 50  # for a record that somebody else writes; who needs longer goes alone
