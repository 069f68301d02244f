"""Base64url without padding (RFC 7515, section 2), in its one canonical spelling.

Note [Canonical base64]
A decoder that is lenient takes several texts for the same bytes: other last characters, padding,
white space. Whatever remembers, counts or withdraws a token by its text would take those for other
tokens. So each of our tokens is one text, and every other is refused.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def encode(data: bytes) -> str:
    """Return the text of `data`."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    """Return the bytes that `encode` writes as `segment`; raises ValueError for other texts."""
    data = urlsafe_b64decode(segment.encode() + b"=" * (-len(segment) % 4))
    if encode(data) != segment:
        raise ValueError("not canonical")
    return data
