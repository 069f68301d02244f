"""Make a server of a copy and its log, as it was at a moment, in a folder of its own."""

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from stack.backups.archive import Archive, ArchiveRefused, BaseBackup, server_of
from stack.backups.log_chain import LogChain
from stack.backups.taking import bring_up_to, chain_of
from stack.errors import StackError
from stack.os_users import give, private_file, reachable
from stack.postgres import settings
from stack.postgres.cluster import SUPERUSER, Cluster, PostgresHost
from stack.postgres.roles import statements
from stack.process import Child, Command

_FETCH_SECONDS = 6 * 3600.0
_STOP_SECONDS = 60.0
_SAY_SECONDS = 10.0
_REACHED = re.compile(r"last completed transaction was at log time (.+)")
_FATAL = re.compile(r"(?:FATAL|PANIC):\s+(.+)")
# Only who may enter the folder of the socket gets in, and only while the log is read.
_BY_SOCKET = "local all all trust\n"

Say = Callable[[str], None]


@dataclass(frozen=True)
class RestoreOrder:
    """What to restore: a cluster to a moment (None: to the archive's end), into a new folder."""

    cluster: str
    moment: datetime | None
    into: Path


@dataclass(frozen=True)
class Restored:
    """A stopped server, and how long its making took."""

    folder: Path
    backup: BaseBackup
    last_commit: str  # as PostgreSQL prints it, empty where the log had none
    log_files: int
    fetch_seconds: float
    replay_seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "folder": str(self.folder),
            "backup": self.backup.as_json(),
            "last_commit": self.last_commit,
            "log_files": self.log_files,
            "fetch_seconds": round(self.fetch_seconds, 1),
            "replay_seconds": round(self.replay_seconds, 1),
        }


class RestoredCluster(Cluster):
    """A server in the folder of a restore; while it reads its log, behind a socket of its own."""

    def __init__(self, site: PostgresHost, folder: Path, socket: Path | None, port: int) -> None:
        super().__init__("restored", site, port)
        self.folder = folder
        self.socket = socket

    def command(self) -> Command:
        # On the command line, which goes before what ALTER SYSTEM has left in the copy.
        own = ["-c", "archive_mode=off", "-c", f"port={self.port}", "-c", "primary_conninfo="]
        if self.socket:
            own += ["-c", f"unix_socket_directories={self.socket}", "-c", "listen_addresses="]
        return self._program("postgres", "-D", str(self.folder), *own)

    def by_socket(self, text: str) -> list[str]:
        """Run statements as the superuser; return the lines of the result."""
        options = ("--no-psqlrc", "-qtA", "-v", "ON_ERROR_STOP=1", "-h", str(self.socket))
        words = (*options, "-p", str(self.port), "-U", SUPERUSER, "-d", "postgres", "-f", "-")
        return self.run("psql", *words, stdin=text, timeout=20).splitlines()


def restore(
    archive: Archive,
    host: PostgresHost,
    databases: tuple[str, ...],
    order: RestoreOrder,
    say: Say,
) -> Restored:
    """Make the server that `order` names; the folder is there whole, or not at all.

    Raises ArchiveRefused where the archive can't give that moment, StackError for the rest.
    """
    _check_folder(order.into, host)
    if order.moment:
        bring_up_to(archive, host, order.cluster, order.moment)
    backup = _backup_before(archive, order)
    log = chain_of(archive, order.cluster, backup)
    _refuse_gap(log, order.moment)
    unfinished = order.into.with_name(order.into.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    give(unfinished, host.os_user)
    environment = archive.environment()
    try:
        say(f"fetching the copy {backup.id} ({backup.size / 2**20:.0f} MiB)")
        begun = time.monotonic()
        place = (archive.url, server_of(order.cluster), backup.id, str(unfinished))
        archive.run("cloud_restore", *place, seconds=_FETCH_SECONDS)
        fetched = time.monotonic()
        say(f"reading the log from {backup.begin_wal} on")
        last_commit = _replay(archive, host, databases, order, unfinished, log, environment, say)
        done = time.monotonic()
        unfinished.rename(order.into)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return Restored(
        order.into, backup, last_commit, len(log.segments), fetched - begun, done - fetched
    )


def _check_folder(into: Path, host: PostgresHost) -> None:
    if into.exists():
        raise StackError(f"{into} is there already: choose another folder by --into")
    if not into.parent.is_dir():
        raise StackError(f"there is no folder {into.parent}")
    if host.os_user and not reachable(into.parent, host.os_user):
        raise StackError(f"{into.parent} is closed to {host.os_user.name}, who runs PostgreSQL")


def _backup_before(archive: Archive, order: RestoreOrder) -> BaseBackup:
    found = archive.backups(order.cluster)
    if not found:
        raise ArchiveRefused(f"the archive has no copy of cluster {order.cluster}")
    moment = order.moment
    fit = [one for one in found if moment is None or one.ended <= moment]
    if not fit:
        raise ArchiveRefused(f"the oldest copy ended at {found[0].ended.isoformat()}, after that")
    return fit[-1]


def _refuse_gap(log: LogChain, moment: datetime | None) -> None:
    missing = log.gap_before(moment.timestamp() if moment else None)
    if missing:
        raise ArchiveRefused(f"the archive lacks {missing.name} of the log, which this would need")


def _configure(
    archive: Archive, host: PostgresHost, order: RestoreOrder, folder: Path, port: int
) -> None:
    shared = settings.server_settings(
        port=port, memory=psutil.virtual_memory().total, durable=host.durable
    )
    wanted = {
        "restore_command": archive.restore_command(order.cluster),
        "recovery_target_timeline": "latest",
        "recovery_target_action": "promote",
    }
    if order.moment:
        wanted["recovery_target_time"] = order.moment.isoformat(sep=" ")
    (folder / "standby.signal").unlink(missing_ok=True)
    texts = {
        "postgresql.conf": settings.render(shared | wanted),
        "pg_hba.conf": _BY_SOCKET,
        "recovery.signal": "",
    }
    for name, text in texts.items():
        private_file(folder / name, text, host.os_user)


def _replay(
    archive: Archive,
    host: PostgresHost,
    databases: tuple[str, ...],
    order: RestoreOrder,
    folder: Path,
    log: LogChain,
    environment: dict[str, str],
    say: Say,
) -> str:
    """Read the log to the moment, then settle roles and passwords as this data folder has them."""
    with _socket_folder(host) as socket:
        server = RestoredCluster(host, folder, socket, port=5432)
        _configure(archive, host, order, folder, server.port)
        with _served(server, environment) as (child, output):
            _await_end(server, child, output, say)
            _refuse_early_end(server, log, order.moment)
            last = server.by_socket("SELECT pg_last_xact_replay_timestamp()")
            password = f"ALTER ROLE {SUPERUSER} PASSWORD '{host.passwords.superuser}';\n"
            server.by_socket(password + statements(host.passwords, databases))
    as_usual = settings.server_settings(
        port=server.port, memory=psutil.virtual_memory().total, durable=host.durable
    )
    private_file(folder / "postgresql.conf", settings.render(as_usual), host.os_user)
    private_file(folder / "pg_hba.conf", settings.ACCESS, host.os_user)
    return last[0] if last else ""


@contextmanager
def _socket_folder(host: PostgresHost) -> Iterator[Path]:
    """Make a folder with a short name, the servers' user's alone: a socket's path has a limit."""
    with tempfile.TemporaryDirectory(prefix="frontrow-") as name:
        yield give(Path(name), host.os_user)


@contextmanager
def _served(server: RestoredCluster, environment: dict[str, str]) -> Iterator[tuple[Child, Path]]:
    output = server.folder / "restore.log"
    command = server.command()
    whole = Command(
        command.argv, {**command.environment, **environment}, command.directory, command.os_user
    )
    child = Child.spawn(whole, output)
    try:
        yield child, output
        child.signal(server.stop_signal)
        deadline = time.monotonic() + _STOP_SECONDS
        while child.exit_code() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        if child.exit_code() is None:
            child.kill()


def _await_end(server: RestoredCluster, child: Child, output: Path, say: Say) -> None:
    """Wait until the moment is reached; raises what PostgreSQL says where it ends before."""
    said = time.monotonic()
    while True:
        if child.exit_code() is not None:
            raise _refusal(output.read_text(errors="replace"))
        if _is_open(server):
            return
        if time.monotonic() > said + _SAY_SECONDS:
            said = time.monotonic()
            say(_place(server))
        time.sleep(0.1)


def _is_open(server: RestoredCluster) -> bool:
    try:
        return server.by_socket("SELECT pg_is_in_recovery()") == ["f"]
    except StackError:
        return False  # it does not accept connections yet


def _place(server: RestoredCluster) -> str:
    try:
        [line] = server.by_socket(
            "SELECT pg_last_wal_replay_lsn() || ', ' || pg_last_xact_replay_timestamp()"
        )
    except (StackError, ValueError):
        return "the log is being read"
    return f"the log is read up to {line}"


def _refusal(said: str) -> StackError:
    reached = _REACHED.findall(said)
    fatal = _FATAL.findall(said)
    if any("before configured recovery target was reached" in one for one in fatal):
        until = f": its last commit was at {reached[-1]}" if reached else ""
        return ArchiveRefused(f"the archive ends before that moment{until}")
    return StackError(f"PostgreSQL ended: {fatal[-1] if fatal else said[-500:]}")


def _refuse_early_end(server: RestoredCluster, log: LogChain, moment: datetime | None) -> None:
    """Refuse a log that ended before its last file: Note [A gap refuses]."""
    if moment is not None:
        return  # PostgreSQL itself has seen a commit behind it
    [line] = server.by_socket("SELECT pg_walfile_name(pg_last_wal_replay_lsn())")
    if line[8:] < log.last.name[8:]:
        raise ArchiveRefused(f"the log could be read up to {line} alone, of {log.last.name}")
