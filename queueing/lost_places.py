"""The fate of a place that the queue server has lost (Note [Places lost] in README.md)."""

from collections.abc import Callable, Sequence

from kernel.outcomes import Outcome, outcome_of
from queueing import ended_places, queries
from queueing.errors import QueueUnavailable
from queueing.queue_server import FanCall, Fate
from queueing.replies import Reply, Status
from queueing.tokens import Proof

Call = Callable[[Sequence[FanCall]], Sequence[Outcome[Reply]]]


def call_with_fates(fans: Sequence[FanCall], call: Call) -> list[Outcome[Reply]]:
    """Return the outcomes of `call`, with the fates of places where the server wants them.

    One call more of the queue server, and one of the lock server for each fan whose place was lost.
    A token that shows that this server was superseded is QueueUnavailable to that fan.
    """
    for fan in fans:
        fan.fate = Fate.UNKNOWN  # an epoch may have begun since somebody looked
    outcomes = list(call(fans))
    found: dict[int, FanCall] = {}
    for i, (fan, reply) in enumerate(zip(fans, outcomes, strict=True)):
        if isinstance(reply, Exception) or reply.status is not Status.LOST or fan.proof is None:
            continue
        fate = outcome_of(_fate_of, fan.proof, reply.epoch)
        if isinstance(fate, Exception):
            outcomes[i] = fate
        else:
            fan.fate, found[i] = fate, fan
    if found:
        for i, outcome in zip(found, call(list(found.values())), strict=True):
            outcomes[i] = outcome
    return outcomes


def _fate_of(proof: Proof, epoch: int) -> Fate:
    if proof.epoch > epoch:
        # Another server gave this token: it knows the place, and this one is an old server.
        if queries.epoch_in_force(proof.performance_id).number > epoch:
            raise QueueUnavailable
        return Fate.NOTHING  # PostgreSQL was put back to an earlier day
    state_code = ended_places.find_end(
        performance_id=proof.performance_id, user_id=proof.user_id, joined_ms=proof.joined_ms
    )
    return Fate(state_code) if state_code else Fate.KEPT
