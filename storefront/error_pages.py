"""Pages of refusals: at a page's address, every problem document becomes a page.

See Note [Pages and documents] in kernel/http/page_addresses.py. One place turns a refusal into
a page, wherever it was made: a view, a middleware, Django's own handlers, or what stands in front
of Django (`ErrorPages`).
"""

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.csrf import csrf_failure

from kernel.http import problem
from kernel.http.bundles import bundle
from kernel.http.exception_handler import refused_by
from kernel.http.fast_path import Application, StartResponse
from kernel.http.page_addresses import is_page, language_in
from storefront.page_facts import page_data, page_facts
from storefront.words import words_of

_HTML = "text/html; charset=utf-8"
_PRIVATE = "private, no-store"
_SECONDS = b"SECONDS-TO-WAIT"
_LONGEST_WAIT = 3600  # seconds; a page that reloads by itself later than that has been left


class PageMiddleware:
    """Make refusals pages, and keep what nobody says may be kept out of every cache."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = self.get_response(request)
        if not is_page(request.path):
            return response
        if isinstance(response, HttpResponse) and _is_problem(response.headers):
            response = _page_instead(request, response)
        response.headers.setdefault("Cache-Control", _PRIVATE)
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Refuse what a view raised and the API refuses too; a defect stays one."""
        if not is_page(request.path):
            return None
        refused = refused_by(error, request)
        if refused is None:
            return None
        response = problem.response(refused.body)
        for name, value in refused.headers.items():
            response.headers[name] = value
        return response


class ErrorPages:
    """A WSGI application around another, whose problem documents at pages' addresses are pages."""

    def __init__(self, application: Application) -> None:
        self._application = application
        render_usual()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Pass the call on; a refusal is read whole, which is short, and said as a page."""
        if not is_page(environ["PATH_INFO"]):
            return self._application(environ, start_response)
        held: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if _is_problem(dict(headers)):
                held[:] = [status, headers]
                return lambda data: None
            return start_response(status, headers, *rest)

        sent = self._application(environ, start)
        if not held:
            return sent
        status, headers = held
        page = _page_of_bytes(environ, _read(sent), dict(headers))
        kept = [one for one in headers if one[0] not in ("Content-Type", "Content-Length")]
        page_headers = [
            ("Content-Type", _HTML),
            ("Content-Length", str(len(page))),
            ("Content-Security-Policy", build_policy(replace=settings.CSP_OF_FANS_PAGES)),
        ]
        if not any(name == "Cache-Control" for name, _ in kept):
            page_headers.append(("Cache-Control", _PRIVATE))
        start_response(status, [*kept, *page_headers])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [page]


def _read(sent: Iterable[bytes]) -> bytes:
    """Return a refusal as a whole, and end it as a server does (PEP 3333)."""
    try:
        return b"".join(sent)
    finally:
        close = getattr(sent, "close", None)
        if close is not None:
            close()


def error_page(body: dict[str, Any], *, wait: int | None, again: bool, language: str) -> bytes:
    """Return the page of a problem document.

    `wait`: the seconds after which it may be tried again; with `again` the page does so by itself.
    Nothing else differs from one to the next, so each is rendered once (Note [Refusals are made
    once]).
    """
    page = _rendered(language, int(body["status"]), str(body["code"]), wait is not None, again)
    return page if wait is None else page.replace(_SECONDS, str(wait).encode())


@lru_cache(maxsize=512)
def _rendered(language: str, status: int, code: str, has_wait: bool, again: bool) -> bytes:
    """Return a page of a refusal, with `_SECONDS` where its seconds stand.

    Note [Refusals are made once]
    Who is refused costs little: the page of a refusal is the same for everybody, its links lead to
    the home page, and the usual ones are rendered when the process starts.
    """
    with translation.override(language):
        facts = page_facts(f"/{language}/") | {
            "status": status,
            "code": code,
            "words": words_of(code, status=status),
            "wait": _SECONDS.decode() if has_wait else None,
            "goes_on": again,
            "script": bundle("site.js"),
            "fr_data": page_data("error"),
        }
        return render_to_string("storefront/error.html", facts).encode()


def render_usual() -> None:
    """Render the pages of refusals that floods meet."""
    for language in ("ko", "en"):
        for status, code in ((404, "not_found"), (413, "body_too_large")):
            _rendered(language, status, code, False, False)
        for again in (False, True):
            _rendered(language, 429, "rate_limited", True, again)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Refuse a form without its token; the staff pages have Django's own page."""
    if request.path.startswith("/admin/"):
        return csrf_failure(request, reason)
    return problem.refused(request, "csrf_failed")


def too_many(request: HttpRequest) -> HttpResponse:
    """Refuse what django-allauth has counted too often at its pages."""
    return problem.refused(request, "rate_limited")


def _is_problem(headers: Any) -> bool:
    return str(headers.get("Content-Type", "")).startswith(problem.CONTENT_TYPE)


def _page_instead(request: HttpRequest, refusal: HttpResponse) -> HttpResponse:
    language = _language(request.path, request.headers.get("Accept-Language", ""))
    wait = _wait(refusal.headers.get("Retry-After"))
    again = wait is not None and request.method == "GET"
    body = json.loads(refusal.content)
    page = HttpResponse(
        error_page(body, wait=wait, again=again, language=language),
        status=refusal.status_code,
        content_type=_HTML,
    )
    for name, value in refusal.headers.items():
        if name not in ("Content-Type", "Content-Length"):
            page.headers[name] = value
    if again:
        page.headers["Refresh"] = str(wait)
    page.cookies = refusal.cookies
    page.problem_code = body["code"]  # type: ignore[attr-defined]  # what the access log reads
    return page


def _page_of_bytes(environ: dict[str, Any], content: bytes, headers: dict[str, str]) -> bytes:
    language = _language(environ["PATH_INFO"], environ.get("HTTP_ACCEPT_LANGUAGE", ""))
    body = json.loads(content) if content else _unsaid(headers)
    wait = _wait(headers.get("Retry-After"))
    return error_page(body, wait=wait, again=False, language=language)


def _unsaid(headers: dict[str, str]) -> dict[str, Any]:
    """Return what a refusal says that has no body, as a HEAD has none."""
    return {"status": 429 if "Retry-After" in headers else 404, "code": "not_found"}


def _wait(retry_after: str | None) -> int | None:
    seconds = int(retry_after) if retry_after and retry_after.isdecimal() else 0
    return seconds if 0 < seconds <= _LONGEST_WAIT else None


def _language(path: str, accepted: str) -> str:
    """Return the language of the address, else the first of ours that the header names."""
    found = language_in(path)
    if found is not None:
        return found
    wanted = (code.partition("-")[0] for code, _ in parse_accept_lang_header(accepted))
    return next((code for code in wanted if code in ("ko", "en")), settings.LANGUAGE_CODE)
