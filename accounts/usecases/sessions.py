"""The use cases of a login: begin, refresh, end every login of a person.

Note [Refresh tokens]
A refresh token is traded once for its successor. Each is a row, written under the lock of its
session and never part of the session's data, which any request of the login may write back as it
was. A phone that lost the response sends its token again, two tabs send theirs at once: for
`policy.RESEND` after its use a token gives the same successor. Later it, or its successor, is in
wrong hands: the login ends (RFC 9700, 4.14.2). Rows of tokens used long ago are deleted, so that a
login has two or three: a token of ours for a login whose rows don't know it is one of those.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError

from accounts import locking, operations, queries, tokens
from accounts.models import RefreshToken, Session, User
from accounts.sessions import ApiSessionStore, FanSessionStore, is_opened_by, sid_of
from kernel.db.transaction import transaction
from kernel.signing.jwt import JwtInvalid
from kernel.telemetry import security_log


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token and a refresh token of a login."""

    access_token: str
    refresh_token: str


def begin(*, session_key: str, user_id: UUID, now: datetime) -> Tokens:
    """Return the first tokens of a saved session.

    Raises Django's `UpdateError` when the login has ended meanwhile.
    """
    with transaction():
        locked = _lock(user_id=user_id, sid=sid_of(session_key), now=now)
        if locked is None:
            raise UpdateError
        user, row = locked
        first = operations.add_refresh_token(sid=row.sid, expires_at=_end(row, now), now=now)
        return _tokens(row, user, first, now=now)


def refresh(*, refresh_token: str, client_ip: str, now: datetime) -> Tokens | None:
    """Trade a refresh token for new tokens (Note [Refresh tokens]); None when it isn't good."""
    try:
        claims = tokens.read_refresh_token(refresh_token, now=now)
    except JwtInvalid:
        return None
    with transaction():
        locked = _lock(user_id=claims.user_id, sid=claims.session_id, now=now)
        if locked is None:
            return None
        user, row = locked
        known = {token.jti: token for token in RefreshToken.objects.filter(sid=row.sid)}
        token = known.get(claims.jti)
        if token is not None and token.used_at is None:
            end = _end(row, now)
            following = operations.trade_refresh_token(token=token, expires_at=end, now=now)
            Session.objects.filter(pk=row.pk).update(expire_date=end)
            return _tokens(row, user, following, now=now)
        if token is not None and token.was_just_used(now) and token.successor in known:
            return _tokens(row, user, known[token.successor], now=now)
        if known:  # a login without any was made before tokens had rows: nobody stole one
            _end_stolen(row, client_ip=client_ip)
    return None


def access_token(*, session_key: str, user_id: UUID, now: datetime) -> str | None:
    """Return one more access token of a saved session; None when the login has ended."""
    with transaction():
        locked = _lock(user_id=user_id, sid=sid_of(session_key), now=now)
        return None if locked is None else _access_token(locked[1], locked[0], now=now)


def page_access_token(*, session_key: str, user_id: UUID, now: datetime) -> str | None:
    """Return an access token for the scripts of a fan's pages; None when the login has ended.

    It keeps the login in use, as a refresh does.
    """
    with transaction():
        locked = _lock(user_id=user_id, sid=sid_of(session_key), now=now, store=FanSessionStore)
        if locked is None:
            return None
        user, row = locked
        Session.objects.filter(pk=row.pk).update(expire_date=_end(row, now))
        return _access_token(row, user, now=now)


def end_all(*, user_ids: Collection[UUID]) -> None:
    """End every login of the users; their access tokens are refused within two seconds."""
    with transaction():
        operations.end_sessions(user_ids=user_ids)


def end_one(*, user_id: UUID, session_id: str) -> bool:
    """End one login of a person, named by its `sid`; return whether there was one."""
    with transaction():
        locking.lock_users(user_ids=[user_id])
        row = locking.lock_session(sid=session_id)
        if row is None or row.user_id != user_id:
            return False
        operations.end_logins(sessions=[row])
    return True


def _lock(
    *, user_id: UUID, sid: str, now: datetime, store: type[ApiSessionStore] = ApiSessionStore
) -> tuple[User, Session] | None:
    """Lock the person, then the login, as a lock-out does; None when it isn't open (any more)."""
    user = locking.lock_active_user(user_id=user_id)
    row = locking.lock_session(sid=sid) if user is not None else None
    if user is None or row is None or row.user_id != user.pk:
        return None
    data = store().decode(row.session_data)
    if not store.is_open(row, now=now) or not is_opened_by(data, user):
        return None
    return user, row


def _end(row: Session, now: datetime) -> datetime:
    return ApiSessionStore.expiry(started_at=row.started_at, now=now)


def _end_stolen(row: Session, *, client_ip: str) -> None:
    operations.end_logins(sessions=[row])
    security_log.record_after_commit(
        "refresh_token_reused", user_id=row.user_id, client_ip=client_ip
    )


def _tokens(row: Session, user: User, token: RefreshToken, *, now: datetime) -> Tokens:
    return Tokens(
        access_token=_access_token(row, user, now=now),
        refresh_token=tokens.sign_refresh_token(
            jti=token.jti,
            user_id=user.pk,
            session_id=row.sid,
            issued_at=token.issued_at,
            expires_at=token.expires_at,
        ),
    )


def _access_token(row: Session, user: User, *, now: datetime) -> str:
    """Return an access token that doesn't outlive the login, with the rights of this moment."""
    is_staff, groups = _rights_of(user)
    return tokens.issue_access_token(
        user_id=user.pk,
        session_id=row.sid,
        is_staff=is_staff,
        groups=groups,
        now=now,
        until=_end(row, now),
    )


def _rights_of(user: User) -> tuple[bool, tuple[str, ...]]:
    """Return whether the person is staff, and the groups: neither without a factor demanded.

    See Note [Second factor] in `second_factor.py`. Setting one up ends every login.
    """
    demanded = user.is_staff and settings.STAFF_SECOND_FACTOR_REQUIRED
    if demanded and not queries.has_second_factor(user.pk):
        return False, ()
    return user.is_staff, queries.groups_of(user)
