"""Verify the QR code of a ticket without the network: one public key set, no other server."""

from base64 import urlsafe_b64decode
from contextlib import suppress
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"  # RFC 9285
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's


def verify(text, jwks, performance_id, now):
    """Return the code of a genuine ticket, or raise ValueError or OverflowError.

    `jwks` is the document at /.well-known/jwks.json, `now` Unix seconds.
    """
    values = [BASE45.index(character) for character in text]
    groups = [values[start : start + 3] for start in range(0, 122, 3)]
    numbers = [(sum(v * 45**i for i, v in enumerate(group)), len(group) - 1) for group in groups]
    data = b"".join(number.to_bytes(length, "big") for number, length in numbers)
    payload, signature = data[:17], data[17:]
    for key in [key for key in jwks["keys"] if key["frontrow_use"] == "ticket"]:
        public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "="))
        with suppress(InvalidSignature):
            public.verify(signature, payload)
            break
    else:
        raise ValueError("not signed by us")
    if len(text) != 122 or payload[0] != 1:
        raise ValueError("of another version")
    if payload[5:9] != sha256(performance_id.bytes).digest()[:4]:
        raise ValueError("for another performance")
    if int.from_bytes(payload[1:4], "big") * 3600 <= now:
        raise ValueError("expired")
    code = int.from_bytes(payload[9:], "big")
    return "".join(BASE32[code >> shift & 31] for shift in range(55, -1, -5))
