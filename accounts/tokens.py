"""Access and refresh tokens: their claims, signing and reading."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from kernel.caller import Caller
from kernel.signing.jwt import JwtInvalid, read_jwt, sign_jwt, verify_jwt

ACCESS_AUDIENCE = "frontrow:api"
REFRESH_AUDIENCE = "frontrow:refresh"
# Of the tokens of `manage.py fans`, which have no login; refused under production settings.
FAN_TOKEN_LIFETIME = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """The claims of a refresh token: its user, its login and its id."""

    user_id: UUID
    session_id: str
    jti: UUID


def issue_access_token(
    *,
    user_id: UUID,
    session_id: str,
    is_staff: bool,
    groups: Iterable[str],
    now: datetime,
    lifetime: timedelta | None = None,
    until: datetime | None = None,
) -> str:
    """Return a signed access token, verified without a look-up.

    It lives for `lifetime`, `ACCESS_TOKEN_SECONDS` if none is given, and not beyond `until`.
    """
    issued = int(now.timestamp())
    expires = issued + _seconds(lifetime, settings.ACCESS_TOKEN_SECONDS)
    if until is not None:
        expires = min(expires, int(until.timestamp()))
    return sign_jwt(
        "access",
        {
            "aud": ACCESS_AUDIENCE,
            "sub": str(user_id),
            "sid": session_id,
            "token_use": "access",
            "is_staff": is_staff,
            "groups": sorted(groups),
            "iat": issued,
            "exp": expires,
            "jti": str(uuid4()),
        },
        mac_use="login",
    )


def longest_access_seconds() -> int:
    """Return the longest life, in seconds, of an access token that these settings allow."""
    of_fans = int(FAN_TOKEN_LIFETIME.total_seconds()) if settings.TEST_FANS_ALLOWED else 0
    return max(settings.ACCESS_TOKEN_SECONDS, of_fans)


def sign_refresh_token(
    *, jti: UUID, user_id: UUID, session_id: str, issued_at: datetime, expires_at: datetime
) -> str:
    """Return the refresh token of these claims; what it is good for, its row says."""
    return sign_jwt(
        "access",
        {
            "aud": REFRESH_AUDIENCE,
            "sub": str(user_id),
            "sid": session_id,
            "token_use": "refresh",
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": str(jti),
        },
    )


def read_access_token(token: str, *, now: datetime, by_mac: bool = False) -> Caller:
    """Return the caller of an access token; raises `JwtInvalid` / `JwtExpired`.

    `by_mac`: a right MAC is enough (Note [Two proofs] in `kernel/signing/jwt.py`).
    `accounts.revocation` knows whether the login was revoked meanwhile.
    """
    return read_jwt(
        "access",
        token,
        audiences=(ACCESS_AUDIENCE,),
        read=_caller,
        now=now,
        mac_use="login" if by_mac else None,
    )


def read_refresh_token(token: str, *, now: datetime) -> RefreshClaims:
    """Return the claims of a refresh token; raises `JwtInvalid` / `JwtExpired`."""
    claims = verify_jwt("access", token, audience=REFRESH_AUDIENCE, now=now)
    try:
        if claims.get("token_use") != "refresh":
            raise ValueError("another use")
        return RefreshClaims(UUID(claims["sub"]), _text(claims["sid"]), UUID(claims["jti"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise JwtInvalid("not a refresh token") from None


def _caller(claims: Mapping[str, Any]) -> Caller:
    if claims.get("token_use") != "access":
        raise ValueError("not an access token")
    session_id = claims["sid"]
    if not isinstance(session_id, str):
        raise TypeError("a text is needed")
    return Caller(
        UUID(claims["sub"]),
        session_id,
        claims["is_staff"] is True,
        frozenset(claims["groups"]),
    )


def _seconds(lifetime: timedelta | None, default: int) -> int:
    return default if lifetime is None else int(lifetime.total_seconds())


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    return value
