"""The tokens a fan carries: the join token (a number in the queue) and the pass (an admission).

Both are bound to the user, the performance, the number and the epoch of the server state that gave
it, and distinguished by their audience. Neither needs Redis to be believed. Clients treat them, and
invitation codes, as opaque.

Note [Forms of queue tokens]
Tokens and passes carry a MAC of the key use "place" (Note [MAC tokens] in kernel/signing/mac.py).
The release before this form wrote JWTs of the use "queue", and cannot read it. So under a ring
without a key of use "place" JWTs are written still, which makes `manage.py keys upgrade` the
switch, and both forms are always read: a fan keeps the place through the upgrade. Invitations stay
JWTs of the use "queue": they were printed and mailed, and their code is the same as long as that
key is current.
"""

import math
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from kernel import clock
from kernel.signing.jwt import JwtExpired, JwtInvalid, read_jwt, sign_jwt, verify_jwt
from kernel.signing.mac import TokenWriter, named_key, read_token, write_token, writing_key
from queueing import policy
from queueing.errors import InvitationInvalid, QueueTokenExpired, QueueTokenInvalid


class Audience(StrEnum):
    """The purpose of a token."""

    TOKEN = "frontrow-queue-token"  # noqa: S105  (a name, not a secret)
    PASS = "frontrow-queue-pass"  # noqa: S105
    INVITATION = "frontrow-queue-invitation"


_OF_A_PLACE = (Audience.TOKEN.value, Audience.PASS.value)
_AUDIENCES = {"t": Audience.TOKEN, "p": Audience.PASS}  # by the first member of a text under a MAC
# Such a text, bound to the performance: letter, user, number, epoch, until_ms, joined_ms, end.
_TEXT = "{}.{}.{}.{}.{}.{}.{}".format
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOKEN_LIFE = timedelta(seconds=policy.TOKEN_SECONDS)


class Proof(NamedTuple):
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


class JoinTokens:
    """Writes the join tokens of one room at one moment; what they have in common is made once."""

    def __init__(self, performance_id: UUID, now: datetime) -> None:
        self._performance_id, self._now = performance_id, now
        self._expires_at = now + _TOKEN_LIFE
        self._exp = _whole_seconds(self._expires_at)
        key = writing_key("place")
        self._writer = None if key is None else TokenWriter(key, bound_to=performance_id)

    def sign(
        self, user_id: UUID, *, number: int, epoch: int, joined_ms: int, until_ms: int = 0
    ) -> str:
        """Return a join token; `until_ms`: the end of the session, of a place that had its turn."""
        if self._writer is not None:
            return self._writer.write(
                _TEXT("t", user_id.hex, number, epoch, until_ms, joined_ms, self._exp)
            )
        return _as_jwt(
            Proof(
                Audience.TOKEN,
                *(user_id, self._performance_id, number, epoch, until_ms, joined_ms),
                self._expires_at,
            ),
            self._now,
        )


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
    """Return one join token, as `JoinTokens.sign` does."""
    return JoinTokens(performance_id, now).sign(
        user_id, number=number, epoch=epoch, joined_ms=joined_ms, until_ms=until_ms
    )


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
    return _write(
        Proof(
            audience=Audience.PASS,
            user_id=user_id,
            performance_id=performance_id,
            number=number,
            epoch=epoch,
            until_ms=clock.to_ms(admitted_until),
            joined_ms=joined_ms,
            expires_at=admitted_until,
        ),
        now,
    )


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
    proof = _read(token, performance_id, now)
    if proof.performance_id != performance_id:
        raise QueueTokenInvalid
    if proof.audience is Audience.PASS and proof.until_ms <= clock.to_ms(now):
        raise QueueTokenExpired
    return proof


def _write(proof: Proof, now: datetime) -> str:
    """Return the token that says `proof`: Note [Forms of queue tokens]."""
    key = writing_key("place")
    if key is None:
        return _as_jwt(proof, now)
    letter = "t" if proof.audience is Audience.TOKEN else "p"
    text = _TEXT(
        letter, proof.user_id.hex, proof.number, proof.epoch, proof.until_ms, proof.joined_ms,
        _whole_seconds(proof.expires_at),
    )  # fmt: skip
    return write_token(key, text, bound_to=proof.performance_id)


def _read(token: str, performance_id: UUID, now: datetime) -> Proof:
    """Return what a token of either form says; raises QueueTokenExpired, QueueTokenInvalid."""
    try:
        key = named_key("place", token)
        if key is None:
            return read_jwt("queue", token, audiences=_OF_A_PLACE, read=_proof, now=now)
        text = read_token(key, token, bound_to=performance_id)
        proof = _proof_in(text, performance_id)
    except JwtExpired as error:
        raise QueueTokenExpired from error
    except (JwtInvalid, ValueError, LookupError, OverflowError) as error:
        raise QueueTokenInvalid from error
    if proof.expires_at <= now:
        raise QueueTokenExpired
    return proof


def _proof_in(text: str, performance_id: UUID) -> Proof:
    """Return the place that `_TEXT` wrote; raises ValueError, LookupError, OverflowError."""
    letter, user, number, epoch, until_ms, joined_ms, exp = text.split(".")
    return Proof(
        _AUDIENCES[letter],
        UUID(user),
        performance_id,
        int(number),
        int(epoch),
        int(until_ms),
        int(joined_ms),
        _UNIX_EPOCH + timedelta(seconds=int(exp)),
    )


def _whole_seconds(expires_at: datetime) -> int:
    return math.ceil(expires_at.timestamp())  # never before what the fan was promised


def _as_jwt(proof: Proof, now: datetime) -> str:
    claims = {
        "aud": proof.audience.value,
        "sub": str(proof.user_id),
        "performance": str(proof.performance_id),
        "number": proof.number,
        "epoch": proof.epoch,
        "joined_ms": proof.joined_ms,
        "iat": int(now.timestamp()),
        "exp": _whole_seconds(proof.expires_at),
    }
    if proof.until_ms:
        claims["until_ms"] = proof.until_ms
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
