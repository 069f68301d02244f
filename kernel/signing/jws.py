"""Compact JWS (RFC 7515, EdDSA) over public documents, by the current signing key of a use."""

from kernel.signing.keyring import ring
from kernel.text import base64url


def signature_over(body: bytes, *, use: str) -> str:
    """Return the compact JWS over a document's bytes; the key's `kid` stands in its header."""
    key = ring().signing[use]
    signed = f"{key.header}.{base64url.encode(body)}"
    return f"{signed}.{base64url.encode(key.sign(signed.encode()))}"
