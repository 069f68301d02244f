"""The pages of texts: terms, privacy, accessibility, and goodbye."""

from typing import Any

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from kernel import clock
from kernel.http.bundles import bundle
from kernel.http.methods import safe_only
from storefront.page_facts import page_data
from storefront.public import public_page

NAMES = ("terms", "privacy", "accessibility", "goodbye")


@safe_only
def page(request: HttpRequest, name: str) -> HttpResponseBase:
    """Show a text; there are four."""
    if name not in NAMES:
        raise Http404

    def facts() -> dict[str, Any]:
        return {"script": bundle("site.js"), "fr_data": page_data("text", path=request.path)}

    return public_page(request, f"storefront/texts/{name}.html", facts, now=clock.now())
