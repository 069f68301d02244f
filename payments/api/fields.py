"""The fields of request bodies that move money."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kernel.i18n import text
from payments import policy
from payments.models.received import PAYMENT_KEY_LENGTH

# Browsers drop or replace other characters, so a URL with them may lead elsewhere.
_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e]+")


@extend_schema_field(OpenApiTypes.INT64)
class WholeNumberField(serializers.IntegerField):
    """A JSON integer; texts, booleans and fractions are refused, not converted."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class PaymentKeyField(serializers.RegexField):
    """What a gateway calls a payment: visible ASCII; a number is refused, not converted."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"\A[\x21-\x7e]+\Z", max_length=PAYMENT_KEY_LENGTH, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.URI)
class ReturnURLField(serializers.CharField):
    """The URL to which the fan returns: only one of `settings.RETURN_URLS_ALLOWED`.

    That list has origins (`https://shop.example`) and app schemes (`example-app:`), so that nobody
    can make this site send people elsewhere.
    """

    default_error_messages = {
        "not_allowed": text(
            en="This URL is not on the list of allowed ones.", ko="허용되지 않은 주소입니다."
        ),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=policy.RETURN_URL_LENGTH, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        url = super().to_internal_value(data)
        if not _is_allowed(url):
            self.fail("not_allowed")
        return url


def _is_allowed(url: str) -> bool:
    if not _PLAIN.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme in ("http", "https"):
        origin = f"{parts.scheme}://{parts.netloc}".lower()
    else:
        origin = f"{parts.scheme}:"
    return origin in settings.RETURN_URLS_ALLOWED
