"""Upkeep."""

from celery import shared_task

from accounts.usecases import addresses, upkeep
from kernel import clock


@shared_task(name="accounts.purge_sessions", ignore_result=True)
def purge_sessions() -> int:
    """Delete sessions and refresh tokens whose time has passed, a bounded number a run."""
    return upkeep.purge_sessions(now=clock.now())


@shared_task(name="accounts.repeat_revocations", ignore_result=True)
def repeat_revocations() -> int:
    """Write the logins that have ended to Redis once more, and delete what is over."""
    return upkeep.repeat_revocations()


@shared_task(name="accounts.purge_claims", ignore_result=True)
def purge_claims() -> int:
    """Delete sign-ups whose address nobody proved within a day."""
    return addresses.purge_claims(now=clock.now())
