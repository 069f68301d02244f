"""The session stores, in the database: logins survive the loss of every Redis server.

Note [Logins and lock-outs]
A login checks at its start whether the person may log in and saves its session at its end; a
lock-out or a new password in between would find no session to end. So a person's session is saved
under that person's row lock, where `is_active` and the password are checked again: either the
lock-out sees the session or the session isn't saved. Tokens are issued after that, with the rights
of that moment.

Note [Purposes of sessions]
A session has one purpose, kept in its row and checked at every load: the staff pages and fans'
pages know theirs by a cookie each (`page_sessions.py`), the login API by the session token or an
access token. None accepts another's, whatever the header. And it has an age: however much it is
used, it ends `STAFF_SESSION_SECONDS` or `LOGIN_SECONDS` after the login. (The signature of the
contents differs as well: Django salts it by the name of the store.)
"""

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import locking, operations
from accounts.models import Session, User
from kernel import clock


def sid_of(session_key: str) -> str:
    """Return the id that tokens carry for a session (see Note [Session ids in tokens])."""
    return salted_hmac("accounts.session", session_key, algorithm="sha256").hexdigest()[:43]


def is_opened_by(data: dict[str, Any], user: User) -> bool:
    """Return whether the person's password is still the one that opened this session."""
    found = str(data.get(HASH_SESSION_KEY, ""))
    good = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(found, one) for one in good)


class SessionStore(DatabaseStore):
    """Django's store over `accounts.Session`, for the staff pages' cookie.

    See Note [Purposes of sessions]; deleting a session deletes its tokens too.
    """

    purpose = Session.Purpose.STAFF

    _started_at: datetime | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    @classmethod
    def longest(cls) -> timedelta:
        """Return the age at which a session ends, used or not."""
        return timedelta(seconds=settings.STAFF_SESSION_SECONDS)

    @classmethod
    def idle(cls) -> timedelta:
        """Return for how long a session that isn't used lasts."""
        return cls.longest()

    @classmethod
    def expiry(cls, *, started_at: datetime, now: datetime) -> datetime:
        """Return when a session that is used now ends."""
        return min(started_at + cls.longest(), now + cls.idle())

    @classmethod
    def is_open(cls, row: Session, *, now: datetime) -> bool:
        """Return whether the row is a session of this purpose, neither idle nor too old."""
        return (
            row.purpose == cls.purpose
            and row.expire_date > now
            and row.started_at + cls.longest() > now
        )

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        now = kwargs.get("modification") or clock.now()
        return self.expiry(started_at=self._started_at or now, now=now)

    def get_expiry_age(self, **kwargs: Any) -> int:
        now = kwargs.get("modification") or clock.now()
        return int((self.get_expiry_date(modification=now) - now).total_seconds())

    def _get_session_from_db(self) -> Session | None:
        row = Session.objects.filter(session_key=self.session_key).first()
        if row is None or not self.is_open(row, now=clock.now()):
            self._session_key = None
            return None
        self._started_at = row.started_at
        return row

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = cast("Session", super().create_model_instance(data))
        row.sid = sid_of(row.session_key)
        row.user_id = UUID(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.purpose = self.purpose
        row.started_at = self._started_at or clock.now()
        return row

    def save(self, must_create: bool = False) -> None:
        """Save it; raises `UpdateError` when its person is locked out or has another password.

        See Note [Logins and lock-outs].
        """
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        if must_create:
            self._started_at = clock.now()
        owner = data.get(SESSION_KEY)
        if owner is None:
            super().save(must_create)
            return
        with transaction.atomic():
            user = locking.lock_active_user(user_id=UUID(owner))
            if user is None or not is_opened_by(data, user):
                raise UpdateError
            super().save(must_create)

    def delete(self, session_key: str | None = None) -> None:
        """End the session: its tokens are refused within two seconds."""
        key = session_key or self.session_key
        if not key:
            return
        with transaction.atomic():  # not ours: logging out needs no transaction
            row = locking.lock_session(sid=sid_of(key))
            if row is not None:
                operations.end_logins(sessions=[row])


class ApiSessionStore(SessionStore):
    """The sessions of the login API, which clients know by tokens."""

    purpose = Session.Purpose.API

    @classmethod
    def longest(cls) -> timedelta:
        """Return the age at which a login ends, used or not."""
        return timedelta(seconds=settings.LOGIN_SECONDS)

    @classmethod
    def idle(cls) -> timedelta:
        """Return for how long a login that isn't used lasts."""
        return timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)


class FanSessionStore(ApiSessionStore):
    """The sessions of fans' pages, which browsers know by a cookie; as long as those of the API."""

    purpose = Session.Purpose.FAN
