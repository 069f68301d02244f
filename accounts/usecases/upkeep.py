"""The use cases of upkeep: purge expired logins, repeat revocations."""

from datetime import datetime

from accounts import locking, operations, queries, revocation
from kernel.db.primary_time import no_later_than_primary
from kernel.db.transaction import transaction

_AT_A_TIME = 1_000
_RUNS = 20


def purge_sessions(*, now: datetime) -> int:
    """Delete expired sessions and refresh tokens, at most 20,000; return how many.

    In short transactions, which skip what another one has locked.
    """
    now, purged = no_later_than_primary(now), 0  # Note [One clock] in kernel/clock.py
    for _ in range(_RUNS):
        with transaction():
            over = locking.lock_expired_sessions(now=now, limit=_AT_A_TIME)
            operations.delete_sessions(sessions=over)
            tokens = operations.purge_refresh_tokens(now=now, limit=_AT_A_TIME)
        purged += len(over) + tokens
        if len(over) < _AT_A_TIME and tokens < _AT_A_TIME:
            break
    return purged


def repeat_revocations() -> int:
    """Repeat to Redis which logins have ended, and drop those long past; return how many live.

    See Note [Revoked logins] in revocation.py.
    """
    with transaction():
        operations.purge_revocations()
    ended = queries.revoked_now()
    revocation.repeat(ended)
    return len(ended)
