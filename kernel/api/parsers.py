"""Read a JSON body: the only content type the API takes."""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """I-JSON (RFC 7493) of bounded size and depth: what every reader understands in the same way.

    Refused with `malformed_json`: anything but an object in UTF-8, a member named twice, NaN and
    infinities, lone surrogates; and NUL, which PostgreSQL can't store.
    """

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object in the body; raises `ParseError`, or `RequestDataTooBig` (413)."""
        # DRF reads past Django's own limit, which guards `request.body` alone.
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise RequestDataTooBig
        try:
            data = json.loads(
                raw.decode(),
                object_pairs_hook=_unique,
                parse_constant=_not_a_number,
                parse_float=_finite,
            )
            if b"\\u" in raw:  # the only way to write what follows
                _check_characters(data)
        except RecursionError:
            raise ParseError("The document is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"JSON parse error: {error}") from None
        if not isinstance(data, dict):
            raise ParseError("The body must be a JSON object.")
        return data


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member is named twice")
    return found


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is out of range")
    return value


def _check_characters(data: Any) -> None:
    left = [data]
    while left:
        value = left.pop()
        if isinstance(value, str):
            value.encode()  # UnicodeEncodeError, a ValueError, for a lone surrogate
            if "\0" in value:
                raise ValueError("NUL is no character of a text")
        elif isinstance(value, dict):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            left += value
