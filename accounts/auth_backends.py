"""The authentication backend: e-mail address and password."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts import email_addresses, passwords, queries
from accounts.models import User


class EmailBackend(AuthenticationBackend):
    """Accept verified e-mail addresses only: see Note [Whose address] in `models.py`.

    The backends after this one in the settings are never reached; they are there so that the
    sessions which they began go on.
    """

    def authenticate(
        self, request: HttpRequest | None, **credentials: Any
    ) -> AbstractBaseUser | None:
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if user is None:
            raise PermissionDenied
        return user

    def _authenticate_by_email(self, email: str, password: str) -> AbstractBaseUser | None:
        owner = queries.owner_of(email_addresses.normalize_or_keep(email))
        checked: AbstractBaseUser | None = self._check_password(owner, password)
        return checked

    def _mitigate_timing_attack(self, password: str) -> None:
        """Hash as often where there is no account as where there is one."""
        for form in passwords.forms(password):
            User().set_password(form)
