"""Where django-allauth's flows meet our rules."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.base.response import ConflictResponse
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError
from django.http import HttpRequest

from accounts import operations
from accounts.models import USER_EMAIL_UNIQUE
from kernel.db.integrity import violated_constraint
from kernel.db.transaction import transaction


class AccountAdapter(DefaultAccountAdapter):
    """Passwords that change end every login; two sign-ups at once make one account."""

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        with transaction():
            super().set_password(user, password)
            operations.end_sessions(user_ids=[user.pk])

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count by address alone; allauth's key has the host in it, whose port callers choose."""
        return str(credentials.get("email") or credentials.get("username") or "").lower()

    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: Any, commit: bool = True
    ) -> AbstractBaseUser:
        try:
            return super().save_user(request, user, form, commit)
        except IntegrityError as error:
            if violated_constraint(error) != USER_EMAIL_UNIQUE:
                raise
            raise ImmediateHttpResponse(ConflictResponse(request)) from error
