"""Views of django-allauth's login API with our own inputs and rules."""

from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.headless.account import views
from allauth.headless.mfa import views as mfa_views
from django.http import HttpRequest, HttpResponseBase

from accounts.api import inputs
from accounts.usecases import email_ownership


class SignupView(views.SignupView):
    """Sign up."""

    input_class = {"POST": inputs.SignupInput}


class RequestPasswordResetView(views.RequestPasswordResetView):
    """Request a code."""

    input_class = inputs.RequestPasswordResetInput


class ResetPasswordView(views.ResetPasswordView):
    """Set a password by a code that still counts."""

    def handle(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        inputs.drop_stale_reset(request)
        response: HttpResponseBase = super().handle(request, *args, **kwargs)
        return response


class ManageEmailView(views.ManageEmailView):
    """Add, choose and remove e-mail addresses: after a recent login, one change at a time."""

    input_class = views.ManageEmailView.input_class | {"POST": inputs.AddEmailInput}

    def handle(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" or not request.user.is_authenticated:
            shown: HttpResponseBase = super().handle(request, *args, **kwargs)
            return shown
        raise_if_reauthentication_required(request, app="allauth.account")
        with email_ownership.changing(user_id=request.user.pk):
            changed: HttpResponseBase = super().handle(request, *args, **kwargs)
            return changed


class AuthenticateView(mfa_views.AuthenticateView):
    """Take the code of a login's second factor."""

    input_class = inputs.AuthenticateInput


class ReauthenticateView(mfa_views.ReauthenticateView):
    """Reauthenticate by a code."""

    input_class = inputs.ReauthenticateInput
