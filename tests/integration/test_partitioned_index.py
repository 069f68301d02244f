"""An index on a partitioned table is built month by month, while the table is in use."""

import re

import pytest
from django.apps import apps
from django.db import NotSupportedError, connection, models, transaction
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext

from kernel.db.partitioned_index import AddPartitionedIndex
from kernel.db.partitions import partitions

TABLE = "reservations_reservation"
NAME = "test_by_closing"


@pytest.fixture
def operation(db_ready):
    index = models.Index(fields=["closed_at"], condition=models.Q(status="EXPIRED"), name=NAME)
    yield AddPartitionedIndex("reservation", index)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {NAME}")
        for part in partitions(cursor, TABLE):
            cursor.execute(f"DROP INDEX IF EXISTS {NAME}_{part.removeprefix(TABLE + '_')}")


def build(operation, *, failing_after=None):
    """Run the operation; return its statements. It fails after so many of them, if asked to."""
    before = ProjectState.from_apps(apps)
    after = before.clone()
    operation.state_forwards("reservations", after)
    with (
        CaptureQueriesContext(connection) as ran,
        connection.schema_editor(atomic=False) as editor,
    ):
        execute, done = editor.execute, []

        def execute_some(*args):
            if len(done) == failing_after:
                raise ConnectionError("the migration was stopped")
            done.append(args)
            execute(*args)

        editor.execute = execute_some
        operation.database_forwards("reservations", editor, before, after)
    return [query["sql"] for query in ran]


def state_of_the_index():
    """Return whether it is valid, and how many partitions have their part of it attached."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid, (SELECT count(*) FROM pg_inherits WHERE inhparent = indexrelid)"
            " FROM pg_index WHERE indexrelid = %s::regclass",
            [NAME],
        )
        return cursor.fetchone()


def months():
    with connection.cursor() as cursor:
        return len(partitions(cursor, TABLE))


def test_no_statement_locks_writers_out_of_all_months(operation):
    ran = [sql for sql in build(operation) if sql.startswith("CREATE INDEX")]
    assert len(ran) == months() + 1
    assert re.match(f'CREATE INDEX IF NOT EXISTS "{NAME}" ON ONLY "{TABLE}" ', ran[0])
    assert all(
        re.match(rf'CREATE INDEX CONCURRENTLY "{NAME}_p\d+" ON "{TABLE}_p\d+" ', sql)
        and sql.endswith("WHERE \"status\" = 'EXPIRED'")
        for sql in ran[1:]
    )
    assert state_of_the_index() == (True, months())


@pytest.mark.parametrize("failing_after", [1, 2, 3, 8])
def test_a_build_that_was_stopped_is_finished_by_the_next(operation, failing_after):
    with pytest.raises(ConnectionError):
        build(operation, failing_after=failing_after)
    assert state_of_the_index()[0] is False
    build(operation)
    assert state_of_the_index() == (True, months())
    assert not [sql for sql in build(operation) if "CONCURRENTLY" in sql]


def test_inside_a_transaction_it_is_refused(operation):
    with pytest.raises(NotSupportedError), transaction.atomic():
        build(operation)


def test_the_indexes_of_the_fans_count_are_valid(db_ready):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text FROM pg_index"
            " WHERE indrelid = %s::regclass AND indisvalid",
            [TABLE],
        )
        valid = {name for (name,) in cursor.fetchall()}
    assert {"reservations_fan_by_cap", "reservations_fan_live"} <= valid
