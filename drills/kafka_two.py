"""kafka-two: brokers die one after the other until one copy is left, and then that one does.

Two controllers of three decide, so the first to die returns before the second does: only then can
one copy be alone. It returns slowly, and for the control its copies are not counted on at all: one
that catches up in its first fetch would be a copy too.
"""

import time

from confluent_kafka.admin import ResourceType

from drills.brokers import (
    DRAINED,
    admin,
    await_members,
    configure,
    make_again,
    note_relay,
    topics,
)
from drills.drill import Control, Drill, DrillLimit, DrillRun, Healing
from drills.site import DrillSite
from drills.verdict import FAILED
from stack.profiles import BROKERS

_STAYS, _SECOND, _FIRST = BROKERS
_FIRST_NUMBER = "3"
_APART_SECONDS, _ALONE_SECONDS = 4.0, 8.0
_ALL = "*"
_SLOWLY = {"follower.replication.throttled.rate": "1"}  # bytes a second
_WHICH = "follower.replication.throttled.replicas"


def _fault(run: DrillRun) -> Healing:
    site, client = run.site, admin(run.site)
    ours = topics(client)
    # While all respond: a broker sets its own terms, and a dead one may still count as controller.
    configure(client, ResourceType.BROKER, [_FIRST_NUMBER], _SLOWLY)
    configure(client, ResourceType.TOPIC, ours, {_WHICH: _ALL})
    run.note("lost")
    site.do("kill", _FIRST)
    time.sleep(_APART_SECONDS)
    site.do("start", _FIRST)
    site.do("kill", _SECOND)
    await_members(site, [_STAYS, _FIRST])
    time.sleep(_ALONE_SECONDS)
    site.do("kill", _STAYS)

    def heal() -> None:
        site.do("start", _SECOND)
        await_members(site, [_FIRST, _SECOND])
        time.sleep(_APART_SECONDS)  # the two agree who leads
        site.do("start", _STAYS)
        again = admin(site)
        configure(again, ResourceType.TOPIC, ours, {_WHICH: None})
        configure(again, ResourceType.BROKER, [_FIRST_NUMBER], dict.fromkeys(_SLOWLY))
        run.note("healed")

    return heal


def _one_copy(site: DrillSite) -> None:
    """Let one copy of two do, and let a broker lead that lacks messages."""
    loose = {"min.insync.replicas": "1", "unclean.leader.election.enable": "true"}
    make_again(site, copies=[BROKERS.index(_STAYS) + 1, BROKERS.index(_SECOND) + 1], terms=loose)


DRILL = Drill(
    name="kafka-two",
    says="One Kafka broker is killed and returns slowly, the second is killed, then the last that"
    " has everything.",
    roles=("kafka",),
    fault=_fault,
    takes=75.0,  # a broker that starts needs half a minute on busy cores
    lasts=5.0,
    limits=(DrillLimit(DRAINED, 60.0), DrillLimit(FAILED, 0, "")),
    look=note_relay,
    control=Control(
        breaks="Where one copy counts, and one without it may lead, published events are gone.",
        unguard=_one_copy,
    ),
)
