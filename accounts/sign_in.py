"""The two ends of a sign-in by the provider: the browser is sent there, and comes back.

A start is bound to this browser's session by `state`, `nonce` and PKCE, each used once, for ten
minutes. See Note [Sign-in provider] in usecases/providers.py.
"""

import secrets

from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.http import HttpRequest, HttpResponse

from accounts.oidc import CallbackView, Endpoints, configured, connections
from accounts.oidc_calls import SignInFailed
from accounts.provider_adapter import STARTED_BY, lead_to_failure


def begin(request: HttpRequest, *, connecting: bool = False) -> HttpResponse:
    """Send the browser to the provider: to log in, or to connect the account that is logged in."""
    nonce, leads_to = secrets.token_urlsafe(24), get_next_redirect_url(request)
    process = AuthProcess.CONNECT if connecting else AuthProcess.LOGIN
    try:
        with connections().at_work():
            provider = get_adapter().get_provider(request, configured()["id"])
            response: HttpResponse = provider.redirect(
                request,
                process=process,
                next_url=None if connecting else leads_to,
                auth_params={"nonce": nonce},
                nonce=nonce,
                **({STARTED_BY: str(request.user.pk)} if connecting else {}),
            )
            return response
    except SignInFailed as failed:
        return lead_to_failure(request, failed, state={"next": leads_to})


def complete(request: HttpRequest) -> HttpResponse:
    """Take the browser back: log in, sign up or connect, or lead to the page that says why not."""
    view = CallbackView.adapter_view(Endpoints(request, configured()["id"]))
    try:
        with connections().at_work():
            response: HttpResponse = view(request)
            return response
    except SignInFailed as failed:
        return lead_to_failure(request, failed)
