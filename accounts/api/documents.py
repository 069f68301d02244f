"""The OpenAPI document of the login API, which django-allauth makes from a long file."""

import json
from functools import cache
from typing import Any

from allauth.headless.spec.internal.schema import get_schema
from django.http import HttpRequest, HttpResponse
from drf_spectacular.renderers import OpenApiYamlRenderer

_yaml: Any = OpenApiYamlRenderer()  # untyped


def as_yaml(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI document as YAML."""
    body = _yaml.render(_schema(), renderer_context={})
    return HttpResponse(body, content_type="application/vnd.oai.openapi")


def as_json(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI document as JSON."""
    return HttpResponse(json.dumps(_schema()), content_type="application/vnd.oai.openapi+json")


@cache
def _schema() -> dict[str, Any]:
    """Return the document, read once: that takes a second, much more than rendering it."""
    schema: dict[str, Any] = get_schema()
    return schema
