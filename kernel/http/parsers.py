"""The parser of JSON bodies, the only content type that the API accepts."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from kernel.http import body_limits
from kernel.text import strict_json

# Of one document (Note [Length before children]): counted on the bytes, before they are parsed, so
# commas and brackets inside texts count too. No route needs a quarter of them.
MOST_MEMBERS = 4096
MOST_CONTAINERS = 1024
DEEPEST = 16


class StrictJSONParser(JSONParser):
    """I-JSON (RFC 7493) of bounded size and depth: what every reader understands in the same way.

    Refused with `malformed_json`: anything but an object in UTF-8, a member named twice, NaN and
    infinities, lone surrogates, NUL, which PostgreSQL can't store; and more members or deeper
    nesting than any route needs.
    """

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object in the body; raises `ParseError`, or `RequestDataTooBig` (413)."""
        # DRF reads past Django's own limit, which guards `request.body` alone.
        request = (parser_context or {}).get("request")
        limit = body_limits.limit_of(request.path if request is not None else "")
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise RequestDataTooBig
        containers = raw.count(b"[") + raw.count(b"{")
        if containers > MOST_CONTAINERS or raw.count(b",") > MOST_MEMBERS:
            raise ParseError("The document has too many members.")
        try:
            data = strict_json.loads(raw.decode())
            if containers > DEEPEST:
                _check_depth(data)
        except RecursionError:
            raise ParseError("The document is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"JSON parse error: {error}") from None
        if not isinstance(data, dict):
            raise ParseError("The body must be a JSON object.")
        return data


def _check_depth(data: Any) -> None:
    level = [data]
    for _ in range(DEEPEST + 1):
        level = [
            child
            for value in level
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise ValueError("nested too deeply")
