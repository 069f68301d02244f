"""The primary: initdb makes it, then it gets its roles, databases and replication slot."""

import shutil

from stack.os_users import private_file
from stack.postgres.cluster import SLOT, SUPERUSER, Cluster, PostgresHost
from stack.postgres.roles import statements

SLOT_STATEMENT = f"""\
SELECT pg_create_physical_replication_slot('{SLOT}', true)
 WHERE NOT EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name = '{SLOT}');
"""  # noqa: S608


class Primary(Cluster):
    """The server that decides."""

    def __init__(
        self,
        site: PostgresHost,
        port: int,
        databases: tuple[str, ...],
        *,
        create_databases: bool = False,
    ) -> None:
        super().__init__("primary", site, port)
        self.databases = databases
        self.create_databases = create_databases

    def prepare(self, failures: int) -> None:
        if not self.folder.is_dir():
            self._initialise()
        self.configure()

    def settle(self) -> None:
        """Bring roles, databases and the slot to what they should be."""
        roles = statements(
            self.site.passwords, self.databases, create_databases=self.create_databases
        )
        # At every start, so that the server follows the data folder.
        self.sql(roles + SLOT_STATEMENT)

    def slot_usable(self) -> bool:
        """Tell whether the replica's slot still holds the WAL it needs."""
        states = self.sql(f"SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{SLOT}'")  # noqa: S608
        return states not in ([], ["lost"])

    def renew_slot(self) -> None:
        """Make a new slot, which keeps WAL from now on. Fails while a replica still uses it."""
        self.sql(
            f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"  # noqa: S608
            f" WHERE slot_name = '{SLOT}';"
            f"SELECT pg_create_physical_replication_slot('{SLOT}', true);"
        )

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there whole: half of one never stays."""
        unfinished = self.folder.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        password = private_file(
            self.site.home / ".superuser", self.site.passwords.superuser, self.site.os_user
        )
        try:
            self.run(
                "initdb",
                *("-D", str(unfinished), "-U", SUPERUSER, "--pwfile", str(password)),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"),
                *("--locale-provider=builtin", "--locale=C.UTF-8"),
                *(() if self.site.durable else ("--no-sync",)),
            )
        finally:
            password.unlink()
        unfinished.rename(self.folder)
