"""An index on a partitioned table, built partition by partition while the table is in use.

`CREATE INDEX` on a partitioned table locks all its partitions against writes until the last one is
built, and PostgreSQL has no CONCURRENTLY for it. So the parent gets an empty index, each partition
its own by CREATE INDEX CONCURRENTLY, and attaching the last one makes the parent's valid:
https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

from typing import Any

from django.db import NotSupportedError
from django.db.migrations.operations import AddIndex

from kernel.db.partitions import partitions


class AddPartitionedIndex(AddIndex):
    """`AddIndex` for a partitioned table, in a migration with `atomic = False`.

    It may run again after a failure: what is attached stays, what is half built is built again.
    """

    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.in_atomic_block:
            raise NotSupportedError("AddPartitionedIndex needs a migration with atomic = False")
        quote, table, name = schema_editor.quote_name, model._meta.db_table, self.index.name
        whole = str(self.index.create_sql(model, schema_editor))
        whole = whole.replace("CREATE INDEX ", "CREATE INDEX IF NOT EXISTS ", 1)
        schema_editor.execute(whole.replace(f" ON {quote(table)}", f" ON ONLY {quote(table)}", 1))
        with schema_editor.connection.cursor() as cursor:
            parts = partitions(cursor, table)
            cursor.execute(_ATTACHED, [name])
            attached = {part for (part,) in cursor.fetchall()}
        for part in parts:
            if part in attached:
                continue
            part_name = f"{name}_{part.removeprefix(f'{table}_')}"
            statement = self.index.create_sql(model, schema_editor, concurrently=True)
            statement.parts |= {"table": quote(part), "name": quote(part_name)}
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quote(part_name)}")
            schema_editor.execute(statement)
            schema_editor.execute(f"ALTER INDEX {quote(name)} ATTACH PARTITION {quote(part_name)}")


_ATTACHED = """
    SELECT index.indrelid::regclass::text
    FROM pg_inherits JOIN pg_index index ON index.indexrelid = inhrelid
    WHERE inhparent = to_regclass(%s)
"""
