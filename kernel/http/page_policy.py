"""Content-Security-Policy of pages, by django-csp. The policies: config/settings/pages.py."""

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from kernel.http.page_addresses import is_page


class PagePolicyMiddleware(CSPMiddleware):
    """Give every page its policy; what is no page has none."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if is_page(request.path):
            parts.replace = {**settings.CSP_OF_FANS_PAGES, **(parts.replace or {})}
        for start, directives in settings.CSP_OF_PAGES.items():
            if request.path.startswith(start):
                parts.replace = directives
        return parts
