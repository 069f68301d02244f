"""The roles and databases of a PostgreSQL server, as statements that may run again and again."""

from stack.postgres.cluster import APPLICATION, OBSERVER, REPLICATOR, Passwords

# What the application's sessions are refused is not logged here: Note [No values in the log].
ROLES = """\
SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY['{application}', '{replicator}', '{observer}']) AS name
 WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) \\gexec
-- Not LOGIN again: one that was locked stays so (docs/runbook.md, The database's user).
ALTER ROLE {application} NOSUPERUSER {create_databases} PASSWORD '{application_password}';
ALTER ROLE {replicator} LOGIN REPLICATION PASSWORD '{replicator_password}';
ALTER ROLE {application} SET log_min_messages = 'fatal';
GRANT pg_monitor TO {application};
-- It reads statistics and no table.
ALTER ROLE {observer} LOGIN PASSWORD '{observer_password}' CONNECTION LIMIT 8;
ALTER ROLE {observer} SET statement_timeout = '4s';
GRANT pg_monitor TO {observer};
{test_grants}
SELECT format('CREATE DATABASE %I OWNER {application}', name)
  FROM unnest(ARRAY[{databases}]) AS name
 WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = name) \\gexec
"""
# Lets a test session delete what a test left without firing triggers and foreign keys.
TEST_GRANTS = f"GRANT SET ON PARAMETER session_replication_role TO {APPLICATION};"


def statements(
    passwords: Passwords, databases: tuple[str, ...], *, create_databases: bool = False
) -> str:
    """Return what brings roles and databases to what they should be, for psql."""
    return ROLES.format(
        application=APPLICATION,
        replicator=REPLICATOR,
        observer=OBSERVER,
        create_databases="CREATEDB" if create_databases else "NOCREATEDB",
        test_grants=TEST_GRANTS if create_databases else "",
        application_password=passwords.application,
        replicator_password=passwords.replicator,
        observer_password=passwords.observer,
        databases=", ".join(f"'{name}'" for name in databases),
    )
