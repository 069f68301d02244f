"""One view of a database in which nothing moves, for checks that compare its tables."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import DEFAULT_DB_ALIAS, connections

from kernel.db import replica
from kernel.db.transaction import transaction
from proof import policy


def source() -> str:
    """Return the database for a long look: the replica, once it has all that is committed now.

    A long snapshot on the primary would keep it from tidying the rows that a sale rewrites. Where
    the replica does not get there within `policy.REPLICA_SECONDS`, the primary it is.
    """
    if replica.REPLICA not in connections.settings:
        return DEFAULT_DB_ALIAS
    position = replica.written()
    until = time.monotonic() + policy.REPLICA_SECONDS
    while True:
        with replica.stale_reads(after=position) as alias:
            if alias == replica.REPLICA or time.monotonic() > until:
                return alias
        time.sleep(0.05)


@contextmanager
def snapshot(*, using: str, now: datetime) -> Iterator[datetime]:
    """Read one REPEATABLE READ snapshot, read-only; yield a moment no earlier than what it shows.

    The snapshot is taken by the statement that asks for the time, so no transaction that it shows
    has judged a hold by a later `now` (Note [One clock] in kernel/clock.py).
    """
    with transaction(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT clock_timestamp()")
            [taken_at] = cursor.fetchone()
        yield max(now, taken_at)
