"""PostgreSQL with spare parts: members under Patroni, any of which may lead."""

import http.client
import json
import signal
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import psutil

from stack.errors import StackError
from stack.os_users import private_file
from stack.postgres import patroni
from stack.postgres.cluster import SUPERUSER, Cluster, PostgresHost
from stack.postgres.roles import statements
from stack.process import Command, wait_until
from stack.python_program import PythonProgram
from stack.service import HOST, Service

AGREE_SECONDS = 60
ROLES = {"primary": "leader", "replica": "standby"}


class Member(Cluster):
    """One server with the Patroni that starts, promotes and demotes it."""

    after = ("etcd",)
    stop_signal = signal.SIGTERM
    stop_seconds = 8
    ready_seconds = 120

    def __init__(
        self,
        name: str,
        site: PostgresHost,
        port: int,
        rest_port: int,
        program: PythonProgram,
        consensus: patroni.Consensus,
    ) -> None:
        super().__init__(name, site, port)
        self.rest_port = rest_port
        self.program = program
        self.consensus = consensus

    def prepare(self, failures: int) -> None:
        text = patroni.configuration(
            self.site,
            self.consensus,
            name=self.name,
            port=self.port,
            rest_port=self.rest_port,
            settings=self.settings(),
            pgpass=self.site.home / f".{self.name}.pgpass",
        )
        private_file(self.site.home / f"{self.name}.json", text, self.site.os_user)

    def settings(self) -> dict[str, str]:
        """Return a member's settings: any may lead, so each keeps the log for the archive."""
        made = super().settings()
        if self.site.archiving:
            # A dead leader may leave a file behind that its standbys alone have.
            made["archive_mode"] = "always"
        return made

    def command(self) -> Command:
        way = self.site.archiving.environment if self.site.archiving else {}
        return Command(
            argv=self.program.argv("-m", "patroni", str(self.site.home / f"{self.name}.json")),
            environment=self.program.environment(self.site.home) | dict(way),
            directory=self.site.home,
            os_user=self.site.os_user,
        )

    def ready(self) -> bool:
        return self._reply_to("/health")[0] == 200

    def standing(self) -> str:
        """Return leader or standby, with what keeps it from its work."""
        status, said = self._reply_to("/patroni")
        if not status:
            return "unknown"
        role = ROLES.get(said.get("role", ""), "unknown")
        state = said.get("state", "unknown")
        return role if state in ("running", "streaming") else f"{role}, {state}"

    def is_counted(self) -> bool:
        """Say whether it is a standby that commits wait for, and that may follow the leader."""
        return bool(self._reply_to("/patroni")[1].get("quorum_standby"))

    def strays(self) -> Iterable[int]:
        """Return the postmaster: Patroni lets it go, so that it may live longer."""
        with suppress(OSError, ValueError, psutil.Error):
            pid = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
            # The file may be older than the machine's last start, and the pid somebody else's.
            if str(self.folder) in psutil.Process(pid).cmdline():
                return [pid]
        return []

    def _reply_to(self, path: str) -> tuple[int, dict[str, Any]]:
        """Return status and body of Patroni's interface, (0, {}) where it doesn't respond."""
        connection = http.client.HTTPConnection(HOST, self.rest_port, timeout=1)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}
        finally:
            connection.close()


class Databases(Service):
    """The roles and databases, once a member leads and the others may follow it.

    Until the members have agreed on that, a new leader acknowledges what nobody has a copy of, and
    nobody may take its place.
    """

    name = "databases"
    part = "setup"

    def __init__(self, members: Sequence[Member], databases: tuple[str, ...]) -> None:
        self.after = tuple(member.name for member in members)
        self.members = members
        self.databases = databases

    def prepare(self, failures: int) -> None:
        """Bring them to what they should be, on whichever member leads."""
        if not wait_until(self._are_spare, AGREE_SECONDS, every=0.2):
            raise StackError(f"no standby was agreed on within {AGREE_SECONDS} s")
        first, site = self.members[0], self.members[0].site
        first.run(
            "psql",
            *("--no-psqlrc", "-qtA", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER, "-d", "postgres"),
            *("-h", ",".join(HOST for _ in self.members)),
            *("-p", ",".join(str(member.port) for member in self.members), "-f", "-"),
            stdin=statements(site.passwords, self.databases),
            timeout=20,
            PGPASSWORD=site.passwords.superuser,
            PGCONNECT_TIMEOUT="3",
            PGTARGETSESSIONATTRS="read-write",
        )

    def command(self) -> None:
        return None

    def _are_spare(self) -> bool:
        return any(member.is_counted() for member in self.members)
