"""The base of primary and replica: programs, folder, settings, readiness, statements."""

import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

from stack.errors import StackError
from stack.os_users import OsUser, private_file
from stack.postgres import settings
from stack.process import Command, Tools
from stack.service import HOST, Service, listens, server_environment

SUPERUSER = "postgres"
REPLICATOR = "replicator"
APPLICATION = "frontrow"
OBSERVER = "observer"
SLOT = "replica"


@dataclass(frozen=True)
class Passwords:
    """One for each role."""

    superuser: str
    replicator: str
    application: str
    observer: str

    def __repr__(self) -> str:
        return "Passwords(...)"


@dataclass(frozen=True)
class PostgresHost:
    """Where PostgreSQL lives on this machine."""

    programs: Path
    home: Path
    os_user: OsUser | None
    passwords: Passwords
    tools: Tools
    durable: bool = True


class Cluster(Service):
    """One PostgreSQL server."""

    stop_signal = signal.SIGINT  # "fast": sessions end, nothing is lost
    stop_seconds = 6

    def __init__(self, name: str, site: PostgresHost, port: int) -> None:
        self.name = self.part = name
        self.site = site
        self.port = port
        self.folder = site.home / name

    def command(self) -> Command:
        return self._program("postgres", "-D", str(self.folder))

    def ready(self) -> bool:
        if not listens(self.port):  # cheaper to ask than by a program
            return False
        probe = (
            "-h",
            HOST,
            "-p",
            str(self.port),
            "-U",
            SUPERUSER,
            "-d",
            "postgres",
            "-t",
            "1",
            "-q",
        )
        try:
            self.run("pg_isready", *probe, timeout=3)
        except StackError:
            return False
        return True

    def sql(self, statements: str, database: str = "postgres") -> list[str]:
        """Run `statements` as the superuser; return the lines of the result, columns split by |."""
        options = ["--no-psqlrc", "-qtA", "-v", "ON_ERROR_STOP=1", "-h", HOST, "-p", str(self.port)]
        done = self.run(
            "psql",
            *options,
            *("-U", SUPERUSER, "-d", database, "-f", "-"),
            stdin=statements,
            timeout=20,
            PGPASSWORD=self.site.passwords.superuser,
            PGCONNECT_TIMEOUT="3",
        )
        return done.splitlines()

    def run(
        self,
        program: str,
        *arguments: str,
        stdin: str | None = None,
        timeout: float = 120,
        **env: str,
    ) -> str:
        """Run one of PostgreSQL's programs to its end and return what it printed.

        Raises StackError when it fails.
        """
        command = self._program(program, *arguments, **env)
        return self.site.tools.run(command, stdin=stdin, timeout=timeout).stdout

    def configure(self, extra: dict[str, str] | None = None) -> None:
        """Write the configuration for this start."""
        shared = settings.server_settings(
            port=self.port, memory=psutil.virtual_memory().total, durable=self.site.durable
        )
        texts = {
            "postgresql.conf": settings.render(shared | (extra or {})),
            "pg_hba.conf": settings.ACCESS,
        }
        for name, text in texts.items():
            private_file(self.folder / name, text, self.site.os_user)

    def system_identifier(self) -> str:
        """Return the number that a cluster and its replicas share, read from the files."""
        for line in self.run("pg_controldata", "-D", str(self.folder)).splitlines():
            name, _, value = line.partition(":")
            if name == "Database system identifier":
                return value.strip()
        raise StackError(f"{self.name}: no system identifier in {self.folder}")

    def _program(self, program: str, *arguments: str, **env: str) -> Command:
        return Command(
            argv=(str(self.site.programs / program), *arguments),
            # PostgreSQL writes nothing to a home, but libpq looks there for certificates.
            environment=server_environment({"HOME": str(self.site.home), **env}),
            directory=self.site.home,
            os_user=self.site.os_user,
        )
