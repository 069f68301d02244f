"""migration: a column and its index come to the reservations, are filled and go, under load."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from drills.drill import Control, Drill, DrillLimit, DrillRun, Healing
from drills.verdict import FAILED, failures
from proof.history.recorded import History

LOCK_WAIT = "longest wait for a lock"
_MOST_SECONDS = 0.2
_LONGEST_SECONDS = 2.0  # what a fan feels; the limit is stricter
_LOOK_SECONDS = 0.02
_TABLE, _COLUMN, _INDEX = "reservations_reservation", "drill_note", "drill_note_index"
_BATCH = 200
_EXPAND = f"ALTER TABLE {_TABLE} ADD COLUMN {_COLUMN} text"
_FILL = f"""
WITH batch AS (SELECT id FROM {_TABLE} WHERE {_COLUMN} IS NULL LIMIT {_BATCH}
               FOR UPDATE SKIP LOCKED)
UPDATE {_TABLE} SET {_COLUMN} = 'filled' FROM batch WHERE {_TABLE}.id = batch.id"""  # noqa: S608
_PLAIN_INDEX = f"CREATE INDEX {_INDEX} ON {_TABLE} ({_COLUMN})"
_PARTITIONS = f"""
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{_TABLE}'::regclass"""  # noqa: S608
_CONTRACT = f"ALTER TABLE {_TABLE} DROP COLUMN {_COLUMN}"
# Of everybody else: an index made beside writers waits for their transactions, and nobody for it.
_WAITS = """
SELECT max(clock_timestamp() - waitstart) FROM pg_locks WHERE NOT granted AND pid <> %s"""
# Who comes while a change of the table waits is behind it: so it waits briefly, and tries again.
_LOCK_TIMEOUT = "SET lock_timeout = '100ms'"
# As long as an index of a large table takes.
_LONG_SECONDS = 3.0
_PATIENCE_SECONDS = 30.0


def _fault(run: DrillRun) -> Healing:
    """Change the table as a release does; without the guard as nobody should."""
    url = run.site.environment["DATABASE_URL"]
    with (
        closing(psycopg.connect(url, autocommit=True)) as changing,
        _watched(run, changing.info.backend_pid),
    ):
        changing.execute(_LOCK_TIMEOUT)
        _again(changing, _EXPAND)
        while changing.execute(_FILL).rowcount:
            time.sleep(_LOOK_SECONDS)
        if run.without_guard:
            with changing.transaction():
                changing.execute("SET LOCAL lock_timeout = '2s'")
                changing.execute(_PLAIN_INDEX)
                changing.execute("SELECT pg_sleep(%s)", (_LONG_SECONDS,))
        else:
            _index_beside_others(changing)
        _again(changing, _CONTRACT)
    return lambda: None


def _again(changing: psycopg.Connection, statement: str) -> None:
    """Execute a statement as often as its lock is not free in time."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            changing.execute(statement)
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() > until:
                raise
            time.sleep(_LOOK_SECONDS)
        else:
            return


def _index_beside_others(changing: psycopg.Connection) -> None:
    """Index a partitioned table: each partition while it is written to, then all as one."""
    _again(changing, f"CREATE INDEX {_INDEX} ON ONLY {_TABLE} ({_COLUMN})")
    changing.execute("SET lock_timeout = 0")  # what follows holds nobody up, and must not be cut
    for number, (partition,) in enumerate(changing.execute(_PARTITIONS).fetchall()):
        name = f"{_INDEX}_{number}"
        changing.execute(f"CREATE INDEX CONCURRENTLY {name} ON {partition} ({_COLUMN})")
        changing.execute(f"ALTER INDEX {_INDEX} ATTACH PARTITION {name}")
    changing.execute(_LOCK_TIMEOUT)


@contextmanager
def _watched(run: DrillRun, changing: int) -> Iterator[None]:
    """Keep the longest that anybody but the changing backend waited for a lock meanwhile."""
    ended, longest = threading.Event(), [0.0]

    def watch() -> None:
        with closing(psycopg.connect(run.site.environment["DATABASE_URL"], autocommit=True)) as ask:
            while not ended.wait(_LOOK_SECONDS):
                [waited] = ask.execute(_WAITS, (changing,)).fetchone() or (None,)
                longest.append(waited.total_seconds() if waited else 0.0)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()
        run.figures[LOCK_WAIT] = round(max(longest), 2)


def _look(run: DrillRun, history: History) -> None:
    run.figures[FAILED] = failures(history.operations)
    if run.figures[LOCK_WAIT] > _LONGEST_SECONDS:
        run.broken.append(f"somebody waited {run.figures[LOCK_WAIT]:g} s for a lock")


DRILL = Drill(
    name="migration",
    says="The reservations get a column, which is filled in batches, indexed, and dropped again.",
    roles=("api",),
    fault=_fault,
    takes=15.0,
    lasts=0.0,
    limits=(DrillLimit(LOCK_WAIT, _MOST_SECONDS), DrillLimit(FAILED, 0, "")),
    look=_look,
    control=Control(breaks="An index that is not made concurrently holds up every hold meanwhile."),
)
