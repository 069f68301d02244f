"""The views of documents that responses and events link to: error codes, schemas of events.

URLs serve them through `kernel.http.static_documents.once`.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.docs import error_codes


def errors(request: HttpRequest) -> HttpResponse:
    """Show every error code; a problem's `type` leads to the anchor named like its code."""
    return render(request, "docs/errors.html", {"codes": error_codes.documented()})


def event_schema(request: HttpRequest, event_type: str) -> JsonResponse:
    """Return the JSON Schema of an event's `data`; an event's `dataschema` leads here."""
    schema = _schemas().get(event_type)
    if schema is None:
        raise Http404
    return JsonResponse(
        schema,
        content_type="application/schema+json",
        headers={"Access-Control-Allow-Origin": "*"},
    )


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    """Read all of them once: a name from a URL never becomes a path."""
    folder = Path(settings.BASE_DIR) / "docs" / "events"
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


class SwaggerPageView(SpectacularSwaggerSplitView):
    """Swagger UI; its script has a URL of its own, because pages run no inline scripts."""

    url_name = "schema"
    url_self = "script.js"


class SwaggerScriptView(SpectacularSwaggerSplitView):
    """The script of Swagger UI's page."""

    url_name = "schema"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        request._request.GET = QueryDict("script=")  # how the library's view distinguishes the two
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return response
