"""Defaults and bounds of the sending of notifications."""

from datetime import timedelta

# Letters that one worker takes at a time, and for how long they are its own.
LETTERS_PER_BATCH = 50
# Of a mailing: letters in one transaction, and batches in one go.
LETTERS_A_TRANSACTION = 500
BATCHES_A_TURN = 20
# Mail servers take ten megabytes or more; base64 adds a third.
LARGEST_FILES = 2 * 1024 * 1024
LEASE = timedelta(minutes=5)
# The batch ends earlier, so that no letter is sent after its lease.
LONGEST_BATCH_SECONDS = 120.0
LONGEST_TURN_SECONDS = 20.0

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
OUTAGE_PAUSE = timedelta(seconds=10)
# As long as mail servers use to try; then the letter is given up.
GIVE_UP_AFTER = timedelta(days=3)


def pause_after(attempts: int) -> timedelta:
    """Return how long a letter waits after so many attempts that failed."""
    doublings: int = 2 ** min(attempts - 1, 10)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)


def pause_of_the_first(age: timedelta) -> timedelta:
    """Return how long the letter that met an outage waits (Note [Outage or letter])."""
    return min(max(1.5 * OUTAGE_PAUSE, age / 10), LONGEST_PAUSE)
