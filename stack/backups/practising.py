"""Practise a restore, and look at one."""

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stack.backups.archive import Archive
from stack.backups.restoring import RestoredCluster, RestoreOrder, Say, restore
from stack.errors import StackError
from stack.postgres.cluster import APPLICATION, PostgresHost
from stack.process import Child, wait_until
from stack.service import HOST, free_ports

_CHECK_SECONDS = 3600.0
_READY_SECONDS = 60.0


def verify(
    archive: Archive, host: PostgresHost, databases: tuple[str, ...], cluster: str, say: Say
) -> dict[str, Any]:
    """Restore the newest copy with all its log, check each page's checksum, and remove it.

    Raises ArchiveRefused and StackError.
    """
    folder = host.home / f"practice-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    try:
        done = restore(archive, host, databases, RestoreOrder(cluster, None, folder), say)
        say("checking every page")
        begun = time.monotonic()
        server = RestoredCluster(host, folder, None, 0)
        server.run("pg_checksums", "--check", "-D", str(folder), timeout=_CHECK_SECONDS)
        checked = time.monotonic() - begun
        size = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
        return done.as_json() | {"check_seconds": round(checked, 1), "size_bytes": size}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_text(report: dict[str, Any]) -> str:
    """Return a practised restore for people."""
    whole = report["fetch_seconds"] + report["replay_seconds"]
    return (
        f"restorable: copy {report['backup']['id']} and {report['log_files']} files of the log,"
        f" {report['size_bytes'] / 2**20:.0f} MiB, in {whole:.1f} s; every page is whole\n"
        f"  last commit {report['last_commit'] or 'none in the log'}"
    )


def serve(host: PostgresHost, folder: Path, port: int = 0) -> Iterator[str]:
    """Run a restored folder until a signal; yield what a person is to read.

    Raises StackError where it doesn't start.
    """
    with serving(host, folder, port) as server:
        for name in server.sql("SELECT datname FROM pg_database WHERE NOT datistemplate"):
            yield url_of(server, name)
        yield "Ctrl-C stops it"
        with suppress(KeyboardInterrupt):
            signal.pause()


def url_of(server: RestoredCluster, database: str) -> str:
    """Return the application's way to a database of a restored server that is running."""
    login = f"{APPLICATION}:{server.site.passwords.application}"
    return f"postgresql://{login}@{HOST}:{server.port}/{database}"


@contextmanager
def serving(host: PostgresHost, folder: Path, port: int = 0) -> Iterator[RestoredCluster]:
    """Run a restored folder, on a free port or the one given. Raises StackError."""
    if not (folder / "PG_VERSION").is_file():
        raise StackError(f"{folder} is no restored server")
    server = RestoredCluster(host, folder, None, port or free_ports(1)[0])
    if (folder / "postmaster.pid").exists():
        raise StackError(f"{folder} is in use: a server runs there, or did not end well")
    log = folder / "serve.log"
    child = Child.spawn(server.command(), log)
    try:
        if not wait_until(lambda: server.ready() or not child.alive(), _READY_SECONDS):
            raise StackError(f"{folder} is not ready after {_READY_SECONDS:.0f} s")
        if not child.alive():
            raise StackError(log.read_text(errors="replace")[-500:])
        yield server
    finally:
        child.signal(server.stop_signal)
        wait_until(lambda: not child.alive(), server.stop_seconds)
        if child.alive():
            child.kill()
