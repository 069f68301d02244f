"""What a connection to a backend needs in production.

Note [Backends in production]
People's data and our secrets travel to the databases, the Redis servers, Kafka and the mail server.
To another machine the connection is encrypted, we check the server's certificate (encryption alone
keeps no one in between out), and the server authenticates us: one that lets everybody in belongs to
everybody. On this machine (loopback or a socket) none of it is demanded.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

_ENCRYPTED = ("require", "verify-ca", "verify-full")
_CHECKED = ("verify-ca", "verify-full")


def is_here(host: str) -> bool:
    """Say whether a host is this machine: loopback, or a socket's folder."""
    host = host.strip("[]")
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def database_objection(database: Mapping[str, Any]) -> str:
    """Return what a database (in Django's form) lacks for production, or nothing."""
    options = database.get("OPTIONS", {})
    hosts = f"{database.get('HOST', '')},{options.get('host', '')}".split(",")
    return _objection(
        hosts,
        encrypted=options.get("sslmode") in _ENCRYPTED,
        checked=options.get("sslmode") in _CHECKED,
        known=bool(database.get("PASSWORD") or options.get("sslcert")),
        cure="?sslmode=verify-full",
    )


def places_of(url: str, *, default_port: int) -> list[tuple[str, int]]:
    """Return host and port of each place that a URL names, separated by commas."""
    named = urlsplit(url).netloc.rpartition("@")[2]
    found = []
    for place in named.split(","):
        host, colon, port = place.rpartition(":")
        if not colon or port.endswith("]"):  # an IPv6 address ends so
            host, port = place, ""
        found.append((host.strip("[]"), int(port or default_port)))
    return found


def redis_objection(url: str) -> str:
    """Return what a Redis URL lacks for production, or nothing."""
    parts = urlsplit(url)
    return _objection(
        [host for host, _ in places_of(url, default_port=6379)],
        encrypted=parts.scheme.startswith("rediss"),
        checked=parse_qs(parts.query).get("ssl_cert_reqs", ["required"]) == ["required"],
        known=bool(parts.password),
        cure="rediss://, without ssl_cert_reqs",
    )


def kafka_objection(servers: str, protocol: str) -> str:
    """Return what the way to Kafka lacks for production, or nothing."""
    hosts = [server.strip().rpartition(":")[0] for server in servers.split(",") if server.strip()]
    return _objection(
        hosts,
        encrypted=protocol.endswith("SSL"),
        known=protocol.startswith("SASL_"),
        cure="KAFKA_SECURITY_PROTOCOL=SASL_SSL",
    )


def mail_objection(host: str, *, encrypted: bool, password: str) -> str:
    """Return what the way to the mail server lacks for production, or nothing."""
    cure = "smtp+tls:// or smtps://"
    return _objection([host], encrypted=encrypted, known=bool(password), cure=cure)


def web_objection(url: str) -> str:
    """Return what a web service's URL lacks for production, or nothing."""
    parts = urlsplit(url)
    encrypted = parts.scheme == "https"
    return _objection([parts.hostname or ""], encrypted=encrypted, known=True, cure="https://")


def _objection(
    hosts: Iterable[str], *, encrypted: bool, known: bool, cure: str, checked: bool = True
) -> str:
    remote = next((host for host in hosts if not is_here(host)), None)
    if remote is None or (encrypted and checked and known):
        return ""
    if not encrypted:
        return f"in clear to {remote}, which is another machine: use {cure}"
    if not checked:
        return f"to {remote}, another machine, without a check of its certificate: use {cure}"
    return f"without a password to {remote}, which is another machine"
