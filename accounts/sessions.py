"""Login sessions in the database: they survive the loss of every Redis server."""

from typing import Any, cast
from uuid import UUID

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts import revocation
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

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        super().delete(session_key)
        if key:
            sid = sid_of(key)
            # Django's word: logging out needs no transaction, and then it runs at once.
            transaction.on_commit(lambda: revocation.revoke([sid]))
