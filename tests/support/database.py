"""Clean the databases between tests that really commit.

TRUNCATE, which Django's flush uses, takes a lock and a file per table and partition: about a
hundred here. Deleting the few rows a test left is some twenty times faster.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.apps import apps
from django.db import connection, connections
from django.db.backends.utils import CursorWrapper

# Rows that migrations made and every test may count on.
_KEPT_TABLES = {
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
}
_KEPT_ROWS = {"points_account": "user_id IS NOT NULL"}


@cache
def _statement(alias: str) -> str:
    connection = connections[alias]
    existing = set(connection.introspection.table_names())
    tables = [
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.db_table in existing - _KEPT_TABLES
    ]
    deletes = [
        f'DELETE FROM "{table}" WHERE {_KEPT_ROWS.get(table, "true")}'
        for table in sorted(set(tables))
    ]
    # The role may set this on test servers only: it leaves out triggers and foreign keys.
    return "; ".join(["SET LOCAL session_replication_role = replica", *deletes])


def clean(alias: str) -> None:
    """Delete what tests committed to the database `alias`."""
    connection = connections[alias]
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute(f"BEGIN; {_statement(alias)}; COMMIT")


@contextmanager
def other_transaction() -> Iterator[CursorWrapper]:
    """Yield a cursor in another session's transaction, which is rolled back at the end."""
    theirs = connection.copy()
    theirs.set_autocommit(False)
    try:
        with theirs.cursor() as cursor:
            yield cursor
    finally:
        theirs.rollback()
        theirs.close()


def deadlocks() -> int:
    """Return how many deadlocks the server has counted in this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]
