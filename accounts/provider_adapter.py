"""The adapter of django-allauth's sign-in by a provider: what a way back from it leads to.

All of it is decided here, by our use cases (Note [Sign-in provider] in usecases/providers.py):
allauth's own would take a form for what is missing, and keep in a session whom it has found.
"""

import logging
from collections.abc import Mapping
from typing import Any, NoReturn

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import Provider
from allauth.socialaccount.providers.base.constants import AuthError, AuthProcess
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts import own_account
from accounts.errors import AccountClosed
from accounts.models import User
from accounts.oidc_calls import SignInFailed
from accounts.operations import EmailTaken
from accounts.sessions import sid_of
from accounts.usecases import providers
from kernel import clock
from kernel.caller import client_ip_of
from kernel.i18n import is_korean
from kernel.telemetry import security_log

log = logging.getLogger(__name__)

HOME, FAILED = "account-provider", "account-provider-failed"  # pages' names
STARTED_BY = "started_by"  # in the state of a sign-in: who connects
_PASSING = {"temporarily_unavailable", "server_error"}  # what OAuth 2.0 calls a provider's trouble


class ProviderAdapter(DefaultSocialAccountAdapter):
    """One provider, that of the settings; nobody is known by an e-mail address."""

    def list_apps(
        self, request: HttpRequest | None, provider: str | None = None, client_id: Any = None
    ) -> list[SocialApp]:
        """Return the provider of the settings; rows make none."""
        found = settings.OIDC_PROVIDER
        if found is None or client_id not in (None, found["client_id"]):
            return []
        if provider not in (None, "openid_connect", found["id"]):
            return []
        app = SocialApp(
            provider="openid_connect",
            provider_id=found["id"],
            name=found["name_ko" if is_korean() else "name_en"],
            client_id=found["client_id"],
            secret=found["client_secret"],
            settings={"server_url": found["server_url"]},
        )
        return [app]

    def list_providers(self, request: HttpRequest) -> list[Provider]:
        """Return none: the app API, which asks, has no calls for them."""
        return []

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        return False

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Any) -> Any:
        """Take nothing over: a name at the provider is no name on tickets."""
        return sociallogin.user

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> NoReturn:
        """Decide what a way back leads to. Raises `SignInFailed`, or what allauth responds."""
        process = sociallogin.state.get("process")
        if process == AuthProcess.CONNECT:
            raise ImmediateHttpResponse(_connect(request, sociallogin))
        if process == AuthProcess.LOGIN:
            raise ImmediateHttpResponse(_log_in(request, sociallogin))
        raise SignInFailed("failed", "a process that is none of ours")

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Provider,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: Mapping[str, Any] | None = None,
    ) -> NoReturn:
        """Lead to the page that says what happened and what to do."""
        state = (extra_context or {}).get("state")
        if isinstance(exception, SignInFailed):
            failed = exception
        elif state is None:
            failed = SignInFailed("expired", "no such state")
        elif error == AuthError.CANCELLED:
            failed = SignInFailed("cancelled")
        elif request.GET.get("error") in _PASSING:
            failed = SignInFailed("unavailable", "the provider said so")
        else:
            failed = SignInFailed("failed", type(exception).__name__ if exception else "refused")
        raise ImmediateHttpResponse(lead_to_failure(request, failed, state=state))


def lead_to_failure(
    request: HttpRequest, failed: SignInFailed, *, state: Mapping[str, Any] | None = None
) -> HttpResponse:
    """Write a failure down and lead to its page, away from the address with code and state."""
    log.warning(
        "sign-in by the provider failed", extra={"reason": failed.reason, "detail": failed.detail}
    )
    if failed.reason in ("failed", "expired", "taken"):
        security_log.record(
            "provider_refused", client_ip=client_ip_of(request), reason=failed.reason
        )
    query = {"reason": failed.reason}
    if leads_to := (state or {}).get("next"):
        query["next"] = leads_to
    return HttpResponseRedirect(f"{reverse(FAILED)}?{urlencode(query)}")


def _connect(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """Connect the account of who began it, by a login that is still recent."""
    user, now = request.user, clock.now()
    started_by = sociallogin.state.get(STARTED_BY)
    if not isinstance(user, User) or started_by != str(user.pk):
        raise SignInFailed("expired", "another login than the one that began it")
    home = reverse(HOME)
    session_id = sid_of(request.session.session_key or "")
    if not own_account.is_recent(user_id=user.pk, session_id=session_id, now=now):
        again = urlencode({"next": home})
        return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{again}")
    try:
        providers.connect(
            user_id=user.pk, email=_email_of(sociallogin), now=now, **_whom(sociallogin)
        )
    except (providers.ProviderTaken, providers.ProviderConnected, AccountClosed) as refusal:
        raise SignInFailed(refusal.code) from None
    return HttpResponseRedirect(home)


def _log_in(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """Log in whom the provider means, a new person after signing up; then comes the next step.

    allauth's steps of a login follow: a locked account ends it, a second factor is asked for.
    """
    known: User | None = sociallogin.user if sociallogin.account.pk else None
    user = known or _sign_up(request, sociallogin)
    if request.user.is_authenticated:  # as somebody, in another tab meanwhile
        get_account_adapter().logout(request)
    whom = {"provider": sociallogin.account.provider, "uid": sociallogin.account.uid}
    record_authentication(request, user, "socialaccount", **whom)
    response: HttpResponse = perform_login(
        request, user, redirect_url=sociallogin.get_redirect_url(request), signup=known is None
    )
    return response


def _sign_up(request: HttpRequest, sociallogin: SocialLogin) -> User:
    email = _email_of(sociallogin)
    if not email:
        raise SignInFailed("unverified", "no verified address")
    if not ratelimit.consume(request, action="signup"):
        raise SignInFailed("too_many", "sign-ups")
    try:
        return providers.sign_up(
            email=email, language="ko" if is_korean() else "en", **_whom(sociallogin)
        )
    except EmailTaken:
        raise SignInFailed("taken") from None
    except providers.ProviderTaken:  # in the same moment, by another tab
        raise SignInFailed("expired", "signed up meanwhile") from None


def _whom(sociallogin: SocialLogin) -> dict[str, str]:
    return {"provider": sociallogin.account.provider, "subject": sociallogin.account.uid}


def _email_of(sociallogin: SocialLogin) -> str:
    return next((one.email for one in sociallogin.email_addresses if one.verified), "")
