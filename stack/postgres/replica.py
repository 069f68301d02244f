"""The streaming replica: a copy of the primary, made again when it can't follow any more."""

import shutil

from stack.errors import StackError
from stack.os_users import private_file
from stack.postgres.cluster import REPLICATOR, SLOT, Cluster, PostgresHost
from stack.postgres.primary import Primary
from stack.service import HOST

REBUILD_AFTER = 2  # starts that came to nothing


class Replica(Cluster):
    """A read-only copy, kept by streaming over a slot of its own."""

    after = ("primary",)

    def __init__(self, site: PostgresHost, port: int, primary: Primary) -> None:
        super().__init__("replica", site, port)
        self.primary = primary

    def prepare(self, failures: int) -> None:
        passfile = private_file(
            self.site.home / ".replicator",
            f"{HOST}:*:*:{REPLICATOR}:{self.site.passwords.replicator}\n",
            self.site.os_user,
        )
        if failures >= REBUILD_AFTER or not self._can_follow():
            self._copy(str(passfile))
        connection = f"host={HOST} port={self.primary.port} user={REPLICATOR} passfile={passfile}"
        self.configure(
            {
                "primary_conninfo": f"{connection} application_name={self.name}",
                "primary_slot_name": SLOT,
            }
        )

    def sick(self) -> str | None:
        """Find a slot lost while it ran: it would wait for ever for WAL that is gone."""
        if self.primary.ready() and not self.primary.slot_usable():
            return "its replication slot is lost"
        return None

    def _can_follow(self) -> bool:
        if not (self.folder / "standby.signal").exists():
            return False
        if not self.primary.ready():  # it can still serve reads
            return True
        own = self.system_identifier()
        theirs = self.primary.sql("SELECT system_identifier FROM pg_control_system()")
        return theirs == [own] and self.primary.slot_usable()

    def _copy(self, passfile: str) -> None:
        if not self.primary.ready():
            raise StackError("replica: waits for the primary to copy from")
        shutil.rmtree(self.folder, ignore_errors=True)
        unfinished = self.folder.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        self.primary.renew_slot()
        self.run(
            "pg_basebackup",
            *("-h", HOST, "-p", str(self.primary.port), "-U", REPLICATOR, "--no-password"),
            *("-D", str(unfinished), "--wal-method=stream", f"--slot={SLOT}"),
            *("--checkpoint=fast", *(() if self.site.durable else ("--no-sync",))),
            PGPASSFILE=passfile,
        )
        private_file(unfinished / "standby.signal", "", self.site.os_user)
        unfinished.rename(self.folder)
