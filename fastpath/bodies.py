"""JSON bodies in front of Django: parsed and judged as a view would."""

from functools import lru_cache
from io import BytesIO
from typing import Any

from django.utils import translation
from rest_framework import serializers
from rest_framework.exceptions import APIException

from kernel.http.parsers import StrictJSONParser


def parsed_body(body: bytes) -> dict[str, Any] | APIException:
    """Return the object in a JSON body, or why it is none."""
    try:
        parsed: dict[str, Any] = StrictJSONParser().parse(BytesIO(body))
    except APIException as error:
        return error
    return parsed


def valid_body(
    spoken: str, body: dict[str, Any], form: type[serializers.Serializer[Any]]
) -> dict[str, Any] | APIException:
    """Return what the serializer `form` makes of `body`, or why it is not valid, as is `spoken`."""
    try:
        with translation.override(spoken):
            valid: dict[str, Any] = _form(form, spoken).run_validation(body)
    except APIException as error:
        return error
    return valid


@lru_cache(maxsize=16)
def _form(form: type[serializers.Serializer[Any]], _language: str) -> serializers.Serializer[Any]:
    """Return a serializer for all bodies in one language: its messages stay in that of the first.

    Made for each body, it would copy all of its fields.
    """
    return form()
