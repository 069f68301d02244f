"""The settings of the stack: ports, the data folder, and servers that run elsewhere."""

import os
from collections.abc import Iterable, Mapping

from stack.errors import StackError
from stack.gateway import Options
from stack.profiles import MEMBERS, PLAIN, Port, Profile
from stack.service import taken

PORTS = (
    Port("gateway", "FRONTROW_PORT", 8000, "gateway"),
    Port("api", "FRONTROW_API_PORT", 8001, "api"),
    Port("flower", "FRONTROW_FLOWER_PORT", 5555, "flower"),
    Port("primary", "FRONTROW_PRIMARY_PORT", 15432, "primary"),
    Port("replica", "FRONTROW_REPLICA_PORT", 15433, "replica"),
    Port("cache", "FRONTROW_CACHE_PORT", 16379, "cache"),
    Port("lock", "FRONTROW_LOCK_PORT", 16380, "lock"),
    Port("queue", "FRONTROW_QUEUE_PORT", 16381, "queue"),
    Port("broker", "FRONTROW_BROKER_PORT", 16382, "broker"),
    Port("kafka", "FRONTROW_KAFKA_PORT", 19092, "kafka"),
    Port("controller", "FRONTROW_KAFKA_CONTROLLER_PORT", 19093, "kafka"),
    # Where the processes that aren't the API show their metrics.
    Port("promotion", "FRONTROW_PROMOTION_METRICS_PORT", 19101, "workers"),
    Port("relay", "FRONTROW_RELAY_METRICS_PORT", 19102, "workers"),
    Port("general", "FRONTROW_GENERAL_METRICS_PORT", 19103, "workers"),
    Port("consumers", "FRONTROW_CONSUMERS_METRICS_PORT", 19104, "consumers"),
    Port("fastpath-metrics", "FRONTROW_FASTPATH_METRICS_PORT", 19105, "fastpath"),
    Port("fastpath", "FRONTROW_FASTPATH_PORT", 8002, "fastpath"),
    Port("sandbox", "FRONTROW_SANDBOX_PORT", 8003, "sandbox"),
    Port("smtp", "FRONTROW_SMTP_PORT", 11025, "mail"),
    Port("inbox", "FRONTROW_MAIL_PORT", 8025, "mail"),
    Port("fastpath-sale-metrics", "FRONTROW_FASTPATH_SALE_METRICS_PORT", 19106, "fastpath"),
    Port("fastpath-sale", "FRONTROW_FASTPATH_SALE_PORT", 8004, "fastpath"),
    Port("background", "FRONTROW_BACKGROUND_METRICS_PORT", 19108, "workers"),
    Port("stream", "FRONTROW_STREAM_PORT", 8005, "stream"),
    Port("stream-metrics", "FRONTROW_STREAM_METRICS_PORT", 19107, "stream"),
)
# Gives every port that has no variable of its own a new default.
BASE_VARIABLE = "FRONTROW_PORT_BASE"
# Variables that lead to a server: set from outside, they win over the local part.
SERVER_VARIABLES = {
    "DATABASE_URL": "primary",
    "REPLICA_URL": "replica",
    "IDEMPOTENCY_DATABASE_URL": "primary",
    "REDIS_CACHE_URL": "cache",
    "REDIS_LOCK_URL": "lock",
    "REDIS_QUEUE_URL": "queue",
    "CELERY_BROKER_URL": "broker",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka",
    "PAYMENT_GATEWAY": "sandbox",
    "EMAIL_URL": "mail",
}
# What belongs to the sandbox, and is of no use with another gateway.
SANDBOX_VARIABLES = {"PAYMENT_GATEWAY_URL", "PAYMENT_GATEWAY_SECRET", "PAYMENT_WEBHOOK_SECRETS"}


def ports(
    environment: Mapping[str, str] = os.environ, *, profile: Profile = PLAIN
) -> dict[str, int]:
    """Return the port of each listener.

    FRONTROW_PORT_BASE gives them all new defaults, one after the other in the order of PORTS and
    then of the profile's; a variable of a port's own goes before it. Raises StackError for one that
    is no port, or given to two.
    """
    known = (*PORTS, *profile.ports)
    base = environment.get(BASE_VARIABLE)
    if base and not (base.isdecimal() and 1 <= int(base) <= 65536 - len(known)):
        raise StackError(f"{BASE_VARIABLE}={base} is no port number with {len(known)} after it")
    chosen: dict[str, int] = {}
    for place, port in enumerate(known):
        text = environment.get(port.variable) or str(int(base) + place if base else port.default)
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise StackError(f"{port.variable}={text} is no port number")
        for other in known:
            if chosen.get(other.name) == int(text):
                raise StackError(f"{port.variable} and {other.variable} are both {text}")
        chosen[port.name] = int(text)
    return chosen


def gateway_options(environment: Mapping[str, str] = os.environ) -> Options:
    """Return what the environment says of the gateway. Raises StackError for nonsense."""
    limits = environment.get("FRONTROW_GATEWAY_LIMITS") or "off"
    if limits not in ("on", "off"):
        raise StackError(f"FRONTROW_GATEWAY_LIMITS={limits} is neither on nor off")
    proxies = environment.get("FRONTROW_TRUSTED_PROXIES", "").replace(",", " ").split()
    return Options(trusted_proxies=tuple(proxies), limits=limits == "on")


def etcd_links(environment: Mapping[str, str] = os.environ) -> dict[str, int]:
    """Return the ports by which members reach etcd, where something stands between: by name.

    FRONTROW_ETCD_LINKS is `postgres-1=PORT,...`. Raises StackError for nonsense.
    """
    links: dict[str, int] = {}
    for link in filter(None, environment.get("FRONTROW_ETCD_LINKS", "").split(",")):
        member, _, port = link.partition("=")
        if member not in MEMBERS or not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise StackError(f"FRONTROW_ETCD_LINKS: {link!r} is no member and its port")
        links[member] = int(port)
    return links


def check_free(
    chosen: Mapping[str, int], parts: Iterable[str], *, profile: Profile = PLAIN
) -> None:
    """Raise StackError, a line for each, where a port of one of `parts` is taken."""
    wanted = set(parts)
    problems = [
        f"port {chosen[port.name]} is taken, and {port.name} wants it: set {port.variable}"
        for port in (*PORTS, *profile.ports)
        if port.part in wanted and taken(chosen[port.name])
    ]
    if problems:
        raise StackError("\n".join(problems))


def from_outside(
    local: Mapping[str, str], last: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return what the environment says otherwise than the stack itself would.

    A shell that took `stack env` in carries our own values, of this start or the `last` one: those
    are no other servers. An empty KAFKA_BOOTSTRAP_SERVERS means: without Kafka.
    """
    found = {}
    for name, value in local.items():
        given = environment.get(name)
        if given is None or given in (value, last.get(name)):
            continue
        if given or name == "KAFKA_BOOTSTRAP_SERVERS":
            found[name] = given
    return found
