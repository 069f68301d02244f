"""The primary: initdb makes it, then it gets its roles, databases and replication slot."""

import shutil

from stack.os_users import private_file
from stack.postgres.cluster import APPLICATION, REPLICATOR, SLOT, SUPERUSER, Cluster, PostgresHost

# At every start, so that the server follows the data folder. What the application's sessions are
# refused is not logged here: Note [No values in the log].
ROLES = """\
SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY['{application}', '{replicator}']) AS name
 WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) \\gexec
ALTER ROLE {application} LOGIN NOSUPERUSER {create_databases} PASSWORD '{application_password}';
ALTER ROLE {replicator} LOGIN REPLICATION PASSWORD '{replicator_password}';
ALTER ROLE {application} SET log_min_messages = 'fatal';
GRANT pg_monitor TO {application};
{test_grants}
SELECT format('CREATE DATABASE %I OWNER {application}', name)
  FROM unnest(ARRAY[{databases}]) AS name
 WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = name) \\gexec
SELECT pg_create_physical_replication_slot('{slot}', true)
 WHERE NOT EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name = '{slot}');
"""
# Lets a test session delete what a test left without firing triggers and foreign keys.
TEST_GRANTS = f"GRANT SET ON PARAMETER session_replication_role TO {APPLICATION};"


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
        self.sql(
            ROLES.format(
                application=APPLICATION,
                replicator=REPLICATOR,
                slot=SLOT,
                create_databases="CREATEDB" if self.create_databases else "NOCREATEDB",
                test_grants=TEST_GRANTS if self.create_databases else "",
                application_password=self.site.passwords.application,
                replicator_password=self.site.passwords.replicator,
                databases=", ".join(f"'{name}'" for name in self.databases),
            )
        )

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
