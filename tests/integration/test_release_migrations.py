"""No release locks a table that a sale uses, or takes away what the last one reads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import connection, models
from django.db.migrations import Migration, RunPython, operations
from django.db.migrations.loader import MigrationLoader

from deploy.cluster.previous import commit
from release import findings
from release.migrations import added_since

ROOT = Path(__file__).parents[2]
APP, MODEL, TABLE = "reservations", "reservation", "reservations_reservation"
READ = frozenset({(TABLE, "status"), (TABLE, "note")})
NOTE = operations.AddField(MODEL, "note", models.TextField(null=True))
BY_STATUS = models.Index(fields=["status"], name="by_status")
POSITIVE = models.CheckConstraint(condition=models.Q(note__gt=""), name="has_a_note")


def found(*those, last_reads=READ, first=()) -> set[str]:
    """Return the codes of what operations would do, after those that came before."""
    loader = MigrationLoader(connection, replace_migrations=False)
    state = loader.project_state()
    before = Migration("before", APP)
    before.operations = list(first)
    state = before.mutate_state(state)
    migration = Migration("next", APP)
    migration.operations = list(those)
    migration.atomic = False
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        migration.apply(state, editor, collect_sql=True)
    sql = [one for one in editor.collected_sql if not one.startswith("--")]
    return {one.code for one in findings.of("next", sql, made=set(), last_reads=last_reads)}


@pytest.mark.parametrize(
    "those",
    [
        [NOTE],
        [operations.AddField(MODEL, "note", models.TextField(db_default="", default=""))],
        [
            operations.CreateModel(
                "Extra",
                [("id", models.BigAutoField(primary_key=True)), ("of", models.TextField())],
                {"indexes": [models.Index(fields=["of"], name="extra_of")]},
            )
        ],
        [operations.RunSQL(f'CREATE INDEX by_note ON ONLY "{TABLE}" ("status")')],
    ],
    ids=["a column", "a column with a default of the database", "a table", "an empty index"],
)
def test_what_only_adds_is_let_pass(db_ready, those):
    assert found(*those) == set()


def test_what_takes_its_time_without_a_lock_is_let_pass(db_ready):
    assert found(AddIndexConcurrently(MODEL, BY_STATUS)) == set()
    assert found(AddConstraintNotValid(MODEL, POSITIVE), first=[NOTE]) == set()


@pytest.mark.control
@pytest.mark.parametrize(
    ("code", "that"),
    [
        # The last release writes rows without it.
        ("NOT_NULL", operations.AddField(MODEL, "note", models.TextField(default=""))),
        ("DROP_COLUMN", operations.RemoveField(MODEL, "note")),
        ("RENAME_COLUMN", operations.RenameField(MODEL, "note", "remark")),
        ("ALTER_COLUMN", operations.AlterField(MODEL, "note", models.IntegerField(null=True))),
        ("SET_NOT_NULL", operations.AlterField(MODEL, "note", models.TextField())),
        ("DROP_TABLE", operations.DeleteModel("SaleHalt")),
        ("CREATE_INDEX", operations.AddIndex(MODEL, BY_STATUS)),
        ("ADD_CONSTRAINT", operations.AddConstraint(MODEL, POSITIVE)),
        (
            "ADD_UNIQUE",
            operations.AddConstraint(
                MODEL, models.UniqueConstraint(fields=["note"], name="one_note")
            ),
        ),
        ("ROWS", operations.RunSQL(f"UPDATE {TABLE} SET note = ''")),
        ("REWRITE", operations.RunSQL(f"TRUNCATE {TABLE}")),
        (
            "VOLATILE_DEFAULT",
            operations.RunSQL(f"ALTER TABLE {TABLE} ADD COLUMN x uuid DEFAULT gen_random_uuid()"),
        ),
    ],
)
def test_control_what_a_sale_would_feel_is_seen(db_ready, code, that):
    first = [] if code in {"NOT_NULL", "DROP_TABLE"} else [NOTE]
    known = READ | {("reservations_salehalt", "id")}
    assert code in found(that, first=first, last_reads=known)


def test_a_column_goes_once_the_last_release_does_not_know_it(db_ready):
    gone = operations.RemoveField(MODEL, "note")
    assert found(gone, first=[NOTE], last_reads=READ - {(TABLE, "note")}) == set()


def test_this_release_leaves_the_last_one_running(db_ready):
    assert added_since(commit()) == []


@pytest.fixture
def before_a_migration(monkeypatch):
    """The last release lacks one migration, which is that of `operations`."""

    def lacks(node, those, **says):
        real = __import__("release.migrations", fromlist=["_migrations_at"])._migrations_at
        monkeypatch.setattr(
            "release.migrations._migrations_at", lambda commit: real(commit) - {node}
        )
        loaded = MigrationLoader.load_disk

        def load(loader):
            loaded(loader)
            migration = loader.disk_migrations[node]
            migration.operations = those
            for name, value in says.items():
                setattr(migration, name, value)

        monkeypatch.setattr(MigrationLoader, "load_disk", load)

    return lacks


@pytest.fixture
def last_migration(db_ready):
    """The newest migration of the reservations."""
    [node] = MigrationLoader(connection).graph.leaf_nodes(APP)
    return node


@pytest.mark.control
def test_control_a_new_migration_that_locks_or_runs_code_is_found(
    before_a_migration, last_migration
):
    code = RunPython(lambda apps, editor: None)
    before_a_migration(last_migration, [operations.AddIndex(MODEL, BY_STATUS), code])
    name = ".".join(last_migration)
    assert {(one.migration, one.code) for one in added_since(commit())} == {
        (name, "CREATE_INDEX"),
        (name, "CODE"),
    }


def test_a_migration_that_says_why_is_let_pass(before_a_migration, last_migration):
    before_a_migration(
        last_migration,
        [operations.AddIndex(MODEL, BY_STATUS)],
        seen={"CREATE_INDEX": "of a table with twelve rows"},
    )
    assert added_since(commit()) == []


def command(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "release", "migrations", *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_says_what_it_found(db_ready):
    done = command("--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"since": commit(), "findings": []}


def test_what_is_not_in_the_history_is_not_compared():
    nowhere = command("--since", "0" * 40)
    assert nowhere.returncode == 2
    assert "is not in the history" in nowhere.stderr
