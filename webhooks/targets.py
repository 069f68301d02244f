"""Where a webhook goes: a URL, read once and strictly, and the addresses it may lead to.

Note [Where webhooks may go]
An integrator's URL makes this site connect to a host of the integrator's choice, so it must not
reach what only this site can reach. The host is looked up once for each try; if any of its
addresses is refused, nothing is connected, and else the connection goes to an address of that
answer, never to a second look-up's (DNS rebinding). Allowed are IPv6 global unicast (2000::/3) and
IPv4 but for the ranges that IANA's registries of special purposes list; that refuses loopback,
private, link-local, shared (CGNAT), multicast and reserved ones, IPv4 inside of IPv6 in each of its
forms, and the metadata services of clouds. Only https, on port 443 or from 1024 on: below live
protocols that HTTP could be mistaken for. Redirects are not followed. Settings for a developer's
machine let loopback in, there by http too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from django.conf import settings

from webhooks import policy

_PORTS = {"https": 443, "http": 80}
_FIRST_FREE_PORT = 1024
_URL = re.compile(r"[!-~]+")
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_LONGEST_NAME = 253
# A last label of digits, or 0x: a form of an IPv4 address, which resolvers read in many ways.
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")

_REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # CGNAT; also Alibaba's metadata service
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's services for its own machines: a public address
            "169.254.0.0/16",  # link-local; the metadata service of most clouds
            "172.16.0.0/12",
            "192.0.0.0/24",  # also Oracle's metadata service
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo (IPv4 inside) and other special purposes
            "2001:db8::/32",
            "2002::/16",  # 6to4: IPv4 inside
            "3fff::/20",
        ),
    )
)


class TargetRefused(ValueError):
    """Nothing is sent there; its text says why, for the integrator."""


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """A URL in parts; `host` is a name or an address without brackets, `path` has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str) -> WebhookTarget:
    """Return the parts of a URL that something may be sent to; raises `TargetRefused`.

    A name may still lead to an address that is refused, which only a look-up shows.
    """
    if len(url) > policy.LONGEST_URL or not _URL.fullmatch(url) or "\\" in url:
        raise TargetRefused("not a URL of visible ASCII characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise TargetRefused("not a URL") from None
    if parts.scheme not in _PORTS or (parts.scheme == "http" and not _may_be_loopback()):
        raise TargetRefused("only https")
    if "@" in parts.netloc:
        raise TargetRefused("no user or password in it")
    if parts.fragment or "#" in url:
        raise TargetRefused("no fragment in it")
    port = _PORTS[parts.scheme] if port is None else port
    if port != _PORTS[parts.scheme] and port < _FIRST_FREE_PORT:
        raise TargetRefused(f"port {port} is none for webhooks")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = WebhookTarget(parts.scheme, host, port, path)
    _check_host(target)
    return target


def check_addresses(target: WebhookTarget, addresses: Sequence[str]) -> None:
    """Raise `TargetRefused` if a host has an address that is refused, or none."""
    if not addresses:
        raise TargetRefused("the host has no address")
    for address in addresses:
        if not _is_allowed(address, target.scheme):
            raise TargetRefused("the host has an address that is not public")


def _check_host(target: WebhookTarget) -> None:
    try:
        ip_address(target.host)
    except ValueError:
        if not _is_name(target.host):
            raise TargetRefused("no valid host name (write others as xn--...)") from None
        return
    check_addresses(target, [target.host])


def _is_name(host: str) -> bool:
    if len(host) > _LONGEST_NAME or not _NAME.fullmatch(host):
        return False
    return not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2])


def _is_allowed(address: str, scheme: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if parsed.is_loopback and getattr(parsed, "scope_id", None) is None:
        return _may_be_loopback()
    return scheme == "https" and _is_public(parsed)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in one for one in _REFUSED_V4)
    if address.scope_id is not None or address not in _GLOBAL_V6:
        return False
    return not any(address in one for one in _REFUSED_V6)


def _may_be_loopback() -> bool:
    return bool(settings.WEBHOOKS_TO_LOOPBACK)
