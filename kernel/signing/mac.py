"""Tokens under a MAC of this site: written and checked by those who have the key ring.

Note [MAC tokens]
A token is `<kid>.<text>.<mac>`, as a signed cookie is: the key's id, a text in the clear, and the
MAC of both, of the issuer and of the thing that the token is bound to, in base64url. It is for what
only we read: who can check one can write one, so no such key is published. The kid is looked up
among those of one use; nothing else in a token is read before its MAC has been found right, in
constant time. The MAC covers every character before it and is compared as the text that we would
write: so each token is one text, and no decoder's leniency is in question.

A check costs less than twice what it costs to look a token up among the known ones (Note [Known
tokens] in jwt.py), the first time too, and needs no memory; so these are not remembered.
"""

from collections.abc import Mapping
from hmac import compare_digest
from uuid import UUID

from django.conf import settings

from kernel.from_settings import from_settings
from kernel.signing.keyring import MacKey, MacUse, ring
from kernel.text import base64url

_MAX_LENGTH = 1024  # characters; ours have about 110
_NOTHING = bytes(16)  # what a text is bound to that says all of it itself


class MacInvalid(ValueError):
    """The token isn't ours: malformed, forged, of another use, thing or issuer."""


def writing_key(use: MacUse) -> MacKey | None:
    """Return the current key of `use`; None for a ring that has none yet."""
    return ring().writing.get(use)


def named_key(use: MacUse, token: str) -> MacKey | None:
    """Return the key of `use` that `token` names, if it names one; nothing is checked yet."""
    keys = ring().checking.get(use)
    return keys.get(token.partition(".")[0]) if keys else None


def write_mac(use: MacUse, text: str) -> str | None:
    """Return `<kid>.<mac>` for a text that is kept elsewhere; None while the ring has no key."""
    key = writing_key(use)
    return None if key is None else _kid_and_mac(key, text)


def is_mac(keys: Mapping[str, MacKey], shown: str, text: str) -> bool:
    """Return whether one of `keys` (of a use, by kid) wrote `shown` for this text (`write_mac`)."""
    key = keys.get(shown.partition(".")[0])
    if key is None or not shown.isascii():
        return False
    return compare_digest(shown, _kid_and_mac(key, text))


class TokenWriter:
    """Writes tokens of one thing by one key; what they have in common is hashed once."""

    __slots__ = ("_begun", "_kid")

    def __init__(self, key: MacKey, *, bound_to: UUID) -> None:
        self._kid, self._begun = key.kid, key.begun(_covered(bound_to.bytes))

    def write(self, text: str) -> str:
        """Return a token that says `text` of the thing, which it doesn't name itself."""
        head = f"{self._kid}.{text}"
        mac = self._begun.copy()
        mac.update(head.encode())
        return f"{head}.{base64url.encode(mac.digest())}"


def write_token(key: MacKey, text: str, *, bound_to: UUID) -> str:
    """Return a token that says `text` of the thing `bound_to`, which it doesn't name itself."""
    return TokenWriter(key, bound_to=bound_to).write(text)


def read_token(key: MacKey, token: str, *, bound_to: UUID) -> str:
    """Return the text of a token that `key` wrote of the thing `bound_to`; raises MacInvalid."""
    if len(token) > _MAX_LENGTH or not token.isascii():
        raise MacInvalid("too long, or not ASCII")
    head, _, shown = token.rpartition(".")
    kid, _, text = head.partition(".")
    if not compare_digest(shown, _mac(key, head, bound_to.bytes)) or kid != key.kid:
        raise MacInvalid("wrong MAC")
    return text


def _kid_and_mac(key: MacKey, text: str) -> str:
    return f"{key.kid}.{_mac(key, f'{key.kid}.{text}', _NOTHING)}"


def _mac(key: MacKey, head: str, bound_to: bytes) -> str:
    return base64url.encode(key.mac(_covered(bound_to) + head.encode()))


def _covered(bound_to: bytes) -> bytes:
    """Return what is hashed before a head: its sixteen bytes keep tokens of two things apart."""
    return b"%b|%b" % (_issuer(), bound_to)


@from_settings
def _issuer() -> bytes:
    return bytes(settings.TOKEN_ISSUER.encode())
