"""The adapter by which django-allauth encrypts the secrets of second factors."""

import base64
from functools import cache

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser


class MFAAdapter(DefaultMFAAdapter):
    """Encrypt secrets by a key derived from SECRET_KEY; SECRET_KEY_FALLBACKS still decrypt."""

    def encrypt(self, text: str) -> str:
        return (
            _cipher(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
            .encrypt(text.encode())
            .decode()
        )

    def decrypt(self, encrypted_text: str) -> str:
        return (
            _cipher(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
            .decrypt(encrypted_text.encode())
            .decode()
        )

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        return str(user)

    def get_totp_issuer(self) -> str:
        """Return the name that an app shows; allauth would take the Host of the request."""
        return "Frontrow"


@cache
def _cipher(*secrets: str) -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in secrets])


def _key(secret: str) -> bytes:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"frontrow second factor")
    return base64.urlsafe_b64encode(derive.derive(secret.encode()))
