"""The periodic tasks of logins and sign-ups."""

from celery import shared_task

from accounts.usecases import email_ownership, upkeep
from kernel import clock


@shared_task(name="accounts.purge_sessions", ignore_result=True)
def purge_sessions() -> int:
    """Delete expired sessions and refresh tokens, a bounded number a run."""
    return upkeep.purge_sessions(now=clock.now())


@shared_task(name="accounts.repeat_revocations", ignore_result=True)
def repeat_revocations() -> int:
    """Write the ended logins to Redis once more, and delete those that no token outlives."""
    return upkeep.repeat_revocations()


@shared_task(name="accounts.purge_claims", ignore_result=True)
def purge_claims() -> int:
    """Delete sign-ups whose e-mail address nobody proved within a day."""
    return email_ownership.purge_claims(now=clock.now())
