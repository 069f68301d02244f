"""The servers of a start, as the profile has them."""

from collections.abc import Mapping
from pathlib import Path

from stack import etcd, kafka
from stack.backups.archive import Archive
from stack.data_dir import DataDir
from stack.postgres import patroni
from stack.postgres.binaries import programs
from stack.postgres.cluster import Archiving, PostgresHost
from stack.postgres.member import Databases, Member
from stack.postgres.primary import Primary
from stack.postgres.replica import Replica
from stack.process import Tools
from stack.profiles import BROKERS, MEMBERS, NODES, Profile
from stack.programs import Programs
from stack.service import Service
from stack.settings import etcd_links
from stack.valkey import ROLES, Node, Valkey, ValkeyCluster

DATABASES = ("frontrow", "idempotency")


def host_of(data_dir: DataDir, tools: Tools, archive: Archive | None = None) -> PostgresHost:
    """Return where PostgreSQL lives; `archive`: the bucket for its copies and its log."""
    return PostgresHost(
        programs=programs(data_dir.home, data_dir.os_user),
        home=data_dir.home,
        os_user=data_dir.os_user,
        passwords=data_dir.passwords,
        tools=tools,
        json_logs=True,
        archiving=Archiving(archive.settings(), archive.environment()) if archive else None,
    )


def postgres(
    data_dir: DataDir, ports: Mapping[str, int], site: PostgresHost, found: Programs
) -> list[Service]:
    """Return PostgreSQL's servers: a primary and its replica, or members that may all lead."""
    if found.etcd is None or found.members is None:
        primary = Primary(site, ports["primary"], DATABASES)
        return [primary, Replica(site, ports["replica"], primary)]
    made = data_dir.secrets
    consensus = patroni.Consensus(
        ports["etcd"],
        etcd.USER,
        made["etcd_password"],
        made["patroni_password"],
        etcd_links(),
    )
    members = [
        Member(name, site, ports[name], ports[f"patroni-{number}"], found.members, consensus)
        for number, name in enumerate(MEMBERS, 1)
    ]
    place = data_dir.root / "etcd"
    listeners = (ports["etcd"], ports["etcd-peer"])
    keeper = etcd.Etcd(found.etcd, *listeners, place, made["etcd_password"])
    return [keeper, *members, Databases(members, DATABASES)]


def valkey(place: Path, ports: Mapping[str, int], profile: Profile) -> list[Service]:
    """Return Valkey's servers: one a role, or a cluster where the profile has one."""
    servers: list[Service] = []
    for role in ROLES:
        if not profile.replaces(role):
            servers.append(Valkey(role, ports[role], place / role))
            continue
        nodes = [
            Node(role, name, ports[name], ports[f"{role}-bus-{number}"], place / name)
            for number, name in enumerate(NODES[role], 1)
        ]
        servers += [*nodes, ValkeyCluster(role, nodes)]
    return servers


def brokers(
    place: Path, ports: Mapping[str, int], jars: Path, tools: Tools, profile: Profile
) -> list[Service]:
    """Return Kafka: one node, or a cluster where the profile has one."""
    if not profile.replaces("kafka"):
        listeners = (ports["kafka"], ports["controller"])
        return [kafka.Kafka(*listeners, place, jars, tools, metrics_port=ports.get("kafka-jmx"))]
    controllers = tuple(ports[f"controller-{number}"] for number in range(1, len(BROKERS) + 1))
    return [
        kafka.Kafka(
            ports[name],
            controllers[number - 1],
            place.with_name(name),
            jars,
            tools,
            kafka.BrokerPlace(name, number, controllers),
            metrics_port=ports.get(f"kafka-jmx-{number}"),
        )
        for number, name in enumerate(BROKERS, 1)
    ]
