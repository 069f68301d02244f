"""The frame of every page for staff: who may open it, how it is shown, what it says of a refusal.

Its login is the admin's, second factor included (`accounts/admin_second_factor.py`); a page is kept
by no cache.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.html import json_script
from django.views.decorators.http import require_http_methods

from boxoffice import deeds
from boxoffice.deeds import Deed, DeedNotAllowed
from kernel import clock
from kernel.errors import DomainError
from kernel.http.bundles import bundle
from kernel.http.page_addresses import in_language
from kernel.http.problem import STATUS
from kernel.http.rendering import Encoder
from kernel.i18n import is_korean
from kernel.staff import refusals

_OTHER = {"ko": ("en", "English"), "en": ("ko", "한국어")}


@dataclass(frozen=True, slots=True)
class StaffVisit:
    """A request of a member of staff, who may open the page: who, when."""

    request: HttpRequest
    actor_id: UUID
    now: datetime

    @property
    def is_form(self) -> bool:
        """Whether a form was sent."""
        return self.request.method == "POST"

    @property
    def form(self) -> Any:
        """What the form has sent; None where a page is looked at."""
        return self.request.POST if self.is_form else None

    def may(self, deed: Deed) -> bool:
        """Say whether the visitor's role covers a deed."""
        return deeds.may(self.request.user, deed)

    def say(self, message: str | Promise) -> None:
        """Show a message on the next page."""
        messages.success(self.request, str(message))


View = Callable[..., HttpResponseBase]


def staff_page(see: Deed, do: Deed | None = None) -> Callable[[View], View]:
    """Let a view serve those who may: `see` to look at it, `do` besides to send its forms.

    The view gets a `StaffVisit` in place of the request. Without `do` the page has no form. Who has
    no login is led to it; who may not, is refused and named in the security log.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            is_form = request.method == "POST"
            for deed in (see, do) if is_form else (see,):
                if deed is not None and not deeds.may(request.user, deed):
                    refusal = DeedNotAllowed()
                    refusals.record_error(request, refusal, deed=deed.name)
                    raise refusal
            visit = StaffVisit(request, request.user.pk, clock.now())
            response = view(visit, *args, **kwargs)
            response.headers["Cache-Control"] = "private, no-store"
            return response

        methods = ["GET", "HEAD", "POST"] if do else ["GET", "HEAD"]
        guarded.deeds = (see, do)  # type: ignore[attr-defined]  # for the matrix of roles
        return require_http_methods(methods)(guarded)

    return decorate


def show(
    visit: StaffVisit,
    template: str,
    *,
    script: str = "site.js",
    styles: tuple[str, ...] = ("staff.css",),
    data: dict[str, Any] | None = None,
    refusal: DomainError | None = None,
    **facts: Any,
) -> HttpResponse:
    """Return a page; one that shows a refusal has its status.

    `data` is for the page's script: the element `fr-data`.
    """
    language = "ko" if is_korean() else "en"
    code, name = _OTHER[language]
    path = visit.request.get_full_path()
    shared = {
        "language": language,
        "other": {"code": code, "name": name, "path": in_language(code, path)},
        "styles": [one for one in map(bundle, ("site.css", *styles)) if one],
        "icon": bundle("icon.svg"),
        "script": bundle(script),
        "csrf_token": get_token(visit.request),
        "messages": messages.get_messages(visit.request),
        "may": {deed.name: visit.may(deed) for deed in deeds.DEEDS},
        "fr_data": json_script({"language": language, **(data or {})}, "fr-data", encoder=Encoder),
        "refusal": refusal,
        "now": visit.now,
    }
    status = STATUS[refusal.kind] if refusal else 200
    return HttpResponse(render_to_string(template, shared | facts), status=status)
