"""The use cases of owning an e-mail address: sign up, change, purge claims."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from accounts import locking, operations
from accounts.models import User
from kernel.db.integrity import constraints_explained
from kernel.db.transaction import transaction

CLAIM_LIFETIME = timedelta(days=1)
_PURGED_AT_ONCE = 1000


def sign_up(*, email: str, password: str, language: str, proved: bool) -> User:
    """Create a person with a normalised e-mail address: owned if `proved`, else a claim.

    `language` is that of letters, `ko` or `en`.
    See Note [Whose address] in `models.py`. A claim costs the same work whether or not the address
    is somebody's, so that nobody learns it here. Raises `EmailTaken` for a proved one that is
    taken.
    """
    user = User(email=email, language=language)
    user.set_password(password)
    with constraints_explained(operations.TAKEN), transaction():
        User.objects.add([user], verified=proved)
    return user


@contextmanager
def changing(*, user_id: UUID) -> Iterator[None]:
    """Let one change of a person's e-mail addresses happen at a time, whole or not at all.

    For django-allauth's flows, which write several rows without a transaction. Raises `EmailTaken`.
    """
    with constraints_explained(operations.TAKEN), transaction():
        locking.lock_users(user_ids=[user_id])
        yield


def purge_claims(*, now: datetime) -> int:
    """Delete people who signed up a day ago and never proved their e-mail address.

    They never had a login, so nothing refers to them. Deletes a bounded number a run and returns
    it.
    """
    with transaction():
        return operations.delete_claims(older_than=now - CLAIM_LIFETIME, at_most=_PURGED_AT_ONCE)
