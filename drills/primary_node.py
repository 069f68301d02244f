"""primary-node: the leader's machine dies, a second behind which its standbys are."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import psutil
import psycopg

from drills.drill import Control, Drill, DrillLimit, DrillRun, Healing
from drills.site import DrillSite

_BEHIND_SECONDS = 1.0
_CONFIG_SECONDS = 30.0
_LOOK_SECONDS = 0.2
_ASYNCHRONOUS = {
    "synchronous_mode": False,
    "synchronous_mode_strict": False,
    "maximum_lag_on_failover": 1 << 30,  # that second of log may be more than the usual limit
}


def _fault(run: DrillRun) -> Healing:
    """Freeze what brings the log to the standbys, for a second; then the leader is gone.

    What the receivers had not taken yet dies with them: it has to come from the leader, or never.
    """
    site = run.site
    leader = site.leader()
    with without_log(site):
        time.sleep(_BEHIND_SECONDS)
        site.do("kill", leader)

    def heal() -> None:
        site.do("start", leader)

    return heal


@contextmanager
def without_log(site: DrillSite) -> Iterator[None]:
    """Freeze what brings the log to the standbys; in the end it dies with what it hadn't taken."""
    receivers = [_receiver(site, name) for name in site.standbys()]
    for one in receivers:
        one.suspend()
    try:
        yield
    finally:
        for one in receivers:
            with suppress(psutil.NoSuchProcess):
                one.terminate()
                one.resume()


def _receiver(site: DrillSite, member: str) -> psutil.Process:
    for one in psutil.Process(site.postmaster(member)).children():
        with suppress(psutil.NoSuchProcess):  # its other children come and go
            if "walreceiver" in " ".join(one.cmdline()):
                return one
    raise LookupError(f"{member} receives no log")


def without_copies(site: DrillSite) -> None:
    """Let the leader acknowledge what nobody else has."""
    site.patroni("PATCH", "/config", _ASYNCHRONOUS).raise_for_status()
    until = time.monotonic() + _CONFIG_SECONDS
    with closing(psycopg.connect(site.environment["DATABASE_URL"], autocommit=True)) as leader:
        while leader.execute("SHOW synchronous_standby_names").fetchone() != ("",):
            if time.monotonic() > until:
                raise TimeoutError("the leader still waits for standbys")
            time.sleep(_LOOK_SECONDS)


DRILL = Drill(
    name="primary-node",
    says="PostgreSQL and Patroni of the leader are killed, a second after the log stopped to reach"
    " the standbys.",
    roles=("primary",),
    fault=_fault,
    lasts=30.0,
    limits=(DrillLimit("hold", 30.0), DrillLimit("pay", 30.0)),
    control=Control(
        breaks="Without synchronous mode that second is acknowledged, and lost.",
        unguard=without_copies,
    ),
)
