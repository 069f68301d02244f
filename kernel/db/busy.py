"""Tell which database failures mean "try again" and which mean "the primary is away"."""

from django.db import InterfaceError, OperationalError
from psycopg import errors
from psycopg_pool import PoolTimeout, TooManyRequests

_RETRYABLE = (
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.SerializationFailure,
    errors.QueryCanceled,
    errors.IdleInTransactionSessionTimeout,
)


def is_busy(error: BaseException) -> bool:
    """Say whether `error` is a deadlock, a lock or statement time-out, or a full pool."""
    cause = error.__cause__ if isinstance(error, OperationalError) else error
    return isinstance(cause, (*_RETRYABLE, PoolTimeout, TooManyRequests))


def is_away(error: BaseException) -> bool:
    """Say whether `error` means that no working connection to the server could be had."""
    return isinstance(error, (OperationalError, InterfaceError)) and not is_busy(error)
