"""Public pages: the same bytes for everybody, rendered from facts alone.

Nothing of a request but its address gets into them: the template has no request, so no cookie,
login or form token can be read. The rendered bytes are kept like the API's documents
(`catalogue/cache.py`), a set per language, and dropped when staff change something.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response

from catalogue import cache
from kernel.caching.request import CachePolicy
from kernel.caching.responses import Rendered
from storefront.page_facts import page_facts

PAGES = CachePolicy("pages", fresh_for=timedelta(seconds=2), stale_for=timedelta(minutes=1))
_CACHING = "public, max-age=2, stale-while-revalidate=30, stale-if-error=600"


def public_page(
    request: HttpRequest,
    template: str,
    facts: Callable[[], dict[str, Any]],
    *,
    now: datetime,
    query: str = "",
) -> HttpResponseBase:
    """Return a public page; `query` is the part of the query string that the page depends on."""

    def content() -> bytes:
        shared = page_facts(request.path, query=query)
        return render_to_string(template, shared | facts()).encode()

    return public_document(request, content, now=now, query=query)


def public_document(
    request: HttpRequest,
    content: Callable[[], bytes],
    *,
    now: datetime,
    query: str = "",
    content_type: str = "text/html; charset=utf-8",
) -> HttpResponseBase:
    """Return what `content` makes, kept as public pages are whatever else the query says."""

    def build() -> Rendered:
        return Rendered(content(), _CACHING)

    document = cache.read(PAGES, f"{request.path}?{query}", build=build, now=now)
    response = HttpResponse(document.body, content_type=content_type)
    response.headers["ETag"] = document.etag
    response.headers["Cache-Control"] = document.cache_control
    return get_conditional_response(request, etag=document.etag, response=response) or response
