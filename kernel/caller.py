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

from kernel.from_settings import from_settings

_PERSONAL = "frontrow.personal"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated person, read from a token without a query; the API's user.

    `groups` are staff groups (staff, operator, finance, door, integrator). `session_id` is the
    revocable login session.
    """

    user_id: UUID
    session_id: str = ""
    is_staff: bool = False
    groups: frozenset[str] = field(default_factory=frozenset)

    @property
    def pk(self) -> UUID:
        """The user's key, under the name DRF's throttles and pagination expect."""
        return self.user_id

    @property
    def is_authenticated(self) -> bool:
        """Always true: nobody is None, not a Caller."""
        return True


@dataclass(frozen=True, slots=True)
class Machine:
    """An authenticated machine, read from its API key without a query; the API's user.

    `scopes` are what its key may do, `performances` where; empty: at all performances.
    """

    key_id: UUID
    scopes: frozenset[str]
    performances: frozenset[UUID] = field(default_factory=frozenset)

    @property
    def pk(self) -> UUID:
        """The key's id, where throttles and the access log look for the caller's."""
        return self.key_id

    @property
    def is_authenticated(self) -> bool:
        """Always true: nobody is None, not a Machine."""
        return True

    @property
    def is_staff(self) -> bool:
        """Always false: a machine is no person."""
        return False

    def may_serve(self, performance_id: UUID) -> bool:
        """Say whether the key is good at a performance."""
        return not self.performances or performance_id in self.performances


@dataclass(frozen=True, slots=True)
class Sender:
    """A server that has signed its request, such as a payment gateway's; its view counts it."""

    name: str


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
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
    return client_ip_behind(forwarded, peer=str(environ.get("REMOTE_ADDR", "")))


def client_ip_behind(forwarded: str, *, peer: str) -> str:
    """Return the client IP of a call by `peer` that says `X-Forwarded-For: forwarded`, or ""."""
    proxies = _trusted_proxies()
    if proxies > 0:
        hops = [hop for hop in map(str.strip, forwarded.split(",")) if hop]
        if len(hops) >= proxies:
            return hops[-proxies]
    return peer


@lru_cache(maxsize=8192)
def client_ip_tag(client_ip: str) -> str:
    """Return the name of a client IP in counters and keys (Note [Client IP])."""
    if ":" in client_ip:
        client_ip = _network_of(client_ip)
    return blake2b(client_ip.encode(), key=_secret(), digest_size=9).hexdigest()


def _network_of(client_ip: str) -> str:
    """Return the /64 of an IPv6 address; anything else is counted as it stands."""
    try:
        parsed = ipaddress.IPv6Address(client_ip)
    except ValueError:
        return client_ip  # a proxy may send anything
    return str(ipaddress.IPv6Network((parsed, 64), strict=False).network_address)


@from_settings
def _trusted_proxies() -> int:
    return int(settings.TRUSTED_PROXY_COUNT)


@from_settings
def _secret() -> bytes:
    return bytes(settings.SECRET_KEY.encode()[:64])
