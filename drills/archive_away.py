"""disk: the bucket takes nothing; the log piles up on the leader, and the sale goes on."""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress

import psycopg
import yaml

from drills.archiving_site import ArchivingSite
from drills.bucket_double import objects
from drills.drill import Drill, DrillLimit, DrillRun, Healing
from drills.verdict import FAILED, failures
from proof.history.recorded import History
from proof.rush.rehearsal import ROOT
from stack.backups.log_chain import SEGMENT_BYTES, LogSegment

SEEN = "until the exporter says so"
WAITING = "longest wait of a file, by the exporter"
KEPT = "log that waits, in % of max_slot_wal_keep_size"
CAUGHT_UP = "until all is archived again"
_ASKED = ROOT / "stack" / "observe" / "postgres.yml"
_LOOK_SECONDS = 1.0
_CATCH_UP_SECONDS = 150.0
_CLOSE = "SELECT pg_logical_emit_message(true, 'drill', 'disk', true); SELECT pg_switch_wal()"
_READY = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"
_SLOTS_KEEP = (
    "SELECT setting::bigint * 1048576 FROM pg_settings WHERE name = 'max_slot_wal_keep_size'"
)


def _fault(run: DrillRun) -> Healing:
    """Silence the bucket, and close a file that has to get there."""
    site, ended = _site(run), threading.Event()
    run.figures |= {WAITING: 0.0, KEPT: 0.0}
    site.bucket.silence()
    begun = time.monotonic()
    with site.superuser() as leader:
        for statement in _CLOSE.split(";"):
            leader.execute(statement)
    watching = threading.Thread(target=_watch, args=(run, begun, ended))
    watching.start()

    def heal() -> None:
        site.bucket.answer()
        ended.set()
        watching.join()
        if SEEN not in run.figures:
            run.figures[SEEN] = round(time.monotonic() - begun, 1)
            run.broken.append("the exporter never said that a file waits")

    return heal


def _site(run: DrillRun) -> ArchivingSite:
    assert isinstance(run.site, ArchivingSite)
    return run.site


def _watch(run: DrillRun, begun: float, ended: threading.Event) -> None:
    """Ask the leader each second what the exporter asks it."""
    asked = yaml.safe_load(_ASKED.read_text())["pg_archiver"]["query"]
    figures = run.figures
    with _site(run).superuser() as leader:
        most = _number(leader, _SLOTS_KEEP)
        while not ended.wait(_LOOK_SECONDS):
            with suppress(psycopg.Error):
                [*_, failing] = leader.execute(asked).fetchone() or [0]
                if failing:
                    figures.setdefault(SEEN, round(time.monotonic() - begun, 1))
                figures[WAITING] = max(figures[WAITING], round(float(failing), 1))
                share = 100 * _number(leader, _READY) * SEGMENT_BYTES / most
                figures[KEPT] = max(figures[KEPT], round(share, 1))


def _number(leader: psycopg.Connection, statement: str) -> int:
    [found] = leader.execute(statement).fetchone() or [0]
    return int(found)


def _look(run: DrillRun, history: History) -> None:
    run.figures[FAILED] = failures(history.operations)
    begun = time.monotonic()
    with _site(run).superuser() as leader:
        # What waits now has waited for the bucket; newer files come every minute.
        leader.execute(_CLOSE.split(";")[1])
        while _number(leader, _READY):
            if time.monotonic() > begun + _CATCH_UP_SECONDS:
                run.broken.append("the archive did not catch up")
                break
            time.sleep(_LOOK_SECONDS)
    run.figures[CAUGHT_UP] = round(time.monotonic() - begun, 1)
    run.broken += gaps(objects(_site(run).bucket.environment))


def gaps(keys: Iterable[str]) -> list[str]:
    """Return a sentence for each place between the first and the last file that has none.

    `keys`: all of the bucket.
    """
    names = (key.rpartition("/")[2].partition(".")[0] for key in keys if "/wals/" in key)
    places = {one.place for one in map(LogSegment.read, names) if one}
    every = range(min(places, default=0), max(places, default=-1) + 1)
    return [f"the archive has no file at place {one}" for one in every if one not in places] or (
        [] if places else ["the archive has no file"]
    )


DRILL = Drill(
    name="disk",
    says="The bucket of the log responds to nobody for a while: the log piles up on the leader.",
    roles=("primary",),
    fault=_fault,
    lasts=75.0,
    limits=(
        DrillLimit(FAILED, 0, ""),
        DrillLimit(SEEN, 10.0),
        DrillLimit(KEPT, 50.0, "%"),
        DrillLimit(CAUGHT_UP, 60.0),
    ),
    look=_look,
    site=ArchivingSite,
)
