"""Who sends a request: the caller shown by verified credentials, and the client IP.

Note [Client IP]
A request comes from the address that the outermost trusted proxy saw (`TRUSTED_PROXY_COUNT`), and
nothing further left in `X-Forwarded-For` is believed. What counts or remembers a client IP uses
`client_ip_tag`: no plain address is stored, and an IPv6 /64, which one person may have, is one.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

_PERSONAL = "frontrow.personal"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated person or machine, read from a token without a query; the API's user.

    `groups` are staff groups (staff, operator, finance, door, integrator); `scopes` belong to
    machine keys. `session_id` is the revocable login session of a person.
    """

    user_id: UUID
    session_id: str = ""
    is_staff: bool = False
    groups: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)

    @property
    def pk(self) -> UUID:
        """The user's key, under the name DRF's throttles and pagination expect."""
        return self.user_id

    @property
    def is_authenticated(self) -> bool:
        """Always true: nobody is None, not a Caller."""
        return True


def caller_of(request: Request) -> Caller:
    """Return who sent a request of the API that a permission has let through."""
    return cast("Caller", request.user)


def mark_personal(environ: dict[str, Any]) -> None:
    """Note in a WSGI environment that something other than a login says who calls."""
    environ[_PERSONAL] = True


def is_personal(environ: Mapping[str, Any]) -> bool:
    """Say whether the response is one caller's: the request shows a login, good or bad, or a mark.

    Such a response goes into no shared cache, and says how far the caller's limit is.
    """
    return "HTTP_AUTHORIZATION" in environ or _PERSONAL in environ


def client_ip_of(request: HttpRequest) -> str:
    """Return the client IP of a request (Note [Client IP])."""
    return client_ip_in(request.META)


def client_ip_in(environ: Mapping[str, Any]) -> str:
    """Return the client IP of a WSGI environment (Note [Client IP])."""
    proxies = settings.TRUSTED_PROXY_COUNT
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "") if proxies else ""
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    if len(hops) >= proxies > 0:
        return str(hops[-proxies])
    return str(environ.get("REMOTE_ADDR", ""))


@lru_cache(maxsize=8192)
def client_ip_tag(client_ip: str) -> str:
    """Return the name of a client IP in counters and keys (Note [Client IP])."""
    try:
        parsed = ipaddress.ip_address(client_ip)
        if parsed.version == 6:
            network = ipaddress.ip_network((parsed, 64), strict=False)
            client_ip = str(network.network_address)
    except ValueError:
        pass  # a proxy may send anything: it is counted as it stands
    secret = settings.SECRET_KEY.encode()[:64]
    return blake2b(client_ip.encode(), key=secret, digest_size=9).hexdigest()
