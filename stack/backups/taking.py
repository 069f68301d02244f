"""Take a copy of the running cluster, and say what the archive has of it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from stack.backups.archive import Archive, ArchiveRefused, BaseBackup, LogFile, server_of
from stack.backups.log_chain import LogChain, chain, newest_timeline
from stack.errors import StackError
from stack.postgres.cluster import SUPERUSER, Cluster, PostgresHost
from stack.process import wait_until
from stack.profiles import MEMBERS
from stack.service import HOST

_COPY_SECONDS = 6 * 3600.0
_ARCHIVE_SECONDS = 180.0


class RunningCluster(Cluster):
    """A server of the stack, found by its files whatever the profile."""


def running_servers(host: PostgresHost) -> Iterator[RunningCluster]:
    """Yield the stack's PostgreSQL servers that accept connections."""
    for name in ("primary", *MEMBERS):
        with suppress(OSError, ValueError, IndexError):
            lines = (host.home / name / "postmaster.pid").read_text().splitlines()
            found = RunningCluster(name, host, int(lines[3]))
            if found.ready():
                yield found


def writer(host: PostgresHost) -> RunningCluster | None:
    """Return the server that takes writes, None where none runs."""
    for one in running_servers(host):
        with suppress(StackError):
            if one.sql("SELECT pg_is_in_recovery()") == ["f"]:
                return one
    return None


def cluster_of(archive: Archive, host: PostgresHost, wanted: str = "") -> str:
    """Return the cluster that is meant: the one named, this stack's, or the archive's only one.

    Raises ArchiveRefused where there is none or a choice.
    """
    known = archive.clusters()
    own = next(_own_clusters(host), "") if not wanted else ""
    if wanted and wanted not in known:
        raise ArchiveRefused(f"the archive has no cluster {wanted}: {', '.join(known) or 'none'}")
    if wanted or own in known:
        return wanted or own
    if len(known) == 1:
        return known[0]
    if not known:
        raise ArchiveRefused(f"{archive.url} has no backup of any cluster")
    raise ArchiveRefused(f"the archive has several clusters (--cluster): {', '.join(known)}")


def _own_clusters(host: PostgresHost) -> Iterator[str]:
    serving = writer(host)
    if serving:
        yield serving.system_identifier()
    for name in ("primary", *MEMBERS):
        if (host.home / name / "global" / "pg_control").exists():
            yield RunningCluster(name, host, 0).system_identifier()


def take(archive: Archive, host: PostgresHost) -> BaseBackup:
    """Copy the running cluster into the archive; return once the log that it needs is there too.

    Raises StackError.
    """
    serving = writer(host)
    if serving is None:
        raise StackError("no PostgreSQL of this stack takes writes: python -m stack status")
    if serving.sql("SHOW archive_mode") == ["off"]:
        raise StackError("the running stack archives nothing: start it with BACKUP_URL set")
    cluster = serving.system_identifier()
    known = {one.id for one in archive.backups(cluster)}
    archive.run(
        "cloud_backup",
        *("--lz4", "--immediate-checkpoint", "-h", HOST, "-p", str(serving.port)),
        *("-U", SUPERUSER, "-d", "postgres", archive.url, server_of(cluster)),
        seconds=_COPY_SECONDS,
        PGPASSWORD=host.passwords.superuser,
    )
    made = [one for one in archive.backups(cluster) if one.id not in known]
    if not made:
        raise StackError("barman-cloud-backup ended well, and the archive has no new backup")
    if not wait_until(lambda: _has(archive, cluster, made[-1].end_wal), _ARCHIVE_SECONDS, every=1):
        raise StackError(
            f"the copy {made[-1].id} is there, and its log {made[-1].end_wal} is not after"
            f" {_ARCHIVE_SECONDS:.0f} s: {archiver_says(serving)}"
        )
    return made[-1]


def archiver_says(serving: Cluster) -> str:
    """Return what PostgreSQL says of its archiving, in a line."""
    return serving.sql(
        "SELECT format('%s files archived, the last %s at %s; %s failures, the last %s at %s',"
        " archived_count, last_archived_wal, last_archived_time,"
        " failed_count, last_failed_wal, last_failed_time) FROM pg_stat_archiver"
    )[0]


def bring_up_to(archive: Archive, host: PostgresHost, cluster: str, moment: datetime) -> None:
    """Have the running server archive what it wrote up to `moment`, where it is this cluster."""
    serving = writer(host)
    if serving is None or serving.system_identifier() != cluster:
        return
    if serving.sql("SHOW archive_mode") == ["off"]:
        return
    reached = max((one.stored for one in archive.log(cluster)), default=0.0)
    if reached >= moment.timestamp():
        return
    # A commit behind the moment: without one nobody can say that the moment was reached.
    name = serving.sql(
        "SELECT pg_logical_emit_message(true, 'frontrow', 'restore', true);"
        "SELECT pg_walfile_name(pg_switch_wal())"
    )[-1]
    wait_until(lambda: _has(archive, cluster, name), _ARCHIVE_SECONDS, every=1)


def _has(archive: Archive, cluster: str, name: str) -> bool:
    return any(one.name == name for one in archive.log(cluster))


def prune(archive: Archive, cluster: str, days: int) -> None:
    """Delete the copies, and the log before them, that no moment of the last `days` needs."""
    archive.run(
        "cloud_backup_delete",
        *("--retention-policy", f"RECOVERY WINDOW OF {days} DAYS", "--minimum-redundancy", "1"),
        *(archive.url, server_of(cluster)),
        seconds=3600.0,
    )


@dataclass(frozen=True)
class Holdings:
    """What the archive has of a cluster: its copies, and from the oldest on its log."""

    cluster: str
    backups: list[BaseBackup]
    log: LogChain | None
    log_bytes: int

    @property
    def until(self) -> float | None:
        """When the log was last added to (Unix time)."""
        return self.log.ends_at if self.log else None


def holdings(archive: Archive, cluster: str) -> Holdings:
    """Return what the archive has of a cluster."""
    backups, files = archive.backups(cluster), archive.log(cluster)
    log = _chain(archive, cluster, backups[0], files) if backups else None
    return Holdings(cluster, backups, log, sum(one.size for one in files))


def chain_of(archive: Archive, cluster: str, backup: BaseBackup) -> LogChain:
    """Return the log from a copy on, to the archive's end."""
    return _chain(archive, cluster, backup, archive.log(cluster))


def _chain(archive: Archive, cluster: str, backup: BaseBackup, files: list[LogFile]) -> LogChain:
    timeline = newest_timeline(files)
    history = archive.history(cluster, timeline) if timeline > 1 else ""
    return chain(backup.begin_wal, files, timeline=timeline, history=history)
