"""The documents that answers and events lead to: error codes and the schemas of events.

Addresses serve them through `kernel.api.rendered.once`.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from kernel.api import codes


def errors(request: HttpRequest) -> HttpResponse:
    """Show every error code; a problem's `type` leads to the anchor named like its code."""
    return render(request, "docs/errors.html", {"codes": codes.documented()})


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
