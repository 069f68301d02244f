"""The stack of a drill whose log goes to a bucket, moto's, and restored servers beside it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from drills.bucket_double import BucketDouble, remove_log_file
from drills.site import DrillSite
from proof.rush.rehearsal import ROOT, RehearsalFailed
from stack import servers
from stack.backups.practising import serving, url_of
from stack.backups.restoring import RestoredCluster
from stack.errors import StackError
from stack.postgres.cluster import SUPERUSER, PostgresHost
from stack.process import Tools, wait_until
from stack.profiles import MEMBERS
from stack.service import HOST

_BACKUP_SECONDS = 600.0
_ARCHIVE_SECONDS = 180.0
_LEADER_SECONDS = 30.0


class ArchivingSite(DrillSite):
    """A stack with spare parts, each member of which archives to one bucket."""

    def __init__(self, code: Path = ROOT) -> None:
        super().__init__(code)
        self._ends = ExitStack()
        self.bucket = BucketDouble()
        self.loses_a_file = False  # the control: one file of the log is removed from the archive

    def start(self, progress: Callable[[str], None]) -> None:
        try:
            self._ends.enter_context(self.bucket)
        except StackError as error:
            raise RehearsalFailed(str(error)) from None
        super().start(progress)

    def _own_environment(self) -> dict[str, str]:
        # Points are paid for on the gateway's page: an order may be open at a moment.
        own = {"CHARGES_APPROVED_AT_ONCE": "false", **self.bucket.environment}
        return super()._own_environment() | own

    def drop(self) -> None:
        super().drop()
        self._ends.close()

    def host(self) -> PostgresHost:
        """Return where the servers live, for one beside them."""
        return servers.host_of(self.data, Tools(self.data.marker))

    @contextmanager
    def superuser(self, database: str = "frontrow") -> Iterator[psycopg.Connection]:
        """Connect to the leader as the superuser; each statement commits by itself."""
        login = f"{SUPERUSER}:{self.data.passwords.superuser}"
        places = ",".join(f"{HOST}:{self.ports[name]}" for name in MEMBERS)
        address = f"postgresql://{login}@{places}/{database}?target_session_attrs=read-write"
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection

    def switch_over(self) -> None:
        """Let a standby lead, and wait until it does: the log has a new timeline from here on."""
        before = self.leader()
        self.patroni("POST", "/switchover", {"leader": before}).raise_for_status()

        def is_another() -> bool:
            with suppress(ValueError, psycopg.Error):
                if self.leader() != before:
                    with self.superuser():
                        return True
            return False

        if not wait_until(is_another, _LEADER_SECONDS, every=0.2):
            raise RehearsalFailed("no standby leads after the switchover")

    def backups(self, *words: str) -> dict[str, Any]:
        """Run `python -m stack backups`; raises `RehearsalFailed` with what it refuses."""
        found: dict[str, Any] = json.loads(
            self.stack("backups", *words, "--json", seconds=_BACKUP_SECONDS)
        )
        return found

    def lose_file(self, name: str) -> None:
        """Remove a file of the log from the archive, once it is there."""

        def removed() -> bool:
            try:
                remove_log_file(self.bucket.environment, name)
            except LookupError:
                return False
            return True

        if not wait_until(removed, _ARCHIVE_SECONDS, every=1.0):
            raise RehearsalFailed(f"{name} was never archived")

    @contextmanager
    def beside(self, folder: Path) -> Iterator[RestoredCluster]:
        """Run a restored server, and let `manage` and `audit` work on it meanwhile."""
        usual = self.environment
        with serving(self.host(), folder) as server:
            first, second = (url_of(server, name) for name in servers.DATABASES)
            self.environment = usual | {
                "DATABASE_URL": first,
                "REPLICA_URL": first,
                "IDEMPOTENCY_DATABASE_URL": second,
            }
            try:
                yield server
            finally:
                self.environment = usual


class ExposureWatch:
    """How long what was written had been in no file of the archive, asked each second."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._seen: dict[str, float] = {}

    def look(self, connection: psycopg.Connection) -> None:
        """Look once, at the server that writes."""
        [current, archived] = connection.execute(
            "SELECT pg_walfile_name(pg_current_wal_lsn()), coalesce(last_archived_wal, '')"
            "  FROM pg_stat_archiver"
        ).fetchone() or ["", ""]
        now = time.monotonic()
        self._seen.setdefault(current, now)
        waiting = [seen for name, seen in self._seen.items() if name > archived]
        self.longest = max(self.longest, now - min(waiting, default=now))
