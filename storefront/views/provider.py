"""Signing in by the provider of the settings: there, back, and connecting an account to it.

Where none is set these addresses are of nothing (Note [One sign-in provider] in
config/settings/sign_in.py; Note [Sign-in provider] in accounts/usecases/providers.py).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.utils import get_next_redirect_url
from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import queries, sign_in
from accounts.models import User
from accounts.oidc import configured
from accounts.usecases import providers
from kernel.errors import DomainError
from storefront.once import SeeOther
from storefront.page_facts import login_url, sign_in_provider
from storefront.private import Visit, private, private_page
from storefront.views.account import recently
from storefront.words.signing_in import failure

# After these the way on is the password, and then connecting the two.
_TO_CONNECT = ("taken", "unverified")
PageView = Callable[..., HttpResponseBase]


def leads_to_provider(view: PageView) -> PageView:
    """Let the forms of a page lead to the provider, as Chromium asks of redirects after them."""

    @wraps(view)
    def open_to_it(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if settings.OIDC_PROVIDER is not None:
            allowed = [
                *settings.CSP_OF_FANS_PAGES["form-action"],
                *settings.OIDC_PROVIDER["origins"],
            ]
            response._csp_replace = {"form-action": allowed}  # type: ignore[attr-defined]  # django-csp's
        return response

    return open_to_it


def _offered(view: PageView) -> PageView:
    """Let an address be there only where a provider is set."""

    @wraps(view)
    def found(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.OIDC_PROVIDER is None:
            raise Http404
        return view(request, *args, **kwargs)

    return found


@_offered
@require_http_methods(["POST"])
def log_in(request: HttpRequest) -> HttpResponseBase:
    """Send who wants to log in, or sign up, to the provider."""
    if request.user.is_authenticated:
        return redirect(get_next_redirect_url(request) or reverse("storefront:home"))
    return sign_in.begin(request)


@_offered
@require_http_methods(["GET"])
def callback(request: HttpRequest) -> HttpResponseBase:
    """Take who comes back from the provider; the browser is led on at once."""
    return sign_in.complete(request)


@_offered
@leads_to_provider
@require_http_methods(["GET", "HEAD"])
def failed(request: HttpRequest) -> HttpResponseBase:
    """Say why a sign-in came to nothing, what is safe and what to do."""
    provider = sign_in_provider()
    assert provider is not None
    reason = request.GET.get("reason", "")
    facts = {"failure": failure(reason, name=provider["name"]), "reason": reason}
    if reason in _TO_CONNECT:
        facts["login_url"] = login_url(reverse("account-provider"))
    return render(request, "account/provider/failed.html", facts)


@_offered
@leads_to_provider
@private("GET", "HEAD", "POST")
@recently
def home(visit: Visit) -> HttpResponseBase:
    """Say whether the account is connected; connect it, or disconnect it."""
    action, refusal = visit.form.get("action"), None
    connected = queries.provider_of(visit.user_id, provider=configured()["id"])
    if visit.request.method == "POST" and action == "connect" and connected is None:
        return sign_in.begin(visit.request, connecting=True)
    if visit.request.method == "POST" and action == "disconnect":
        try:
            providers.disconnect(user_id=visit.user_id, now=visit.now)
        except DomainError as error:
            refusal = error
        else:
            visit.request.session.cycle_key()  # this login goes on; every other one has ended
            return SeeOther(visit.request.path)
    user = visit.request.user
    assert isinstance(user, User), "private pages let in nobody else"
    return private_page(
        visit,
        "account/provider/home.html",
        "account",
        refusal=refusal,
        provider=sign_in_provider(),
        connected=connected,
        has_password=user.has_usable_password(),
    )
