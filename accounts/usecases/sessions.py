"""Refresh a login, end every login of a person."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.core.internal.sessionkit import get_session_user
from django.contrib.sessions.backends.base import SessionBase

from accounts import locking, operations, queries, tokens
from accounts.models import User
from accounts.sessions import SessionStore, sid_of
from kernel import keys
from kernel.db.transaction import transaction

_STATE = "refresh_tokens"  # in the session's data: {jti: exp}


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A new pair of tokens."""

    access_token: str
    refresh_token: str


def refresh(*, refresh_token: str, now: datetime) -> Refreshed | None:
    """Trade a refresh token for new tokens, once; None when it isn't good (any more).

    The session row is locked, so of two requests with the same token one gets an answer; the user's
    row before it, as in a lock-out.
    """
    try:
        claims = tokens.read_refresh_token(refresh_token, now=now)
    except keys.TokenInvalid:
        return None
    with transaction():
        if locking.lock_active_user(user_id=UUID(claims["sub"])) is None:
            return None
        row = locking.lock_session(sid=claims["sid"])
        if row is None or row.expire_date <= now:
            return None
        session = SessionStore(row.session_key)
        user = _user_of(session)
        if user is None or str(user.pk) != claims["sub"]:
            return None
        known = session.get(_STATE, {})
        if known.pop(claims["jti"], None) is None:
            return None
        session[_STATE] = known
        next_token = begin_refreshing(session=session, user_id=user.pk, now=now)
        session.save()
    return Refreshed(access_token(session=session, user=user, now=now), next_token)


def access_token(*, session: SessionBase, user: User, now: datetime) -> str:
    """Return an access token of a saved session."""
    return tokens.issue_access_token(
        user_id=user.pk,
        session_id=_sid(session),
        is_staff=user.is_staff,
        groups=queries.groups_of(user),
        now=now,
    )


def begin_refreshing(*, session: SessionBase, user_id: UUID, now: datetime) -> str:
    """Return a refresh token remembered in `session`, which the caller saves."""
    token, claims = tokens.issue_refresh_token(user_id=user_id, session_id=_sid(session), now=now)
    known = session.get(_STATE, {})
    alive = {jti: exp for jti, exp in known.items() if exp > now.timestamp()}
    session[_STATE] = {**alive, claims["jti"]: claims["exp"]}
    return token


def end_all(*, user_ids: Collection[UUID]) -> None:
    """End every login of the users; their access tokens are refused within two seconds."""
    with transaction():
        operations.end_sessions(user_ids=user_ids)


def _user_of(session: SessionBase) -> User | None:
    """Return the active user whose unchanged password opened the session (Django's own check)."""
    user = get_session_user(session)
    return user if isinstance(user, User) else None


def _sid(session: SessionBase) -> str:
    assert session.session_key, "the session has been saved"
    return sid_of(session.session_key)
