"""Forms of django-allauth's pages, with our rules of who owns an e-mail address.

They judge as the inputs of the login API do (`api/inputs.py`).
"""

import json
from typing import Any

from allauth.account import forms
from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as passkey_forms
from django import forms as django_forms
from django.conf import settings
from django.http import HttpRequest

from accounts import codes, queries
from accounts.api.inputs import RequestPasswordResetInput
from accounts.models import User
from accounts.usecases import email_ownership, passkeys
from kernel import clock
from kernel.i18n import is_korean

_LONGEST_CREDENTIAL = 16 * 1024


class SignupForm(forms.SignupForm):
    """Let everybody claim every e-mail address where mail proves it: Note [Whose address]."""

    account_already_exists = False

    def validate_unique_email(self, value: str) -> str:
        if not settings.SIGN_UP_CONFIRMED_BY_MAIL and queries.is_email_taken(value):
            raise get_adapter().validation_error("email_taken")
        return value

    def save(self, request: HttpRequest) -> User:
        """Make the person. Raises EmailTaken."""
        return email_ownership.sign_up(
            email=self.cleaned_data["email"],
            password=self.cleaned_data["password1"],
            language="ko" if is_korean() else "en",  # that of the page
            proved=not settings.SIGN_UP_CONFIRMED_BY_MAIL,
        )


class AddEmailForm(forms.AddEmailForm):
    """Refuse a taken e-mail address where sign-up does too; elsewhere its owner gets a letter."""

    def clean_email(self) -> str:
        value: str = super().clean_email()
        if not settings.SIGN_UP_CONFIRMED_BY_MAIL and queries.is_email_taken(value):
            raise get_adapter().validation_error("email_taken")
        return value


class ResetPasswordForm(forms.ResetPasswordForm):
    """Mail a code to the owner of the e-mail address only, at the address as it is kept."""

    clean_email = RequestPasswordResetInput.clean_email
    save = RequestPasswordResetInput.save


class _Coded:
    """Judge a code as the staff pages do."""

    cleaned_data: dict[str, Any]
    user: User

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        self.authenticator = codes.judge(context.request, self.user, code, now=clock.now())
        return code


class AuthenticateForm(_Coded, mfa_forms.AuthenticateForm):
    """The second step of a login."""


class ReauthenticateForm(_Coded, mfa_forms.ReauthenticateForm):
    """A code of a person who is logged in."""


class CredentialField(django_forms.CharField):
    """What a browser's authenticator has made: a JSON object, short before it is parsed."""

    widget = django_forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(max_length=_LONGEST_CREDENTIAL)

    def clean(self, value: Any) -> Any:
        """Return the object. Raises ValidationError for what is none."""
        try:
            found = json.loads(super().clean(value))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise django_forms.ValidationError(passkeys.PasskeyInvalid.message, code="invalid")
        return found


class AuthenticateByPasskeyForm(passkey_forms.AuthenticateWebAuthnForm):
    """The second step of a login, by a passkey in place of a code."""

    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        """Return the passkey; it is counted and judged as a code is."""
        return codes.judge_passkey(context.request, self.user, self.cleaned_data["credential"])
