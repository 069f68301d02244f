"""Base64url without padding (RFC 7515, section 2), in its one canonical spelling.

Note [Canonical base64]
A decoder that is lenient takes several texts for the same bytes: other last characters, padding,
white space. Whatever remembers, counts or withdraws a token by its text would take those for other
tokens. So each of our tokens is one text, and every other is refused.
"""

from binascii import a2b_base64, b2a_base64

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")  # `!`: of no alphabet, so it is never read back


def encode(data: bytes) -> str:
    """Return the text of `data`."""
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    """Return the bytes that `encode` writes as `segment`; raises ValueError for other texts."""
    plain = segment.encode().translate(_FROM_URL)
    data = a2b_base64(plain + b"==")  # lenient, also about padding that is too much
    if b2a_base64(data, newline=False).rstrip(b"=") != plain:
        raise ValueError("not canonical")
    return data
