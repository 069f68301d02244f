"""Private pages: a person's own, for those who are logged in, kept by no cache.

Each call counts by the person's limits as the API's do (Note [Rate limits] in
kernel/rate_limiting/throttle.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods

from accounts import page_sessions
from kernel import clock
from kernel.caller import client_ip_of
from kernel.errors import DomainError
from kernel.http.bundles import bundle
from kernel.http.page_addresses import language_in
from kernel.http.problem import STATUS
from kernel.rate_limiting import throttle
from kernel.rate_limiting.headers import RATE_LIMIT
from kernel.rate_limiting.in_redis import RateLimited
from storefront.page_facts import login_url, page_data, page_facts
from storefront.words import Words, words_of

_YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Visit:
    """A logged-in person's request of a page: who, when, from where."""

    request: HttpRequest
    user_id: UUID
    now: datetime

    @property
    def client_ip(self) -> str:
        """The client IP, for limits."""
        return client_ip_of(self.request)

    @property
    def form(self) -> Any:
        """What a form has sent."""
        return self.request.POST


@dataclass(frozen=True, slots=True)
class ShownRefusal:
    """A refusal as a page shows it above its form; `extras` as the API's problem document."""

    code: str
    words: Words
    extras: dict[str, Any]
    wait: int | None


def shown(refusal: DomainError) -> ShownRefusal:
    """Return how a page shows a refusal."""
    words = words_of(refusal.code, status=STATUS[refusal.kind])
    return ShownRefusal(refusal.code, words, refusal.extras, refusal.retry_after)


View = Callable[..., HttpResponseBase]


def private(*methods: str, post: str = "default") -> Callable[[View], View]:
    """Let a view serve people who are logged in; it gets a `Visit` in place of the request.

    `post` is the rate limit of its forms; joins and holds are counted by their functions besides. A
    form of somebody whose login has ended leads to the login, and from there to the page again.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect(login_url(request.get_full_path()))
            count_call(request, post if request.method == "POST" else "default")
            visit = Visit(request, request.user.pk, clock.now())
            response = view(visit, *args, **kwargs)
            response.headers["Cache-Control"] = "private, no-store"
            if settings.LOGIN_COOKIE_NAME not in request.COOKIES:
                page_sessions.renew(request, response)  # scripts would take it for no login
            _remember_language(request, response)
            return response

        return require_http_methods(list(methods or ("GET", "HEAD")))(guarded)

    return decorate


def private_page(
    visit: Visit,
    template: str,
    name: str,
    *,
    data: dict[str, Any] | None = None,
    script: str = "site.js",
    refusal: DomainError | None = None,
    **facts: Any,
) -> HttpResponse:
    """Return a private page; one that shows a refusal has its status."""
    path, query = visit.request.path, visit.request.GET.urlencode()
    shared = page_facts(path, query=query) | {
        "csrf_token": get_token(visit.request),
        "is_logged_in": True,
        "fr_data": page_data(
            name,
            path=f"{path}?{query}" if query else path,
            **({"now": visit.now} | (data or {})),
        ),
        "script": bundle(script) or bundle("site.js"),
        "refusal": shown(refusal) if refusal else None,
        "now": visit.now,
    }
    status = STATUS[refusal.kind] if refusal else 200
    response = HttpResponse(render_to_string(template, shared | facts), status=status)
    if refusal is not None and refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def count_call(request: HttpRequest, route: str) -> None:
    """Count a call by its person's limit of a route. Raises RateLimited."""
    assert request.user.is_authenticated
    counted = throttle.count_person(request.META, request.user.pk)
    if counted is None:
        counted = throttle.count(route, str(request.user.pk))
    request.META[RATE_LIMIT] = counted.headers
    if counted.wait is not None:
        raise RateLimited(retry_after=counted.wait)


def _remember_language(request: HttpRequest, response: HttpResponseBase) -> None:
    """Remember the page's language for addresses that have none."""
    language = language_in(request.path)
    if language and request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME) != language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=_YEAR_SECONDS,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
