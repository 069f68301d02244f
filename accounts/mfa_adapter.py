"""The adapter by which django-allauth encrypts the secrets of second factors."""

from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib.auth.base_user import AbstractBaseUser

from kernel.signing import encryption

_PURPOSE = "second factor"


class MFAAdapter(DefaultMFAAdapter):
    """Encrypt secrets by a key derived from SECRET_KEY; SECRET_KEY_FALLBACKS still decrypt."""

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text, purpose=_PURPOSE)

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(encrypted_text, purpose=_PURPOSE)

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        return str(user)

    def get_totp_issuer(self) -> str:
        """Return the name that an app shows; allauth would take the Host of the request."""
        return "Frontrow"
