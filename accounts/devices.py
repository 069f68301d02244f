"""Device tokens: a device shows by one that an account was logged in to from it.

Note [Device tokens]
After OWASP's device cookies. A successful login gives the client a token, signed and bound to the
account; a client that shows it later is counted separately from everybody else who tries that
account's password (Note [Failed logins]), so nobody can lock its owner out of it. It proves nothing
more: it is no login and replaces no password. It goes in a cookie, which browsers and most HTTP
libraries keep by themselves, and in the header `X-Device-Token`, which an app without a cookie jar
keeps and sends instead. A device that several people use keeps the tokens of the last few.
"""

import secrets
from dataclasses import dataclass

from django.core.signing import BadSignature, TimestampSigner

from accounts import policy

HEADER = "X-Device-Token"
_LONGEST = 1024  # characters
_BETWEEN = "~"


@dataclass(frozen=True, slots=True)
class Device:
    """A client as one account sees it: `name` if the account was used there before, all tokens."""

    name: str | None
    tokens: tuple[str, ...] = ()


def read(raw: str, *, account: str) -> Device:
    """Return the device that sent `raw`, a value of ours or any other text."""
    if not raw or len(raw) > _LONGEST:
        return Device(None)
    tokens = tuple(raw.split(_BETWEEN))[: policy.DEVICES_IN_A_TOKEN]
    return Device(next(filter(None, (_name(token, account) for token in tokens)), None), tokens)


def remember(device: Device, *, account: str) -> str:
    """Return the value that the device shows from now on; other people's tokens stay in it."""
    others = [token for token in device.tokens if _name(token, account) is None]
    name = device.name or secrets.token_urlsafe(12)
    own = _signer(account).sign(name)
    return _BETWEEN.join([own, *others][: policy.DEVICES_IN_A_TOKEN])


def _name(token: str, account: str) -> str | None:
    try:
        return _signer(account).unsign(token, max_age=policy.DEVICE_SECONDS)
    except BadSignature:
        return None


def _signer(account: str) -> TimestampSigner:
    return TimestampSigner(salt=f"accounts.device:{account}")
