"""cancelled-commit: an operator cancels commits that wait for a copy, and the leader dies."""

import time
from contextlib import closing

import psycopg

from drills.drill import Control, Drill, DrillRun, GuardEdit, Healing
from drills.primary_node import without_log
from drills.site import DrillSite

CANCELLED = "commits cancelled while they waited"
_SECONDS = 2.0
_LOOK_SECONDS = 0.05
# What nobody may do to a running sale (docs/runbook.md), done here by hand.
_CANCEL = """
SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
 WHERE wait_event = 'SyncRep' AND pid <> pg_backend_pid()"""


def _fault(run: DrillRun) -> Healing:
    """Freeze what brings the log to the standbys, cancel who waits, kill the leader."""
    site = run.site
    leader = site.leader()
    with without_log(site):
        run.figures[CANCELLED] = _cancel(site, leader)
        site.do("kill", leader)

    def heal() -> None:
        site.do("start", leader)

    return heal


def _cancel(site: DrillSite, leader: str) -> int:
    until, cancelled = time.monotonic() + _SECONDS, 0
    with closing(psycopg.connect(site.superuser_of(leader), autocommit=True)) as operator:
        while time.monotonic() < until:
            cancelled += operator.execute(_CANCEL).fetchone()[0]  # type: ignore[index]
            time.sleep(_LOOK_SECONDS)
    return cancelled


DRILL = Drill(
    name="cancelled-commit",
    says="The log stops to reach the standbys, an operator cancels the commits that wait for it,"
    " and the leader's machine dies.",
    roles=("primary",),
    fault=_fault,
    takes=8.0,
    lasts=30.0,
    limits=(),
    control=Control(
        breaks="Who doesn't hear that the wait was cancelled says done of what has one copy.",
        edits=(GuardEdit("kernel/db/connection.py", "self.wait_was_cancelled = True", "pass"),),
    ),
)
