"""Where django-allauth's flows meet our rules."""

from typing import Any, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import password_reset
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.base.response import ConflictResponse, RateLimitResponse
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import attempts, operations
from accounts.api import device_tokens
from accounts.models import USER_EMAIL_UNIQUE, User
from kernel.api.throttling import client_address
from kernel.db.integrity import violated_constraint
from kernel.db.transaction import transaction
from kernel.telemetry import security_log


class AccountAdapter(DefaultAccountAdapter):
    """Passwords that change end every login; two sign-ups at once make one account."""

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        with transaction():
            super().set_password(user, password)
            operations.end_sessions(user_ids=[user.pk])

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Count a try before it is judged, at the API and at the staff pages alike.

        See Note [Failed logins] in attempts.py; the settings turn allauth's own counting off.
        """
        email = str(credentials.get("email") or credentials.get("username") or "")
        client_ip = client_address(request)
        attempt = attempts.begin(
            email=User.objects.normalize_email(email),
            client_ip=client_ip,
            device_token=device_tokens.shown_by(request),
        )
        if attempt.is_refused:
            self._refuse(request, attempt, client_ip)
        try:
            user = super().authenticate(request, **credentials)
        except BaseException:
            attempts.take_back(attempt, succeeded=False)
            raise
        if user is None:
            security_log.record("login_failed", client_ip=client_ip)
        else:
            attempts.take_back(attempt, succeeded=True)
            device_tokens.give(request, attempt)
        return user

    def _refuse(self, request: HttpRequest, attempt: attempts.Attempt, client_ip: str) -> NoReturn:
        security_log.record("login_throttled", client_ip=client_ip, limit=attempt.route)
        request.login_refused = attempt  # type: ignore[attr-defined]  # see LoginLimits
        if attempt.route == "login" and hasattr(getattr(request, "allauth", None), "headless"):
            raise ImmediateHttpResponse(RateLimitResponse(request))
        raise self.validation_error("too_many_login_attempts")

    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: Any, commit: bool = True
    ) -> AbstractBaseUser:
        try:
            return super().save_user(request, user, form, commit)
        except IntegrityError as error:
            if violated_constraint(error) != USER_EMAIL_UNIQUE:
                raise
            raise ImmediateHttpResponse(ConflictResponse(request)) from error


@receiver(password_reset)
def know_who_reads_the_mail(request: HttpRequest, user: User, **_: Any) -> None:
    """Let whoever has just reset the password by mail log in from where he is."""
    attempts.know(email=user.email, client_ip=client_address(request))
