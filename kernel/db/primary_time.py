"""The primary's own time, for jobs that end what belongs to others."""

from datetime import datetime

from django.db import DEFAULT_DB_ALIAS, connections


def no_later_than_primary(now: datetime) -> datetime:
    """Return `now`, or the primary's present where `now` is ahead of it: one statement.

    A request only ever ends what its own caller wants ended. A job walks through everybody's
    deadlines, so a host with a wrong clock must not be believed there (Note [One clock]).
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT LEAST(%s, clock_timestamp())", [now])
        judged: datetime = cursor.fetchone()[0]
        return judged
