"""Patroni: an interpreter that the servers' user can run, its packages, its configuration.

Note [Patroni's interpreter]
Patroni starts PostgreSQL, so it runs as the servers' user (Note [Unprivileged servers]). Where that
user can't reach the virtualenv's interpreter, the machine's own of the same minor version does: the
packages, which stand in a folder of their own, are compiled for that version. With -S it looks at
no other packages.
"""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.errors import StackError
from stack.os_users import OsUser
from stack.packages import installed
from stack.postgres.binaries import ends_well
from stack.postgres.cluster import REPLICATOR, SUPERUSER, PostgresHost
from stack.postgres.settings import ACCESS
from stack.process import Command, Tools
from stack.service import HOST, server_environment

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "ha.txt"
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


@dataclass(frozen=True)
class PatroniProgram:
    """How Patroni is run: an interpreter and the folder of the packages."""

    interpreter: Path
    packages: Path

    def argv(self, *arguments: str) -> tuple[str, ...]:
        return (str(self.interpreter), "-S", *arguments)

    def environment(self, home: Path) -> dict[str, str]:
        return server_environment({"HOME": str(home), "PYTHONPATH": str(self.packages)})


def program(home: Path, os_user: OsUser | None, tools: Tools) -> PatroniProgram:
    """Return Patroni, installed below `home` at first use.

    Raises StackError where this machine can't have it.
    """
    interpreter = _interpreter(os_user)
    return PatroniProgram(interpreter, installed(REQUIREMENTS, home, tools))


def _interpreter(os_user: OsUser | None) -> Path:
    """See Note [Patroni's interpreter]."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable, shutil.which(name, path="/usr/local/bin:/usr/bin")]
    for found in candidates:
        if found and _runs(found, os_user):
            return Path(found)
    user = os_user.name if os_user else "this user"
    raise StackError(f"Patroni needs a {name} that {user} can run")


def _runs(interpreter: str, os_user: OsUser | None) -> bool:
    version = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    return ends_well(Command((interpreter, "-S", "-c", version), os_user=os_user))


@dataclass(frozen=True)
class Consensus:
    """Where etcd is, and what it and the members' own interfaces want to hear."""

    etcd_port: int
    etcd_user: str
    etcd_password: str
    rest_password: str


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
        "etcd3": {
            "host": f"{HOST}:{consensus.etcd_port}",
            "username": consensus.etcd_user,
            "password": consensus.etcd_password,
        },
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
