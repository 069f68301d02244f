"""Access and refresh tokens: their claims, and the caller they stand for."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from kernel import keys
from kernel.api.caller import Caller

ACCESS_AUDIENCE = "frontrow:api"
REFRESH_AUDIENCE = "frontrow:refresh"


def issue_access_token(
    *,
    user_id: UUID,
    session_id: str,
    is_staff: bool,
    groups: Iterable[str],
    now: datetime,
    lifetime: timedelta | None = None,
) -> str:
    """Return a signed access token that needs no look-up to be believed.

    It lives for `lifetime`, `ACCESS_TOKEN_SECONDS` if none is said.
    """
    issued = int(now.timestamp())
    return keys.sign_jwt(
        "access",
        {
            "aud": ACCESS_AUDIENCE,
            "sub": str(user_id),
            "sid": session_id,
            "token_use": "access",
            "is_staff": is_staff,
            "groups": sorted(groups),
            "iat": issued,
            "exp": issued + _seconds(lifetime, settings.ACCESS_TOKEN_SECONDS),
            "jti": str(uuid4()),
        },
    )


def issue_refresh_token(
    *, user_id: UUID, session_id: str, now: datetime
) -> tuple[str, Mapping[str, Any]]:
    """Return a signed refresh token and its claims; it is good for one use."""
    issued = int(now.timestamp())
    claims = {
        "aud": REFRESH_AUDIENCE,
        "sub": str(user_id),
        "sid": session_id,
        "token_use": "refresh",
        "iat": issued,
        "exp": issued + settings.REFRESH_TOKEN_SECONDS,
        "jti": str(uuid4()),
    }
    return keys.sign_jwt("access", claims), claims


def read_access_token(token: str, *, now: datetime) -> Caller:
    """Return the caller an access token stands for; raises `keys.TokenInvalid` / `TokenExpired`.

    Whether the session was revoked meanwhile is `accounts.revocation`'s to say.
    """
    return keys.read_jwt("access", token, audiences=(ACCESS_AUDIENCE,), read=_caller, now=now)


def read_refresh_token(token: str, *, now: datetime) -> dict[str, Any]:
    """Return the claims of a refresh token; raises `keys.TokenInvalid` / `TokenExpired`."""
    claims = keys.verify_jwt("access", token, audience=REFRESH_AUDIENCE, now=now)
    wanted = ("sub", "sid", "jti")
    if claims.get("token_use") != "refresh" or not all(
        isinstance(claims.get(name), str) for name in wanted
    ):
        raise keys.TokenInvalid("not a refresh token")
    return claims


def _caller(claims: Mapping[str, Any]) -> Caller:
    if claims.get("token_use") != "access":
        raise ValueError("not an access token")
    return Caller(
        user_id=UUID(claims["sub"]),
        session_id=_text(claims["sid"]),
        is_staff=claims["is_staff"] is True,
        groups=frozenset(claims["groups"]),
    )


def _seconds(lifetime: timedelta | None, default: int) -> int:
    return default if lifetime is None else int(lifetime.total_seconds())


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    return value
