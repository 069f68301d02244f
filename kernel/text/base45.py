"""Base 45 (RFC 9285): bytes as text that a QR code stores in 5.5 bits a character.

A decoder of ours is strict: each text that it takes is the one that `encode` writes.
"""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"  # of QR's alphanumeric mode
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_BASE = len(ALPHABET)


def encode(data: bytes) -> str:
    """Return the text of `data`: three characters for two bytes, two for a last one."""
    groups = (data[start : start + 2] for start in range(0, len(data), 2))
    return "".join(_encode_group(int.from_bytes(group, "big"), len(group) + 1) for group in groups)


def decode(text: str) -> bytes:
    """Return the bytes that `encode` writes as `text`; raises ValueError for other texts."""
    try:
        values = [_VALUES[character] for character in text]
    except KeyError:
        raise ValueError("not base 45") from None
    groups = (values[start : start + 3] for start in range(0, len(values), 3))
    return b"".join(_decode_group(group) for group in groups)


def _encode_group(number: int, length: int) -> str:
    characters = ""
    for _ in range(length):
        number, value = divmod(number, _BASE)
        characters += ALPHABET[value]
    return characters


def _decode_group(values: list[int]) -> bytes:
    if len(values) == 1:
        raise ValueError("a character too many")
    number = 0
    for value in reversed(values):
        number = number * _BASE + value
    try:
        return number.to_bytes(len(values) - 1, "big")
    except OverflowError:
        raise ValueError("no group of base 45") from None
