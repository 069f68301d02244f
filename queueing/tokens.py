"""The tokens a fan carries: the join token (a number in the queue) and the pass (an admission).

Both are Ed25519 JWTs of the key use "queue", distinguished by their audience, and bound to the
user, the performance, the number and the epoch of the server state that gave it. Neither needs
Redis to be believed.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from kernel import clock
from kernel.signing.jwt import JwtExpired, JwtInvalid, read_jwt, sign_jwt, verify_jwt
from queueing import policy
from queueing.errors import InvitationInvalid, QueueTokenExpired, QueueTokenInvalid


class Audience(StrEnum):
    """The purpose of a token."""

    TOKEN = "frontrow-queue-token"  # noqa: S105  (a name, not a secret)
    PASS = "frontrow-queue-pass"  # noqa: S105
    INVITATION = "frontrow-queue-invitation"


_OF_A_PLACE = (Audience.TOKEN.value, Audience.PASS.value)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a verified token says.

    `until_ms` is the end of the session, to the millisecond, where `expires_at` is in whole
    seconds; a token names it too, as known when it was issued, 0 while waiting, and outlives it.
    `joined_ms` is when the place began (Note [Ended places] in ended_places.py).
    """

    audience: Audience
    user_id: UUID
    performance_id: UUID
    number: int
    epoch: int
    until_ms: int
    joined_ms: int
    expires_at: datetime


def sign_token(
    *,
    user_id: UUID,
    performance_id: UUID,
    number: int,
    epoch: int,
    joined_ms: int,
    until_ms: int = 0,
    now: datetime,
) -> str:
    """Return a join token; `until_ms`: the end of the session, of a place that had its turn."""
    expires_at = now + timedelta(seconds=policy.TOKEN_SECONDS)
    place = {"number": number, "epoch": epoch, "joined_ms": joined_ms}
    if until_ms:
        place["until_ms"] = until_ms
    return _sign(Audience.TOKEN, user_id, performance_id, place, now, expires_at)


def sign_pass(
    *,
    user_id: UUID,
    performance_id: UUID,
    number: int,
    epoch: int,
    joined_ms: int,
    admitted_until: datetime,
    now: datetime,
) -> str:
    """Return a pass, good until `admitted_until`."""
    place = {"number": number, "epoch": epoch, "joined_ms": joined_ms}
    place["until_ms"] = clock.to_ms(admitted_until)
    return _sign(Audience.PASS, user_id, performance_id, place, now, admitted_until)


def sign_invitation(*, invitation_id: UUID, performance_id: UUID, expires_at: datetime) -> str:
    """Return an invitation's code; the same one each time while the key is the same."""
    return sign_jwt(
        "queue",
        {
            "aud": Audience.INVITATION.value,
            "jti": str(invitation_id),
            "performance": str(performance_id),
            "exp": int(expires_at.timestamp()),
        },
    )


def read_invitation(code: str, *, performance_id: UUID, now: datetime) -> UUID:
    """Return the id of the invitation that `code` is; raises InvitationInvalid."""
    try:
        audience = Audience.INVITATION.value
        claims = verify_jwt("queue", code, audience=audience, now=now)
        if UUID(claims["performance"]) != performance_id:
            raise InvitationInvalid
        return UUID(claims["jti"])
    except (JwtInvalid, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvitationInvalid from error


def verify(token: str, *, user_id: UUID, performance_id: UUID, now: datetime) -> Proof:
    """Return what `token` proves about this user at this performance.

    Raises QueueTokenExpired, QueueTokenInvalid.
    """
    proof = verify_alone(token, performance_id=performance_id, now=now)
    if proof.user_id != user_id:
        raise QueueTokenInvalid
    return proof


def verify_alone(token: str, *, performance_id: UUID, now: datetime) -> Proof:
    """Return what `token` proves at this performance about the user whom it names.

    For who shows no login (Note [Token alone] in README.md). Raises as `verify` does.
    """
    try:
        proof = read_jwt("queue", token, audiences=_OF_A_PLACE, read=_proof, now=now)
    except JwtExpired as error:
        raise QueueTokenExpired from error
    except JwtInvalid as error:
        raise QueueTokenInvalid from error
    if proof.performance_id != performance_id:
        raise QueueTokenInvalid
    if proof.audience is Audience.PASS and proof.until_ms <= clock.to_ms(now):
        raise QueueTokenExpired
    return proof


def _sign(
    audience: Audience,
    user_id: UUID,
    performance_id: UUID,
    place: dict[str, int],
    now: datetime,
    expires_at: datetime,
) -> str:
    claims = {
        "aud": audience.value,
        "sub": str(user_id),
        "performance": str(performance_id),
        **place,
        "iat": int(now.timestamp()),
        "exp": math.ceil(expires_at.timestamp()),  # never before what the fan was promised
    }
    return sign_jwt("queue", claims)


def _proof(claims: dict[str, Any]) -> Proof:
    audience = Audience(claims["aud"])
    until_ms = claims["until_ms"] if audience is Audience.PASS else claims.get("until_ms", 0)
    return Proof(
        audience=audience,
        user_id=UUID(claims["sub"]),
        performance_id=UUID(claims["performance"]),
        number=int(claims["number"]),
        epoch=int(claims["epoch"]),
        until_ms=int(until_ms),
        joined_ms=int(claims.get("joined_ms", claims["iat"] * 1000)),  # issued by an older release
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )
