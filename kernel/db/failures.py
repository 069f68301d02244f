"""Which database failures mean "try again", and which mean that the server is unavailable.

Note [What the server says]
The classes of the driver and of Django group SQLSTATEs by their first two characters, and these
groups cut across what matters here: a session ended for idling in its transaction, and a primary
that has become read-only, come as `InternalError`, as a defect of the server does. So the SQLSTATE
of the driver's error decides, whatever is wrapped around it. Without one, the connection itself
failed. Every code that is not named here is a defect of ours or of the data.

Where the connection fails while a commit is on its way, nobody can say whether it took place (Note
[Unknown outcome] in connection.py).
"""

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError
from psycopg_pool import PoolTimeout, TooManyRequests

# All that a statement may raise of the database; Django's InterfaceError is no DatabaseError.
DATABASE_ERRORS = (DatabaseError, InterfaceError, PoolTimeout)


class CommitUnknown(psycopg.OperationalError):
    """A commit may have taken place, or may not, or may yet be lost; the caller looks again."""


class LockSkipped(Exception):
    """Somebody else has a row locked, and the caller did not want to wait for it."""


# The same request may succeed soon, on this server or on the one that replaces it.
_BUSY = frozenset(
    {
        "25006",  # read_only_sql_transaction: a primary that was demoted
        "25P03",  # idle_in_transaction_session_timeout: this process was paused
        "25P04",  # transaction_timeout
        "40001",  # serialization_failure, a conflict with recovery among them
        "40P01",  # deadlock_detected
        "55006",  # object_in_use
        "55P03",  # lock_not_available
        "57014",  # query_canceled
    }
)
# Somebody else has what the statement wanted.
_LOCKED = frozenset({"40P01", "55P03"})
# Lost connections, servers without room, servers that go down or come up, and their disks.
_UNAVAILABLE = ("08", "53", "58", "57P")
_GOING = ("08", "57P")


def is_busy(error: BaseException) -> bool:
    """Say whether the same request may succeed soon: deadlocks, time-outs, a full pool and more."""
    cause = _cause(error)
    if isinstance(cause, (PoolTimeout, TooManyRequests)):
        return True
    return isinstance(cause, psycopg.Error) and cause.sqlstate in _BUSY


def met_lock(error: BaseException) -> bool:
    """Say whether a statement failed because of somebody's lock, within the time it may wait."""
    cause = _cause(error)
    return isinstance(cause, psycopg.Error) and cause.sqlstate in _LOCKED


def is_unavailable(error: BaseException) -> bool:
    """Say whether `error` means that there was no working connection to the server."""
    cause = _cause(error)
    if isinstance(cause, psycopg.Error) and cause.sqlstate is not None:
        return cause.sqlstate.startswith(_UNAVAILABLE)
    lost = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
    return isinstance(cause, lost) and not is_busy(error)


def is_unknown(error: BaseException) -> bool:
    """Say whether nobody knows if what was to be committed will last; `is_unavailable` too."""
    return isinstance(_cause(error), CommitUnknown)


def leaves_commit_open(error: psycopg.Error) -> bool:
    """Say whether a commit that raised the driver's `error` may have taken place all the same.

    Without a code the reply is missing, and a server that goes down may have committed before.
    """
    return is_unavailable(error) and (error.sqlstate is None or error.sqlstate.startswith(_GOING))


def is_passing(error: BaseException) -> bool:
    """Say whether the database is busy or unavailable, and will recover by itself."""
    return is_busy(error) or is_unavailable(error)


def _cause(error: BaseException) -> BaseException:
    """Return the driver's error that `error` comes from, itself where there is none."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, psycopg.Error):
        found = found.__cause__
    return error if found is None else found
