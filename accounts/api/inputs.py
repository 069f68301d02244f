"""Inputs of django-allauth's login API, with our rules of who owns an e-mail address.

Note [Codes and what they were sent for]
A code to reset a password is kept in the session that requested it. It counts while the e-mail
address it was mailed to is still the person's and the password still the same: a new e-mail address
set by staff, or a password changed elsewhere, ends every code on its way.
"""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.password_reset_by_code import PasswordResetVerificationProcess
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.account import inputs
from allauth.headless.base.response import ConflictResponse
from allauth.headless.mfa import inputs as mfa_inputs
from django.conf import settings
from django.http import HttpRequest

from accounts import codes, queries
from accounts.models import User
from accounts.operations import EmailTaken
from accounts.usecases import email_ownership
from kernel import clock
from kernel.i18n import is_korean

_PASSWORD_THEN = "password_then"  # noqa: S105  (a name)


class SignupInput(inputs.SignupInput):
    """Let everybody claim every e-mail address where mail proves it: Note [Whose address]."""

    def validate_unique_email(self, value: str) -> str:
        if not settings.SIGN_UP_CONFIRMED_BY_MAIL and queries.is_email_taken(value):
            raise get_adapter().validation_error("email_taken")
        return value

    def save(self, request: HttpRequest) -> User:
        try:
            return email_ownership.sign_up(
                email=self.cleaned_data["email"],
                password=self.cleaned_data["password"],
                language="ko" if is_korean() else "en",  # as the request asks for
                proved=not settings.SIGN_UP_CONFIRMED_BY_MAIL,
            )
        except EmailTaken:
            raise ImmediateHttpResponse(ConflictResponse(request)) from None


class AddEmailInput(inputs.AddEmailInput):
    """Refuse a taken e-mail address where sign-up does too; elsewhere its owner gets a letter."""

    def clean_email(self) -> str:
        value: str = super().clean_email()
        if not settings.SIGN_UP_CONFIRMED_BY_MAIL and queries.is_email_taken(value):
            raise get_adapter().validation_error("email_taken")
        return value


class RequestPasswordResetInput(inputs.RequestPasswordResetInput):
    """Mail a code to the owner of the e-mail address only, at the address as it is kept."""

    def clean_email(self) -> str:
        email: str = get_adapter().clean_email(self.cleaned_data["email"])
        owner = queries.owner_of(email)
        self.owner = owner if owner is not None and owner.is_active else None
        return email

    def save(self, request: HttpRequest, **_: Any) -> str:
        email: str = self.cleaned_data["email"]
        process = PasswordResetVerificationProcess.initiate(
            request=request, user=self.owner, email=email
        )
        if self.owner is not None:
            process.state[_PASSWORD_THEN] = self.owner.get_session_auth_hash()
            process.persist()
        return email


def drop_stale_reset(request: HttpRequest) -> None:
    """Drop a code that no longer counts: Note [Codes and what they were sent for]."""
    process = PasswordResetVerificationProcess.resume(request)
    if process is None or process.user is None:
        return
    if not queries.owns(process.user.pk, process.state["email"]) or (
        process.state.get(_PASSWORD_THEN) != process.user.get_session_auth_hash()
    ):
        process.abort()


class AuthenticateInput(mfa_inputs.AuthenticateInput):
    """Judge a code as the staff pages do."""

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        self.authenticator = codes.judge(context.request, self.user, code, now=clock.now())
        return code


class ReauthenticateInput(mfa_inputs.ReauthenticateInput):
    """Judge a code of a person who is logged in."""

    clean_code = AuthenticateInput.clean_code
