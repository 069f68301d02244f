"""What SQL would lock, rewrite or take from under the release that still runs.

The checks are django-migration-linter's for PostgreSQL, its warnings taken as seriously as its
errors, and ours: what is checked row by row under a lock, what rewrites a table. Tables that the
same release makes are nobody's yet, so anything may be done to them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django_migration_linter.sql_analyser.base import Check, CheckMode, CheckType
from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser

Columns = frozenset[tuple[str, str]]

_TABLE = re.compile(
    r"(?:ALTER TABLE(?: IF EXISTS)?|DROP TABLE(?: IF EXISTS)?|TRUNCATE(?: TABLE)?|LOCK TABLE|UPDATE"
    r'|DELETE FROM|INDEX.*? ON)(?: ONLY)? "?(\w+)"?',
    re.DOTALL,
)
_CREATED = re.compile(r'CREATE TABLE(?: IF NOT EXISTS)? "?(\w+)"?')
_DROPPED = re.compile(r'DROP COLUMN(?: IF EXISTS)? "?(\w+)"?')
# An index of the parent alone is empty until those of its partitions are attached.
_OF_PARENT = re.compile(r"CREATE (?:UNIQUE )?INDEX .*? ON ONLY ", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What a running site would feel of a migration: a stable code, and the table if known."""

    migration: str
    code: str
    table: str
    says: str


def _one(code: str, pattern: str, says: str) -> Check:
    found = re.compile(pattern, re.DOTALL)
    return Check(
        code, lambda sql, **_: found.search(sql), says, CheckMode.ONE_LINER, CheckType.ERROR
    )


class _Analyser(PostgresqlAnalyser):
    """The library's checks of PostgreSQL, and ours."""

    migration_checks = [
        *PostgresqlAnalyser.migration_checks,
        _one(
            "ADD_CONSTRAINT",
            r"ADD CONSTRAINT (?!.*(?:NOT VALID|USING INDEX)).*(?:FOREIGN KEY|CHECK)",
            "reads all rows under a lock: add it NOT VALID, validate it a release later",
        ),
        _one(
            "SET_NOT_NULL",
            r"SET NOT NULL",
            "reads all rows under a lock, unless a CHECK that is validated says the same",
        ),
        _one(
            "VOLATILE_DEFAULT",
            r"ADD COLUMN .*DEFAULT .*\b(?:random|gen_random_uuid|clock_timestamp|uuidv7)\(",
            "writes every row again under a lock",
        ),
        _one(
            "REWRITE",
            r"^(?:TRUNCATE|LOCK TABLE|CLUSTER|VACUUM FULL)\b",
            "keeps everybody out for as long as it takes",
        ),
        _one(
            "ROWS",
            r"^(?:UPDATE|DELETE FROM) ",
            "changes rows in one statement: a backfill goes in batches, beside the sale",
        ),
    ]


def of(
    migration: str, statements: Iterable[str], *, made: set[str], last_reads: Columns
) -> list[Finding]:
    """Return what a migration's SQL would do to tables that are in use.

    `made` has the tables that this release has made so far, and gets those of these statements.
    `last_reads` are the columns (table, column) that the release before this one knows: one that it
    does not know may be dropped.
    """
    kept: list[str] = []
    for statement in statements:
        made |= set(_CREATED.findall(statement))
        if not _is_harmless(statement, made, last_reads):
            kept.append(statement)
    analyser = _Analyser(exclude_migration_tests=None)
    analyser.analyse(kept)
    return [
        Finding(migration, one.code, one.table or "", one.message)
        for one in (*analyser.errors, *analyser.warnings)
    ]


def _is_harmless(statement: str, made: set[str], last_reads: Columns) -> bool:
    if table := _table_of(statement):
        if table in made or _OF_PARENT.search(statement):
            return True
        if column := _DROPPED.search(statement):
            return (table, column[1]) not in last_reads
        if statement.startswith("DROP TABLE"):
            return table not in {known for known, _ in last_reads}
    return False


def _table_of(statement: str) -> str:
    found = _TABLE.search(statement)
    return found[1] if found else ""
