"""Addresses of a person's account, after the language and `account/`: django-allauth's own views.

Only those whose templates and forms are ours (`templates/account/`, `accounts/forms.py`). The pages
that set a second factor up are ours altogether (`views/second_factor.py`).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import views
from allauth.mfa.base import views as mfa
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.generic import RedirectView

from accounts.api.inputs import drop_stale_reset
from storefront.views import passkeys, provider, second_factor
from storefront.views.provider import leads_to_provider


def _fresh(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let a code that no longer counts be none (Note [Codes and what they were sent for])."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        drop_stale_reset(request)
        return view(request, *args, **kwargs)

    return checked


urlpatterns = [
    path("login/", leads_to_provider(views.login), name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("signup/", leads_to_provider(views.signup), name="account_signup"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("email/", views.email, name="account_email"),
    path("confirm-email/", views.email_verification_sent, name="account_email_verification_sent"),
    path("password/change/", views.password_change, name="account_change_password"),
    # Who has none proves the mailbox first.
    path(
        "password/set/",
        RedirectView.as_view(pattern_name="account_reset_password"),
        name="account_set_password",
    ),
    path("password/reset/", views.password_reset, name="account_reset_password"),
    path(
        "password/reset/confirm/",
        _fresh(views.confirm_password_reset_code),
        name="account_confirm_password_reset_code",
    ),
    path(
        "password/reset/complete/",
        _fresh(views.complete_password_reset),
        name="account_complete_password_reset",
    ),
    path(
        "password/reset/done/",
        views.password_reset_from_key_done,
        name="account_password_reset_completed",
    ),
    path("provider/", provider.home, name="account-provider"),
    path("provider/login/", provider.log_in, name="account-provider-login"),
    path("provider/callback/", provider.callback, name="account-provider-callback"),
    path("provider/failed/", provider.failed, name="account-provider-failed"),
    path("2fa/", second_factor.home, name="account-second-factor"),
    path("2fa/set-up/", second_factor.set_up, name="account-second-factor-set-up"),
    path("2fa/recovery-codes/", second_factor.renew, name="account-second-factor-renew"),
    path("2fa/remove/", second_factor.remove, name="account-second-factor-remove"),
    path("2fa/passkeys/", passkeys.home, name="account-passkeys"),
    path("2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("2fa/reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
]
