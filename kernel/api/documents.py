"""The documents that answers and events lead to: error codes and the schemas of events."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from kernel.api import codes

_FOR_ANYBODY = cache_control(public=True, max_age=300)


@require_safe
@_FOR_ANYBODY
def errors(request: HttpRequest) -> HttpResponse:
    """Show every error code; a problem's `type` leads to the anchor named like its code."""
    return render(request, "docs/errors.html", {"codes": codes.documented()})


@require_safe
@_FOR_ANYBODY
def event_schema(request: HttpRequest, event_type: str) -> JsonResponse:
    """Answer the JSON Schema of an event's `data`; an event's `dataschema` leads here."""
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
    """Read all of them once: a name from an address never becomes a path."""
    folder = Path(settings.BASE_DIR) / "docs" / "events"
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
