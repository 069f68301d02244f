"""Times and bounds: how long a key is kept and a lease lasts."""

from datetime import timedelta

LEASE = timedelta(seconds=30)
# The contract says at least 24 hours; the margin covers clocks and the purge's own rhythm.
RETENTION = timedelta(hours=25)
RETRY_AFTER_SECONDS = 1
PURGE_BATCH = 1000
PURGE_BATCHES = 20
