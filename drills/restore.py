"""restore: staff overwrite prices and delete rows in mid-sale; a server is made as it was before.

The base backup is taken while fans buy; then another member leads, so the log to be read has two
timelines. The restored server stands beside the running ones, which nobody stops; what it has is
compared with the recorded history and with what was read just before the mistake; then the
reconciler and the audit are run on it, for the money that the gateway took after the moment.
"""

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from drills.archiving_site import ArchivingSite, ExposureWatch
from drills.buyer import PointsBuyer
from drills.drill import Control, Drill, DrillLimit, DrillRun, Healing
from drills.restored import KEYS, PRICES, KnownState, compare_history, compare_rows, reconcile
from drills.site import DrillSite
from kernel.ids import uuid7
from proof.history.recorded import History
from proof.rush.rehearsal import RehearsalFailed

_LOAD_SECONDS = 75.0  # behind the copy: longer than the log may be kept back
_GIB = 2**30
RPO = "longest without a copy of the log (RPO)"

_known: dict[str, KnownState] = {}


def _site(run: DrillRun) -> ArchivingSite:
    assert isinstance(run.site, ArchivingSite)
    return run.site


def _fault(run: DrillRun) -> Healing:
    """Take the copy, buy points, do the mistake, buy points again; the sale goes on meanwhile."""
    site = _site(run)
    known = _known[run.performance] = KnownState()
    begun = time.monotonic()
    made = site.backups("now")
    run.figures["base backup"] = round(time.monotonic() - begun, 1)
    run.figures["base backup, MiB in the bucket"] = round(made["size_bytes"] / 2**20, 1)
    begun = time.monotonic()
    site.switch_over()
    run.figures["switchover behind it"] = round(time.monotonic() - begun, 1)
    buyer, key = PointsBuyer(site), str(uuid7())
    known.paid, known.open = buyer.buy(key), buyer.begin(str(uuid7()))
    with site.superuser() as rows, site.superuser("idempotency") as keys:
        # The keys first: what follows them in the one cluster has them too.
        known.keys = keys.execute(KEYS).fetchall()
        known.prices = rows.execute(PRICES).fetchall()
        known.since = time.monotonic()
        found = rows.execute(
            "SELECT clock_timestamp()::text, pg_walfile_name(pg_current_wal_lsn())"
        ).fetchone()
        assert found is not None
        known.moment, known.file = found[0].replace(" ", "T"), found[1]
        known.until = time.monotonic()
        # Not those of this sale, whose fans would pay them.
        rows.execute(
            "UPDATE concerts_pricegrade SET price = 1 WHERE performance_id <> %s",
            [run.performance],
        )
        keys.execute("DELETE FROM idempotency_record WHERE state = 'FINISHED'")
    if buyer.begin(key).id != known.paid.id:
        run.broken.append("a charge was made twice: its key was among the deleted rows")
    buyer.pay(known.open)
    known.later = buyer.buy(str(uuid7()))
    ended = threading.Event()
    watching = threading.Thread(target=_watch, args=(site, known.watch, ended))
    watching.start()

    def heal() -> None:
        ended.set()
        watching.join()
        run.figures[RPO] = round(known.watch.longest, 1)

    return heal


def _watch(site: ArchivingSite, watch: ExposureWatch, ended: threading.Event) -> None:
    with site.superuser() as leader:
        while not ended.wait(1.0):
            with suppress(psycopg.Error):
                watch.look(leader)


def _look(run: DrillRun, history: History) -> None:
    site, known = _site(run), _known.pop(run.performance)
    if site.loses_a_file:
        site.lose_file(known.file)
    folder = site.data.home / "before-the-mistake"
    begun = time.monotonic()
    try:
        made = site.backups("restore", "--to", known.moment, "--into", str(folder))
    except RehearsalFailed as refused:
        run.broken.append(f"nothing was restored: {str(refused).splitlines()[-1]}")
        return
    run.figures["restore (RTO)"] = round(time.monotonic() - begun, 1)
    _extrapolate(run, folder, made)
    with site.beside(folder) as server:
        compare_rows(run, known, server)
        compare_history(run, known, history, server)
        reconcile(run, site, known, server)


def _extrapolate(run: DrillRun, folder: Path, made: dict[str, Any]) -> None:
    """Fetching grows with the files, reading the log with its length, which stays as it was."""
    size = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
    run.figures["restored, MiB"] = round(size / 2**20)
    for gib in (1, 10):
        whole = made["fetch_seconds"] * gib * _GIB / size + made["replay_seconds"]
        run.figures[f"restore of {gib} GiB, extrapolated"] = round(whole)


def _without_a_file(site: DrillSite) -> None:
    assert isinstance(site, ArchivingSite)
    site.loses_a_file = True


DRILL = Drill(
    name="restore",
    says="Staff overwrite prices and delete keys in mid-sale; a server beside the running ones is"
    " made as it was just before, of a base backup taken under load and of the log of two leaders.",
    roles=("primary",),
    fault=_fault,
    takes=60.0,
    lasts=_LOAD_SECONDS,
    limits=(DrillLimit(RPO, 60.0),),
    look=_look,
    site=ArchivingSite,
    control=Control(
        breaks="Without one file of the log the restore refuses.",
        unguard=_without_a_file,
    ),
)
