"""Profiles of the stack: which parts stand in for which, and the ports that they need."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Port:
    """A local port: who listens there, the variable that changes it, its default."""

    name: str
    variable: str
    default: int
    part: str


@dataclass(frozen=True)
class Profile:
    """A choice of parts: `stand_ins` says for a part of the plain stack which others do its work.

    `ports` are those of the parts that the plain stack has not. An observed one has OBSERVING too.
    """

    name: str
    stand_ins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    is_observed: bool = False

    def observed(self) -> "Profile":
        """Return the same with what observes it."""
        jmx = _of_instances("kafka-jmx", self.instances("kafka"), 19161)
        names = tuple(f"exporter-{one}" for one in self.postgres())
        exporters = (replace(one, part="exporters") for one in _ports(names, 19181))
        mine = (*OBSERVING_PORTS, *jmx, *exporters)
        return replace(self, ports=(*self.ports, *mine), is_observed=True)

    def postgres(self) -> tuple[str, ...]:
        """Return the servers of PostgreSQL."""
        found = (*self.instances("primary"), *self.instances("replica"))
        return tuple(one for one in found if one != "etcd")

    def replaces(self, part: str) -> bool:
        """Say whether other parts do the work of this one."""
        return part in self.stand_ins

    def instances(self, part: str) -> tuple[str, ...]:
        """Return the parts that do the work of this one: itself, where nothing stands in."""
        return self.stand_ins.get(part, (part,))

    def parts(self) -> tuple[str, ...]:
        """Return the parts that the plain stack has not, in the order of `stand_ins`."""
        return tuple(part for parts in self.stand_ins.values() for part in parts)


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}-{number}" for number in range(1, count + 1))


def _ports(names: tuple[str, ...], first: int, *, of: str = "") -> Iterator[Port]:
    """Yield a port for each name; `of`: the prefix of the parts that they belong to."""
    for place, name in enumerate(names):
        part = f"{of}-{name.rpartition('-')[2]}" if of else name
        variable = f"FRONTROW_{name.upper().replace('-', '_')}_PORT"
        yield Port(name, variable, first + place, part)


def _of_instances(prefix: str, parts: tuple[str, ...], first: int) -> Iterator[Port]:
    """Yield a port more for each of `parts`."""
    for place, part in enumerate(parts):
        name = f"{prefix}{part.removeprefix('kafka')}"
        yield Port(name, f"FRONTROW_{name.upper().replace('-', '_')}_PORT", first + place, part)


# What observes a stack, and nobody needs for a sale.
OBSERVING = ("state-metrics", "prometheus", "alertmanager", "exporters")
OBSERVING_PORTS = (
    Port("prometheus", "FRONTROW_PROMETHEUS_PORT", 9090, "prometheus"),
    Port("alertmanager", "FRONTROW_ALERTMANAGER_PORT", 9093, "alertmanager"),
    Port("state-metrics", "FRONTROW_STATE_METRICS_PORT", 19109, "state-metrics"),
    Port("redis-exporter", "FRONTROW_REDIS_EXPORTER_PORT", 19171, "exporters"),
    Port("node-exporter", "FRONTROW_NODE_EXPORTER_PORT", 19172, "exporters"),
    Port("nginx-exporter", "FRONTROW_NGINX_EXPORTER_PORT", 19173, "exporters"),
    Port("gateway-status", "FRONTROW_GATEWAY_STATUS_PORT", 19174, "gateway"),
)
MEMBERS = _numbered("postgres", 3)
BROKERS = _numbered("kafka", 3)
NODES = {role: _numbered(role, 6) for role in ("lock", "queue")}
APIS = _numbered("api", 2)
FASTPATHS = _numbered("fastpath", 2)

PLAIN = Profile("plain")
# Spare parts: each of these may be lost while a sale runs.
HA = Profile(
    "ha",
    {
        "primary": ("etcd", *MEMBERS),
        "replica": (),
        **NODES,
        "kafka": BROKERS,
        "api": APIS,
        "fastpath": FASTPATHS,
    },
    (
        *_ports(("etcd",), 12379),
        Port("etcd-peer", "FRONTROW_ETCD_PEER_PORT", 12380, "etcd"),
        *_ports(MEMBERS, 15441),
        *_ports(_numbered("patroni", 3), 18008, of="postgres"),
        *_ports(BROKERS, 19121),
        *_ports(_numbered("controller", 3), 19131, of="kafka"),
        *_ports(NODES["lock"], 16401),
        *_ports(NODES["queue"], 16411),
        *_ports(_numbered("lock-bus", 6), 26401, of="lock"),
        *_ports(_numbered("queue-bus", 6), 26411, of="queue"),
        *_ports(APIS, 8011),
        *_ports(FASTPATHS, 8021),
        *_ports(_numbered("fastpath-sale", 2), 8031, of="fastpath"),
        *_ports(_numbered("fastpath-metrics", 2), 19141, of="fastpath"),
        *_ports(_numbered("fastpath-sale-metrics", 2), 19151, of="fastpath"),
    ),
)
# Of those only the clusters of Valkey: it starts in a third of the time.
VALKEY = Profile(
    "valkey",
    NODES,
    tuple(port for port in HA.ports if any(port.part in nodes for nodes in NODES.values())),
)
PROFILES = {profile.name: profile for profile in (PLAIN, HA, VALKEY)}
