"""The OpenAPI hook: what the document says about every operation."""

from http import HTTPStatus
from typing import Any

from kernel.http.problem import CONTENT_TYPE

_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}


def describe_refusals(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add summaries, the responses of any operation, and every refusal's real media type.

    The summary is the first line of what the view says of itself, in English.

    A hook of drf-spectacular: views name the refusals that are theirs, as `ProblemSerializer`.
    """
    for path, methods in result["paths"].items():
        for operation in methods.values():
            first_line, _, rest = operation.get("description", "").partition("\n")
            operation.setdefault("summary", first_line.rstrip("."))
            if not rest:
                operation.pop("description", None)
            responses = operation["responses"]
            for status in _always(path, operation):
                responses.setdefault(str(status), {"description": HTTPStatus(status).phrase})
            for status, response in responses.items():
                if status >= "400":
                    known = response.get("content", {})
                    response["content"] = {CONTENT_TYPE: {**_first(known), **_PROBLEM}}
            operation["responses"] = dict(sorted(responses.items()))
    return result


def _always(path: str, operation: dict[str, Any]) -> list[int]:
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    statuses = [400, 429, 503]  # malformed, slow down, a dependency is unavailable
    if any(operation.get("security", [])):
        statuses.append(401)
    if "{" in path or "cursor" in names:
        statuses.append(404)
    if "requestBody" in operation:
        statuses += [413, 415]
    if "If-None-Match" in names:
        statuses.append(304)
    return statuses


def _first(content: dict[str, Any]) -> dict[str, Any]:
    """Return the one media type's description, with its examples."""
    return next(iter(content.values()), {})
