"""The authentication of machines: `Authorization: Api-Key` (Note [API keys])."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.api.authentication import CHALLENGE
from accounts.api_keys import KnownKey, keys_in_force
from accounts.usecases import api_keys
from kernel import clock
from kernel.caller import Machine
from kernel.errors import ServiceUnavailable
from kernel.i18n import text

_SCHEME = "api-key"


class ApiKeyInvalid(AuthenticationFailed):
    """401 api_key_invalid: malformed, unknown or revoked."""

    default_code = "api_key_invalid"
    default_detail = text(en="The API key is not valid.", ko="유효하지 않은 API 키입니다.")


class ApiKeyExpired(AuthenticationFailed):
    """401 api_key_expired: its time is over."""

    default_code = "api_key_expired"
    default_detail = text(en="The API key has expired.", ko="만료된 API 키입니다.")


class ApiKeyAuthentication(BaseAuthentication):
    """Accept an API key that is in force; a view takes it beside the site's own authentication."""

    def authenticate(self, request: Request) -> tuple[Machine, None] | None:
        """Return the machine; None without an API key; 401 for a bad one."""
        key = _key_in(request.META)
        if key is None:
            return None
        known, now = keys_in_force.find(key, may_read=True), clock.now()
        if known is None:
            raise ApiKeyInvalid
        if _is_over(known):
            raise ApiKeyExpired
        api_keys.record_use(key=known, now=now)
        return known.machine, None

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE


def known_machine_in(environ: dict[str, Any]) -> Machine | None:
    """Return the machine whose good key an environment shows; None for every other call.

    By this process's copy alone: it stands in front of Django, and never raises.
    """
    key = _key_in(environ)
    if key is None:
        return None
    try:
        known = keys_in_force.find(key, may_read=False)
    except ServiceUnavailable:
        return None
    return None if known is None or _is_over(known) else known.machine


def _key_in(environ: dict[str, Any]) -> str | None:
    scheme, _, key = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return key.strip(" ") if scheme.lower() == _SCHEME else None


def _is_over(known: KnownKey) -> bool:
    return known.expires_at is not None and known.expires_at <= clock.now()
