"""The text of a ticket's QR code: written and read.

Note [QR payload]
81 bytes in base 45, 122 characters of QR's alphanumeric mode: with error correction M exactly a
code of version 5, 37 modules wide, which a cheap camera reads tilted and from a dim screen.

| bytes | what |
|---|---|
| 1 | version, 1 |
| 3 | expiry, in hours since 1970, rounded up |
| 1 | the first byte of the SHA-256 of the key's `kid` |
| 4 | the first bytes of the SHA-256 of the performance's id (its 16 bytes) |
| 8 | the ticket's code as a number in base 32, which names the ticket |
| 64 | Ed25519 over the 17 bytes before, by a key of the use "ticket" |

It is made whenever the ticket is read: nothing secret is stored, a rotated key shows at the next
look, and a door can tell a forgery without the network. The text is the same at every reading with
the same key. Whether the ticket is still valid only the database knows. No other message signed for
this use begins with the byte 1 (a JWS begins with "ey"). No such text begins or ends with a blank,
so nothing on its way trims one: the first group are the version and the high byte of the expiry,
and the last group is a single byte.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from kernel.signing.keyring import ring
from kernel.text import base45
from tickets.policy import CODE_ALPHABET, CODE_LENGTH

LENGTH = 122  # characters
_VERSION = b"\x01"
_PAYLOAD, _SIGNED = 17, 81  # bytes
_BITS = 5  # of a character of the code


class QrInvalid(Exception):
    """The text isn't ours: malformed, forged, or signed by a key that is gone."""


@dataclass(frozen=True, slots=True)
class QrProof:
    """What a genuine QR payload says; `performance_tag` as `performance_tag` makes it."""

    code: str
    performance_tag: bytes
    expires_at: datetime


def write(*, code: str, performance_id: UUID, expires_at: datetime) -> str:
    """Return the signed text of a ticket's QR code (Note [QR payload])."""
    key = ring().signing["ticket"]
    hours = -int(-expires_at.timestamp() // 3600)
    payload = b"".join(
        (
            _VERSION,
            hours.to_bytes(3, "big"),
            _key_tag(key.kid),
            performance_tag(performance_id),
            _number_of(code).to_bytes(8, "big"),
        )
    )
    return base45.encode(payload + key.sign(payload))


def read(text: str) -> QrProof:
    """Return what a text says that `write` made, expired or not; raises `QrInvalid`."""
    if len(text) != LENGTH:
        raise QrInvalid
    try:
        data = base45.decode(text)
    except ValueError:
        raise QrInvalid from None
    payload, signature = data[:_PAYLOAD], data[_PAYLOAD:]
    if len(data) != _SIGNED or payload[:1] != _VERSION or not _is_signed(payload, signature):
        raise QrInvalid
    return QrProof(
        code=_code_of(int.from_bytes(payload[9:], "big")),
        performance_tag=payload[5:9],
        expires_at=datetime.fromtimestamp(0, UTC)
        + timedelta(hours=int.from_bytes(payload[1:4], "big")),
    )


def performance_tag(performance_id: UUID) -> bytes:
    """Return by which four bytes a payload names its performance."""
    return sha256(performance_id.bytes).digest()[:4]


def _is_signed(payload: bytes, signature: bytes) -> bool:
    for key in ring().verifying["ticket"].values():
        if _key_tag(key.kid) == payload[4:5]:
            try:
                key.verify(signature, payload)
            except ValueError:
                continue
            return True
    return False


def _key_tag(kid: str) -> bytes:
    return sha256(kid.encode()).digest()[:1]


def _number_of(code: str) -> int:
    number = 0
    for character in code:
        number = number << _BITS | CODE_ALPHABET.index(character)
    return number


def _code_of(number: int) -> str:
    shifts = range(_BITS * (CODE_LENGTH - 1), -1, -_BITS)
    return "".join(CODE_ALPHABET[number >> shift & 31] for shift in shifts)
