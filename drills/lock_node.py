"""lock-node: the master of the sale's seat claims dies, its replica a second behind."""

from contextlib import closing

from redis import Redis

from drills.drill import Control, Drill, DrillLimit, DrillRun, GuardEdit, Healing
from drills.site import ValkeySite
from drills.valkey import OTHER_SLOTS, kill_master
from proof.history.recorded import History

_EXAMPLES = 5
_ID = 36
_SOLD_AND_LOST = 3  # claims that only the dead master had


def _key(run: DrillRun, name: str) -> str:
    return f"fr:l:{{{run.performance}}}:{name}"


def _fault(run: DrillRun) -> Healing:
    seats = _key(run, "").encode()

    def lacks_sold(master: Redis, keys: set[bytes]) -> bool:
        # A seat's key ends with its id; those of limits and lapses are longer.
        own = [key for key in keys if key.startswith(seats) and len(key) == len(seats) + _ID]
        values = [master.get(key) for key in own]
        return sum(b"|S|" in value for value in values if value) >= _SOLD_AND_LOST

    return kill_master(run, "lock", _key(run, "warm"), enough=lacks_sold)


def _look(run: DrillRun, history: History) -> None:
    """Find sold seats that the lock server does not know: it was not filled from PostgreSQL."""
    final = history.final
    sold = [] if final is None else [seat for seat, state in final.seats.items() if state == "R"]
    with closing(run.site.cluster("lock")) as cluster:
        without = [seat for seat in sold if not cluster.exists(_key(run, seat))]
    run.figures["sold seats without a claim"] = len(without)
    run.broken += [
        f"the lock server has no claim for sold seat {one}" for one in without[:_EXAMPLES]
    ]


DRILL = Drill(
    name="lock-node",
    says="The lock master of the sale's slot is killed, its replica a second behind.",
    site=ValkeySite,
    roles=("lock",),
    fault=_fault,
    lasts=10.0,
    limits=(DrillLimit("hold", 5.0), DrillLimit(OTHER_SLOTS, 0.5)),
    look=_look,
    control=Control(
        breaks="A promoted replica counts as one that knows all claims: the last ones never return."
        " (Nothing is oversold even then: rows of PostgreSQL decide.)",
        edits=(
            GuardEdit(
                "reservations/lua/seat_claims.lua",
                "return server.call('GET', mark_key) == run_id and 1 or 0",
                "return 1",
            ),
        ),
    ),
)
