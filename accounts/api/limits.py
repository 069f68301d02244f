"""The middleware that says how long a refused call of the login API or its pages must wait.

django-allauth counts these calls and responds with 429 without a time. It keeps the times of the
calls that passed, newest first, in the cache; this reads them, for refusals only.
"""

import json
import math
from collections.abc import Callable

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from kernel import clock
from kernel.http.page_addresses import is_page
from kernel.rate_limiting.headers import RATE_LIMIT, rate_limit_fields
from kernel.rate_limiting.rates import rate_of
from kernel.rate_limiting.throttle import refused

_APP = "allauth.account"
_API = "/_allauth/"
# The counts of allauth by the name of the view; the mail that a view sends counts too.
_ACTIONS = {
    "change_password": ("change_password",),
    "login": ("login", "confirm_email"),
    "manage_email": ("manage_email", "confirm_email"),
    "manage_phone": ("change_phone",),
    "reauthenticate": ("reauthenticate",),
    "request_password_reset": ("reset_password",),
    "resend_email_verification_code": ("confirm_email",),
    "resend_phone_verification_code": ("verify_phone",),
    "reset_password": ("reset_password_from_key",),
    "signup": ("signup", "confirm_email"),
    # The same at the pages.
    "account_change_password": ("change_password",),
    "account_complete_password_reset": ("reset_password_from_key",),
    "account_confirm_password_reset_code": ("reset_password_from_key",),
    "account_email": ("manage_email", "confirm_email"),
    "account_email_verification_sent": ("confirm_email",),
    "account_login": ("login", "confirm_email"),
    "account_reauthenticate": ("reauthenticate",),
    "account_reset_password": ("reset_password",),
    "account_signup": ("signup", "confirm_email"),
    "mfa_authenticate": ("login",),
    "mfa_reauthenticate": ("reauthenticate",),
}
_UNKNOWN_SECONDS = 60
REFUSED = "frontrow.refused_login_attempt"  # of a request, set by the adapter


class LoginRateLimitMiddleware:
    """Give every 429 of django-allauth its Retry-After, RateLimit-Policy and RateLimit.

    Exact for counts by client IP or by the e-mail address in the body or form; by person it is
    the whole window, as nobody is logged in any more when the response leaves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        attempt = request.META.get(REFUSED)
        if attempt is not None:
            rate = rate_of(attempt.route)
            _describe(
                request, response, attempt.route, (rate.amount, rate.period_seconds), attempt.wait
            )
        elif response.status_code == 429 and _is_allauths(request, response):
            view = request.resolver_match.url_name if request.resolver_match else None
            action, counted, wait = _slowest(request, _ACTIONS.get(view or "", ()))
            limit = None if counted is None else (counted.amount, int(counted.duration))
            _describe(request, response, action, limit, wait)
        return response


def _is_allauths(request: HttpRequest, response: HttpResponse) -> bool:
    """Say whether allauth has refused this: our own refusals at pages say their time."""
    if request.path.startswith(_API):
        return True
    return is_page(request.path) and "Retry-After" not in response.headers


def _describe(
    request: HttpRequest,
    response: HttpResponse,
    route: str,
    limit: tuple[int, int] | None,
    wait: int,
) -> None:
    """Add the seconds to wait, and the `limit` (calls, seconds) where one is known; count it."""
    response["Retry-After"] = str(wait)
    if limit is not None:
        amount, window = limit
        request.META[RATE_LIMIT] = rate_limit_fields(
            route, amount=amount, window=window, remaining=0, reset=wait
        )
    refused.labels(route).inc()


def _slowest(
    request: HttpRequest, actions: tuple[str, ...]
) -> tuple[str, ratelimit.Rate | None, int]:
    """Return the action and rate that refuse for longest, and for how many whole seconds."""
    known, unknown = [], []
    for action in actions:
        for rate in ratelimit.get_rates(app=_APP, action=action):
            wait = _wait(request, action, rate)
            if wait is None:
                unknown.append((math.ceil(rate.duration), action, rate))
            elif wait > 0:
                known.append((math.ceil(wait), action, rate))
    if not (known or unknown):  # two calls at once for one count: allauth lets one of them pass
        return (actions[0], None, 1) if actions else ("other", None, _UNKNOWN_SECONDS)
    wait, action, rate = max(known or unknown, key=lambda found: found[0])
    return action, rate, wait


def _wait(request: HttpRequest, action: str, rate: ratelimit.Rate) -> float | None:
    """Return the seconds until this rate lets a call pass; None where its key isn't known."""
    email = _email(request) if rate.per == "key" else None
    if rate.per == "user" or (rate.per == "key" and email is None):
        return None
    key = ratelimit.get_cache_key(request, app=_APP, action=action, rate=rate, key=email)
    passed: list[float] = cache.get(key) or []
    if len(passed) < rate.amount:
        return 0.0
    room_at: float = passed[rate.amount - 1] + rate.duration  # when that one is too old
    return room_at - clock.now().timestamp()


def _email(request: HttpRequest) -> str | None:
    if not request.path.startswith(_API):
        return request.POST.get("email", "").lower() or None
    body = json.loads(request.body or b"{}")  # an object: see StrictLoginBodyMiddleware
    email = body.get("email")
    return email.lower() if isinstance(email, str) else None
