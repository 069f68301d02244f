"""Refusals in front of Django: calls that lack a needed login, and unknown paths.

Note [Early refusals]
A call that costs its sender nothing must cost us little, and a 401 or 404 that passes all of
Django's middleware and DRF's preparations costs four times a bare view. So calls without a valid
login are looked at here (Note [Fast path]): the path is resolved, and a view that demands a login
by the site's own authentication is not entered, unless the call shows what that view takes in place
of a login (Note [Shown instead of a login] in header_authentication.py). Everything else goes on to
Django. A differential test holds the responses equal to Django's.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import get_path_info
from django.urls import Resolver404, ResolverMatch, resolve
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated, NotFound
from rest_framework.views import APIView

from kernel.caller import Caller
from kernel.errors import DomainError
from kernel.http.fast_path import (
    Application,
    FastPathResponder,
    StartResponse,
    allow_header,
    bare_view,
    proofs_beside_login,
)
from kernel.http.header_authentication import HeaderAuthentication
from kernel.http.page_addresses import is_page

_Login = Callable[[dict[str, Any]], Any]

_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
_NO_VIEW = "<unnamed view>"  # as django-prometheus calls it


class EarlyRefusals:
    """A WSGI application that refuses what it may and hands on the rest.

    `login_of` returns the `Caller` an environment shows, the `AuthenticationFailed` that says why
    it is invalid, the `DomainError` that says why it cannot be checked now, or None.
    """

    def __init__(self, application: Application, *, login_of: _Login) -> None:
        self._application = application
        self._login_of = login_of
        self._responder = FastPathResponder()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Refuse, or pass the call on to Django."""
        started = time.perf_counter()
        found = self._refusal(environ)
        if found is None:
            return self._application(environ, start_response)
        error, view, headers = found
        return self._responder.refuse(
            error, environ, start_response, view=view, started=started, headers=headers
        )

    def _refusal(
        self, environ: dict[str, Any]
    ) -> tuple[APIException, str, list[tuple[str, str]]] | None:
        """Return the error, the view's name and the headers that the view would have set."""
        if environ["REQUEST_METHOD"] not in _METHODS or not self._responder.is_eligible(environ):
            return None
        path = get_path_info(environ)
        if is_page(path):
            return None  # it depends on the language what is there, and a refusal is a page
        login = self._login_of(environ)
        if isinstance(login, (Caller, DomainError)):  # the latter is the view's to refuse
            return None
        try:
            match = resolve(path)
        except Resolver404:
            return (NotFound(), _NO_VIEW, []) if _leads_nowhere(path, environ) else None
        demand = _demand(match, environ["REQUEST_METHOD"])
        if demand is None or any(one.is_shown_in(environ) for one in demand.proofs):
            return None
        error: Any = login if isinstance(login, AuthenticationFailed) else NotAuthenticated()
        error.auth_header = demand.challenge  # as DRF does
        return error, match.view_name, [demand.allow]


@dataclass(frozen=True, slots=True)
class _Demand:
    """A view's demand for a login: its challenge, its Allow header, and what it takes instead."""

    challenge: str | None
    allow: tuple[str, str]
    proofs: tuple[type[HeaderAuthentication], ...]


def _leads_nowhere(path: str, environ: dict[str, Any]) -> bool:
    """Say whether Django would respond 404: no static file, no redirect to a path with a slash."""
    if path.startswith("/api/v1/"):
        return True
    if path.startswith(f"/{settings.STATIC_URL.lstrip('/')}") or "HTTP_AUTHORIZATION" in environ:
        return False
    if path.endswith("/"):
        return True
    try:
        resolve(f"{path}/")
    except Resolver404:
        return True
    return False


def _demand(match: ResolverMatch, method: str) -> _Demand | None:
    view = getattr(match.func, "cls", None)
    if view is None or not issubclass(view, APIView):
        return None
    return _demand_of(view, method)


@cache
def _demand_of(view_class: type[APIView], method: str) -> _Demand | None:
    """Return what a view demands of a caller without a login.

    None where it demands nothing, or authenticates by other means. Determined as DRF does, by the
    view's authenticators and permissions for the method.
    """
    view = bare_view(view_class, method)
    proofs = proofs_beside_login(view)
    if proofs is None:
        return None
    if all(one.has_permission(view.request, view) for one in view.get_permissions()):
        return None
    challenge = view.get_authenticators()[0].authenticate_header(view.request)
    return _Demand(challenge=challenge, allow=allow_header(view_class), proofs=proofs)
