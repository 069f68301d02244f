"""kafka-one: a broker dies that leads as many partitions as any."""

from drills.brokers import RELAY_GAP, admin, busiest, note_relay
from drills.drill import Drill, DrillLimit, DrillRun, Healing
from drills.verdict import FAILED


def _fault(run: DrillRun) -> Healing:
    broker = busiest(admin(run.site))
    run.note("lost")
    run.site.do("kill", broker)

    def heal() -> None:
        run.site.do("start", broker)
        run.note("healed")

    return heal


DRILL = Drill(
    name="kafka-one",
    says="The Kafka broker that leads the most partitions is killed.",
    roles=("kafka",),
    fault=_fault,
    lasts=20.0,
    limits=(DrillLimit(RELAY_GAP, 10.0), DrillLimit(FAILED, 0, "")),
    look=note_relay,
)
