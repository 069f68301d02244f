"""The adapter by which django-allauth encrypts the secrets of second factors."""

from typing import Any

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

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return whose passkeys these are: this host's, by the name that a device shows."""
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": self.get_totp_issuer()}

    def get_public_key_credential_user_entity(self, user: AbstractBaseUser) -> dict[str, Any]:
        """Return whom a device shows: the e-mail address, as an authenticator app does."""
        named: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return named | {"display_name": str(user), "name": str(user)}

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        return str(user)

    def get_totp_issuer(self) -> str:
        """Return the name that an app shows; allauth would take the Host of the request."""
        return "Frontrow"
