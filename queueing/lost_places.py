"""The fate of a place that the queue server has lost (Note [Places lost] in README.md)."""

from collections.abc import Callable

from queueing import ended_places, queries
from queueing.errors import QueueUnavailable
from queueing.queue_server import Fate
from queueing.replies import Reply, Status
from queueing.tokens import Proof


def call_with_fate(proof: Proof | None, call: Callable[[Fate], Reply]) -> Reply:
    """Return the reply to `call`, which gets the fate of the place where the server wants it.

    One call more of the lock server and of the queue server, once a fan and loss. Raises
    QueueUnavailable where the token shows that this server was superseded.
    """
    reply = call(Fate.UNKNOWN)
    if reply.status is not Status.LOST or proof is None:
        return reply
    return call(_fate_of(proof, reply.epoch))


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
