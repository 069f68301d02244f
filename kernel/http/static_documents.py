"""Documents that change with a release only: rendered once a process, the same for everybody.

Note [Rendered once]
The documents of both APIs, the pages that show them, the error codes and the schemas of events take
up to a second to render. So the first request renders one, and everybody gets those bytes: one
document per language and media type, whatever else the request says. One lock guards them all: the
schema library imports parts of itself lazily, and two first calls at once have met half of them. A
reader with the entity tag gets 304.
"""

import threading
import time
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from functools import wraps
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language

from kernel.http.fast_path import ACCEPTED, FastPathResponder, RawResponse, StartResponse
from kernel.http.fast_path import language as language_of
from kernel.http.methods import safe_only
from kernel.telemetry import context

_View = Callable[..., HttpResponseBase]

_CACHING = "public, max-age=300"
_PRIVATE_TO_A_CALLER = ("HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_IF_NONE_MATCH")

_CHANGES_THE_RESPONSE = {"HTTP_AUTHORIZATION", "HTTP_IF_NONE_MATCH"}

_rendering = threading.Lock()
_rendered: dict[tuple[Any, ...], "StaticDocument"] = {}
_at: dict[str, dict[tuple[str, str | None], "_Kept"]] = {}  # by path, language and Accept


@dataclass(frozen=True, slots=True)
class StaticDocument:
    """A finished document and the headers that go with it."""

    body: bytes
    headers: dict[str, str]

    def response_to(self, request: HttpRequest) -> HttpResponseBase:
        """Return the document, or 304 to a reader who has it."""
        response = HttpResponse(self.body, headers=self.headers)
        found = get_conditional_response(request, etag=self.headers["ETag"], response=response)
        return found or response


@dataclass(frozen=True, slots=True)
class _Kept:
    """A document at an address, the view's name, and whether it still holds."""

    view: str
    document: StaticDocument
    is_current: Callable[[], bool]


def static_document_of(response: HttpResponse) -> StaticDocument:
    """Return the document in a response that is ready."""
    headers = {name: value for name, value in response.items() if name != "Allow"}
    headers.setdefault("Cache-Control", _CACHING)
    headers["ETag"] = f'"{sha256(response.content).hexdigest()[:32]}"'
    headers["Content-Length"] = str(len(response.content))
    return StaticDocument(response.content, headers)


def once(view: _View, *, forms: tuple[str, ...] = (), localized: bool = True) -> _View:
    """Return a view that has `view` render each document once, in one of the media types `forms`.

    A document that isn't `localized` is the same in every language, rendered in English.
    The view sees only `lang` of the query, where that is a language of the site. A response other
    than 200 isn't kept.
    """

    @safe_only
    @wraps(view)
    def serve(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        form, language = _form(request, forms), request.GET.get("lang", "")
        if not localized or language not in dict(settings.LANGUAGES):
            language = ""
        active = get_language() if localized else "en"
        key = (view, form, language, active, *sorted(arguments.items()))
        known = _rendered.get(key)
        if known is None:
            with _rendering:
                known = _rendered.get(key)
                if known is None:
                    with translation.override(active):
                        response = view(_plain(request, form, language), **arguments)
                        getattr(response, "render", lambda: None)()
                    if not isinstance(response, HttpResponse) or response.status_code != 200:
                        return response
                    known = _rendered[key] = static_document_of(response)
        keep_at(request, known)
        return known.response_to(request)

    return serve


class StaticDocuments:
    """A WSGI application that repeats documents in front of Django (Note [Fast path]).

    Only those that Django has rendered before, at URLs without a query; pages aren't among them.
    """

    def __init__(self, application: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
        self._application = application
        self._responder = FastPathResponder()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Repeat a document, or pass the call on to Django."""
        found = None
        if environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"] in _at:
            found = _at[environ["PATH_INFO"]].get(_variant(environ))
        if (
            found is None
            or not found.is_current()
            or not _CHANGES_THE_RESPONSE.isdisjoint(environ)
            or not self._responder.is_eligible(environ)
        ):
            return self._application(environ, start_response)
        started, document = time.perf_counter(), found.document
        headers = [item for item in document.headers.items() if item[0] != "Content-Length"]
        return self._responder.send(
            RawResponse(200, document.body, headers),
            environ,
            start_response,
            view=found.view,
            request_id=context.received_in(environ).request_id,
            started=started,
        )


def _variant(environ: dict[str, Any]) -> tuple[str, str | None]:
    return language_of(environ), environ.get("HTTP_ACCEPT")


def keep_at(
    request: HttpRequest, document: StaticDocument, is_current: Callable[[], bool] = lambda: True
) -> None:
    """Repeat a document in front of Django while it `is_current`, if it was requested plainly."""
    meta, match = request.META, request.resolver_match
    odd = meta.get("QUERY_STRING") or meta.get("HTTP_COOKIE")  # each may choose the language
    page = document.headers["Content-Type"].startswith("text/html")
    if match is None or odd or page or meta.get("HTTP_ACCEPT") not in ACCEPTED:
        return
    variants = _at.setdefault(request.path, {})
    variants[_variant(meta)] = _Kept(match.view_name, document, is_current)


def forget_documents() -> None:
    """Drop every rendered document."""
    _rendered.clear()
    _at.clear()


def _form(request: HttpRequest, forms: tuple[str, ...]) -> str:
    """Return the media type for a caller: by `?format=`, else by Accept, else the first."""
    if not forms:
        return "*/*"
    wanted = request.GET.get("format", "")
    named = [form for form in forms if wanted and form.endswith(wanted)]
    return next(iter(named), None) or request.get_preferred_type(list(forms)) or forms[0]


def _plain(request: HttpRequest, form: str, language: str) -> HttpRequest:
    """Return the request as an anonymous caller would have made it."""
    plain = copy(request)
    for name in ("headers", "accepted_types", "accepted_types_by_precedence", "COOKIES"):
        plain.__dict__.pop(name, None)  # what was read of META is kept there
    plain.method = "GET"
    plain.GET = QueryDict(f"lang={language}" if language else "")
    plain.META = {
        name: value for name, value in request.META.items() if name not in _PRIVATE_TO_A_CALLER
    } | {"HTTP_ACCEPT": form}
    return plain
