"""Login sessions in the database: they survive the loss of every Redis server.

Note [Logins and lock-outs]
A login asks at its start whether the person may log in and saves its session at its end; a lock-out
in between would find no session to end. So a session of somebody is saved under that person's row
lock, where `is_active` is asked again: either the lock-out sees the session or the session isn't
saved.
"""

from typing import Any, cast
from uuid import UUID

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts import locking, revocation
from accounts.models import Session


def sid_of(session_key: str) -> str:
    """Return what tokens call a session (see Note [Session ids in tokens])."""
    return salted_hmac("accounts.session", session_key, algorithm="sha256").hexdigest()[:43]


class SessionStore(DatabaseStore):
    """Django's store over `accounts.Session`; a deleted session's access tokens are revoked."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = cast("Session", super().create_model_instance(data))
        row.sid = sid_of(row.session_key)
        row.user_id = UUID(data[SESSION_KEY]) if SESSION_KEY in data else None
        return row

    def save(self, must_create: bool = False) -> None:
        """Save it; raises `UpdateError` when its person is locked out.

        See Note [Logins and lock-outs].
        """
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        owner = data.get(SESSION_KEY)
        if owner is None:
            super().save(must_create)
            return
        with transaction.atomic():
            if locking.lock_active_user(user_id=UUID(owner)) is None:
                raise UpdateError
            super().save(must_create)

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        super().delete(session_key)
        if key:
            sid = sid_of(key)
            # Django's word: logging out needs no transaction, and then it runs at once.
            transaction.on_commit(lambda: revocation.revoke([sid]))
