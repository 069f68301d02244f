"""What PostgreSQL's planner knows of a table into which a use case puts many rows.

Note [Planner statistics]
Autovacuum may look at a table while a large transaction fills it: it finds pages without one
visible row and notes that the table is empty, whatever its size becomes. Until it looks again, a
minute later or more, joins of such tables compare every row with every row: the page of a
performance with 5,000 seats then read 25 million rows and met the statement time-out. So who adds
thousands of rows in one transaction lets PostgreSQL count again when they are visible.
https://www.postgresql.org/docs/current/planner-stats.html

Note [Kept plans]
A session keeps the plans of queries in triggers and of the checks of foreign keys. One that was
made while a table was empty reads the whole table, which was right; a transaction that then writes
ten thousand rows reads it ten thousand times, and meets the statement time-out. So who is about to
add thousands of rows has the session plan again, with the rows in place. Even a new plan may be
wrong in a table that is noted as empty: every index then seems to hold one row, and a partial one
may be read whole. So a trigger of a row that thousands are added of asks no query for what the row
itself says.
https://www.postgresql.org/docs/current/sql-discard.html
"""

import logging

from django.db import connection
from django.db.models import Model

from kernel.db.failures import DATABASE_ERRORS
from kernel.db.transaction import run_after_commit

log = logging.getLogger(__name__)


def analyze_after_commit(*models: type[Model]) -> None:
    """Renew the statistics of these tables once the open transaction has committed.

    It samples 30,000 rows a table at most. A failure is logged: autovacuum will come by itself.
    """
    tables = [model._meta.db_table for model in models]
    run_after_commit(lambda: _analyze(tables))


def discard_plans() -> None:
    """Have the session plan its queries again, those of triggers and foreign keys too.

    For the session of the default database, before many rows are written; see Note [Kept plans].
    """
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")


def _analyze(tables: list[str]) -> None:
    names = ", ".join(map(connection.ops.quote_name, tables))
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {names}")
    except DATABASE_ERRORS:
        log.warning("statistics of %s not renewed", names, exc_info=True)
