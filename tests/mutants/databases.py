"""The test databases' constraints: list them, leave one out, put it back."""

import json
from pathlib import Path

from django.db import connections

# Partitions inherit theirs from the parent. Keys are left alone: everything refers to them.
_CONSTRAINTS = """
SELECT c.conrelid::regclass::text, c.conname,
       CASE c.contype WHEN 'c' THEN 'check' WHEN 'u' THEN 'unique' ELSE 'exclude' END,
       format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname,
              pg_get_constraintdef(c.oid))
FROM pg_constraint c
WHERE c.contype IN ('c', 'u', 'x') AND c.conrelid <> 0 AND c.conislocal AND c.coninhcount = 0
  AND c.connamespace = 'public'::regnamespace
UNION ALL
SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, 'unique index',
       format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid
WHERE i.indisunique AND NOT i.indisprimary AND k.relnamespace = 'public'::regnamespace
  AND NOT k.relispartition
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
UNION ALL
SELECT t.tgrelid::regclass::text, t.tgname, 'trigger',
       format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass), pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class k ON k.oid = t.tgrelid
WHERE NOT t.tgisinternal AND NOT k.relispartition AND k.relnamespace = 'public'::regnamespace
ORDER BY 1, 2
"""
_DATABASES = ("default", "idempotency")


def constraints() -> list[dict[str, str]]:
    """Return every constraint with the statements that drop it and make it again."""
    found = []
    for database in _DATABASES:
        with connections[database].cursor() as cursor:
            cursor.execute(_CONSTRAINTS)
            found += [
                dict(zip(("table", "name", "kind", "drop", "create"), row, strict=True))
                | {"database": database}
                for row in cursor.fetchall()
            ]
    return found


def leave_out(*, database: str, table: str, name: str, note: Path) -> None:
    """Drop a constraint; `note` keeps how it is made again, also when this process is killed."""
    [found] = [
        c
        for c in constraints()
        if (c["database"], c["table"], c["name"]) == (database, table, name)
    ]
    note.write_text(json.dumps(found))
    with connections[database].cursor() as cursor:
        cursor.execute(found["drop"])


def put_back(note: Path) -> None:
    """Make the constraint again that `note` tells of, if there is one; the tables are empty."""
    if not note.exists():
        return
    found = json.loads(note.read_text())
    with connections[found["database"]].cursor() as cursor:
        cursor.execute(found["create"])
    note.unlink()
