"""Patroni: the program, and a member's configuration."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stack.os_users import OsUser
from stack.postgres.cluster import REPLICATOR, SUPERUSER, PostgresHost
from stack.postgres.settings import ACCESS
from stack.process import Tools
from stack.python_program import PythonProgram, python_program
from stack.service import HOST

SCOPE = "frontrow"

# What the members agree on; kept in etcd from the first start on.
# A commit counts once one of the standbys has it, and only such a one may follow (quorum). Without
# a standby nothing is committed (strict). An unreachable etcd alone demotes nobody (failsafe).
AGREED: dict[str, Any] = {
    "ttl": 20,
    "loop_wait": 2,
    "retry_timeout": 3,
    "primary_start_timeout": 0,
    "maximum_lag_on_failover": 1024 * 1024,
    "failsafe_mode": True,
    "synchronous_mode": "quorum",
    "synchronous_mode_strict": True,
    "synchronous_node_count": 1,
}
# Of PostgreSQL's settings, those that Patroni wants to be the same on all members.
AGREED_SETTINGS = (
    "max_connections",
    "max_wal_senders",
    "max_replication_slots",
    "wal_level",
    "wal_keep_size",
)
# Patroni says these itself.
OWN_SETTINGS = ("listen_addresses", "port", "hot_standby")
INITDB = [
    {"encoding": "UTF8"},
    {"locale-provider": "builtin"},
    {"locale": "C.UTF-8"},
    {"auth": "scram-sha-256"},
    "data-checksums",
]


def program(home: Path, os_user: OsUser | None, tools: Tools) -> PythonProgram:
    """Return Patroni, installed below `home` at first use.

    Raises StackError where this machine can't have it.
    """
    return python_program("Patroni", "ha", home, os_user, tools)


@dataclass(frozen=True)
class Consensus:
    """Where etcd is, and what it and the members' own interfaces want to hear.

    `etcd_links`: the ports by which members reach it in another way, by the members' names.
    """

    etcd_port: int
    etcd_user: str
    etcd_password: str
    rest_password: str
    etcd_links: Mapping[str, int] = field(default_factory=dict)

    def etcd_for(self, member: str) -> dict[str, Any]:
        """Return what a member's configuration says of etcd."""
        link = self.etcd_links.get(member)
        # Whom a link leads to is not asked for other addresses: it is the only way.
        way = (
            {"host": f"{HOST}:{self.etcd_port}"}
            if link is None
            else {
                "hosts": [f"{HOST}:{link}"],
                "use_proxies": True,
            }
        )
        return {**way, "username": self.etcd_user, "password": self.etcd_password}


def configuration(
    site: PostgresHost,
    consensus: Consensus,
    *,
    name: str,
    port: int,
    rest_port: int,
    settings: Mapping[str, str],
    pgpass: Path,
) -> str:
    """Return a member's configuration: JSON, which is YAML too."""
    agreed = {key: settings[key] for key in AGREED_SETTINGS}
    own = {
        key: value
        for key, value in settings.items()
        if key not in AGREED_SETTINGS and key not in OWN_SETTINGS
    }
    tree = {
        "scope": SCOPE,
        "name": name,
        "log": {"level": "INFO", "deduplicate_heartbeat_logs": True},
        "restapi": {
            "listen": f"{HOST}:{rest_port}",
            "connect_address": f"{HOST}:{rest_port}",
            "authentication": {"username": "patroni", "password": consensus.rest_password},
        },
        "etcd3": consensus.etcd_for(name),
        "bootstrap": {
            "dcs": AGREED
            | {"postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": agreed}},
            "initdb": INITDB,
        },
        "postgresql": _postgresql(site, name, port, own, pgpass),
        "watchdog": {"mode": "off"},
    }
    return json.dumps(tree, indent=1)


def _postgresql(
    site: PostgresHost, name: str, port: int, own: Mapping[str, str], pgpass: Path
) -> dict[str, Any]:
    """Return what a member is to do with its PostgreSQL."""
    passwords, place = site.passwords, f"{HOST}:{port}"
    return {
        "listen": place,
        "connect_address": place,
        "data_dir": str(site.home / name),
        "bin_dir": str(site.programs),
        "pgpass": str(pgpass),
        "authentication": {
            "superuser": {"username": SUPERUSER, "password": passwords.superuser},
            "replication": {"username": REPLICATOR, "password": passwords.replicator},
        },
        "parameters": own,
        "pg_hba": _lines(ACCESS),
        "basebackup": [{"checkpoint": "fast"}],
        "remove_data_directory_on_rewind_failure": True,
        "remove_data_directory_on_diverged_timelines": True,
    }


def _lines(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]
