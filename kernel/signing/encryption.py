"""Secrets that the site has to read again, encrypted in its tables.

Each purpose has a key of its own, derived from `SECRET_KEY`; what was encrypted under one of
`SECRET_KEY_FALLBACKS` is still read.
"""

import base64
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(ValueError):
    """It was encrypted for another purpose or under another key, or somebody changed it."""


def encrypt(text: str, *, purpose: str) -> str:
    """Return the text encrypted and authenticated (Fernet), for the same purpose to read."""
    return _cipher(purpose, settings.SECRET_KEY).encrypt(text.encode()).decode()


def decrypt(encrypted: str, *, purpose: str) -> str:
    """Return what `encrypt` was given for this purpose; raises `Unreadable`."""
    cipher = _cipher(purpose, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    try:
        return cipher.decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise Unreadable(f"not of purpose {purpose!r} and a key in force") from None


@cache
def _cipher(purpose: str, *secrets: str) -> MultiFernet:
    return MultiFernet([Fernet(_key(purpose, secret)) for secret in secrets])


def _key(purpose: str, secret: str) -> bytes:
    info = f"frontrow {purpose}".encode()
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=info)
    return base64.urlsafe_b64encode(derive.derive(secret.encode()))
