"""The migrations that this release adds, and what the last one still reads.

Note [Expand and contract]
The database is migrated while the last release serves, and that release may come back. So a release
adds what it needs, without a lock that a sale would feel, and takes nothing from the one before it:
a column goes once a release is out whose models no longer have it. `release/previous` names the
last release's commit; what that one reads are the models that its migrations led to.

A migration that has to do it all the same says so, and why:

    class Migration(migrations.Migration):
        seen = {"DROP_INDEX": "of a table with twelve rows"}
"""

from collections.abc import Iterator
from pathlib import Path

from django.db import connections
from django.db.migrations import Migration, RunPython
from django.db.migrations.loader import MigrationLoader

from deploy.cluster.previous import git
from release import findings
from release.findings import Columns, Finding
from stack.errors import StackError

ROOT = Path(__file__).resolve().parent.parent
_ALIASES = ("default", "idempotency")


def added_since(commit: str) -> list[Finding]:
    """Return what the migrations added since a commit would do to a site that serves.

    Raises StackError where the commit is not in the history.
    """
    old = _migrations_at(commit)
    found: set[Finding] = set()
    for alias in _ALIASES:
        loader = MigrationLoader(connections[alias], replace_migrations=False)
        last_reads = _columns(loader, old)
        made: set[str] = set()
        for migration in _new(loader, old):
            found |= set(_of(loader, migration, made, last_reads))
    return sorted(found)


def _of(
    loader: MigrationLoader, migration: Migration, made: set[str], last_reads: Columns
) -> Iterator[Finding]:
    name = f"{migration.app_label}.{migration.name}"
    seen: dict[str, str] = getattr(migration, "seen", {})
    sql = [one for one in loader.collect_sql([(migration, False)]) if not one.startswith("--")]
    every = findings.of(name, sql, made=made, last_reads=last_reads)
    if any(isinstance(one, RunPython) for one in migration.operations):
        every.append(Finding(name, "CODE", "", "runs code: a backfill goes beside the sale"))
    yield from (one for one in every if one.code not in seen)


def _new(loader: MigrationLoader, old: set[tuple[str, str]]) -> list[Migration]:
    """Return the product's migrations that are not old, in an order that they can be applied in."""
    ours = {node for node in loader.disk_migrations if _file_of(node).is_file()}
    plan: dict[tuple[str, str], Migration] = {}
    for leaf in sorted(loader.graph.leaf_nodes()):
        for node in loader.graph.forwards_plan(leaf):
            if node in ours - old:
                plan[node] = loader.graph.nodes[node]
    return list(plan.values())


def _columns(loader: MigrationLoader, old: set[tuple[str, str]]) -> Columns:
    """Return every (table, column) of the models that the old migrations led to."""
    known = [node for node in sorted(old) if node in loader.graph.nodes]
    apps = loader.project_state(known, at_end=True).apps
    return frozenset(
        (model._meta.db_table, field.column)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
        if field.column
    )


def _file_of(node: tuple[str, str]) -> Path:
    return ROOT / node[0] / "migrations" / f"{node[1]}.py"


def _migrations_at(commit: str) -> set[tuple[str, str]]:
    listed = git(ROOT, "ls-tree", "-r", "--name-only", commit)
    if listed is None:
        raise StackError(f"{commit} is not in the history: fetch it whole")
    files = [Path(line) for line in listed.decode().splitlines()]
    return {
        (file.parts[0], file.stem)
        for file in files
        if len(file.parts) == 3 and file.parts[1] == "migrations" and file.stem != "__init__"
    }
