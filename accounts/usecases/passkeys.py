"""The use cases of passkeys: add one, prove oneself by one, remove one.

Note [Passkeys]
A passkey (WebAuthn) takes the place of a code at a login on pages; it never takes that of the
password. It stands beside an authenticator app and its recovery codes, so that a lost device shuts
nobody out, and goes with them. What a browser made is judged by the challenge that waits in the
session, which opens once; the library checks origin, signature and that the key is the person's.
An attempt is counted before it is judged, like a code (`codes.py`). Nothing here is secret: the row
has a public key.
"""

import struct
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.core.exceptions import ValidationError

from accounts import locking, notices
from accounts.errors import NotSetUp
from accounts.models import User
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text

MOST = 10
# What the parsers of foreign bytes raise (JSON's shape, base64, CBOR, DER).
_MALFORMED = (
    ValidationError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    NotImplementedError,
    struct.error,
)


class PasskeyInvalid(DomainError):
    """It is not what the challenge asked for, or not a key of this person."""

    code = "passkey_invalid"
    kind = Kind.INVALID
    message = text(
        en="This passkey was not accepted. Please try again.",
        ko="패스키를 확인할 수 없습니다. 다시 시도해 주세요.",
    )


class PasskeyLimit(DomainError):
    """The person has as many passkeys as an account may have."""

    code = "passkey_limit"
    kind = Kind.CONFLICT
    message = text(
        en="You have as many passkeys as an account may have. Remove one first.",
        ko="등록할 수 있는 패스키 수를 모두 사용했습니다. 먼저 하나를 삭제해 주세요.",
    )


def begin_adding(user: User) -> dict[str, Any]:
    """Return what the browser needs to make a passkey; the challenge waits in the session."""
    options: dict[str, Any] = auth.begin_registration(user, passwordless=False)
    return options


def begin_proving(user: User) -> dict[str, Any]:
    """Return what the browser needs to use one of the person's passkeys, as above."""
    options: dict[str, Any] = auth.begin_authentication(user)
    return options


def add(*, user_id: UUID, name: str, credential: Mapping[str, Any], now: datetime) -> None:
    """Keep a passkey that the browser has made for the challenge in the session.

    The caller has a recent login. Raises `PasskeyInvalid`, `PasskeyLimit`, `NotSetUp`.
    """
    kept = _registration(credential)
    with transaction():
        (user,) = locking.lock_users(user_ids=[user_id])
        if Authenticator.Type.TOTP not in locking.lock_factors(user_id=user_id):
            raise NotSetUp
        mine = Authenticator.objects.filter(user_id=user_id, type=Authenticator.Type.WEBAUTHN)
        if mine.count() >= MOST:
            raise PasskeyLimit
        auth.WebAuthn.add(user, name, kept)
        _notify("account/email/passkey_added", user, now=now)


def prove(user: User, credential: Mapping[str, Any]) -> Authenticator:
    """Return the passkey of the person that the browser has used. Raises `PasskeyInvalid`."""
    try:
        auth.parse_authentication_response(credential)
        return auth.complete_authentication(user, credential)
    except _MALFORMED:
        raise PasskeyInvalid from None


def remove(*, user_id: UUID, passkey_id: int, now: datetime) -> bool:
    """Remove a passkey of the person; return whether there was one."""
    with transaction():
        (user,) = locking.lock_users(user_ids=[user_id])
        row = Authenticator.objects.filter(
            pk=passkey_id, user_id=user_id, type=Authenticator.Type.WEBAUTHN
        ).first()
        if row is None:
            return False
        row.delete()
        _notify("account/email/passkey_removed", user, now=now)
    return True


def _registration(credential: Mapping[str, Any]) -> dict[str, Any]:
    """Judge what a browser has made; return the part of it that is kept."""
    try:
        auth.parse_registration_response(credential)
        auth.complete_registration(credential)
        response = credential["response"]
        return {
            "type": "public-key",
            "id": credential["id"],
            "rawId": credential["rawId"],
            "response": {name: response[name] for name in ("clientDataJSON", "attestationObject")},
            "clientExtensionResults": {},
        }
    except _MALFORMED:
        raise PasskeyInvalid from None


def _notify(template: str, user: User, *, now: datetime) -> None:
    if user.email:
        notices.send(template, user.email, {"timestamp": now})
