"""The admission check that `reservations` makes before every hold."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter

from kernel import clock
from kernel.outcomes import result_of
from queueing import queries, tokens
from queueing.errors import (
    QueueNotAdmitted,
    QueueTokenInvalid,
    QueueTokenRequired,
    QueueUnavailable,
)
from queueing.join_request import send_polls
from queueing.queue_server import FanCall
from queueing.replies import PlaceState, Status

__all__ = [
    "Admission",
    "QueueNotAdmitted",
    "QueueTokenInvalid",
    "QueueTokenRequired",
    "check",
    "is_required",
]

by_progress = Counter(
    "frontrow_queue_admitted_by_progress_total",
    "Fans let through by the progress kept in PostgreSQL while the queue server was unavailable",
)


@dataclass(frozen=True, slots=True)
class Admission:
    """Why a fan may go on, and until when (None: as long as the queue server is unavailable).

    `joined_ms` is when the place began, where nobody has looked yet whether it ended since: the
    function that claims seats does (Note [Ended places] in ended_places.py).
    """

    number: int
    until: datetime | None
    joined_ms: int | None = None


def is_required(*, performance_id: UUID) -> bool:
    """Return whether holds at this performance need an admission; at most a second old."""
    return queries.is_required(performance_id)


def check(*, token: str | None, user_id: UUID, performance_id: UUID, now: datetime) -> Admission:
    """Return the user's admission; a pass needs no Redis, a join token one call.

    Raises QueueTokenRequired, QueueTokenInvalid, QueueNotAdmitted.
    """
    if not token:
        raise QueueTokenRequired
    proof = tokens.verify(token, user_id=user_id, performance_id=performance_id, now=now)
    if proof.audience is tokens.Audience.PASS:
        return Admission(proof.number, clock.from_ms(proof.until_ms), proof.joined_ms)
    try:
        [outcome] = send_polls(
            [FanCall(user_id, proof)], performance_id=performance_id, now_ms=clock.to_ms(now)
        )
        reply = result_of(outcome)
    except QueueUnavailable:
        if proof.number > queries.serving_kept(performance_id):
            raise QueueNotAdmitted(state=PlaceState.WAITING.value) from None
        by_progress.inc()
        return Admission(proof.number, None, proof.joined_ms)
    if reply.spot is None:
        closed = reply.status is Status.CLOSED
        raise QueueNotAdmitted(state="CLOSED" if closed else PlaceState.EXPIRED.value)
    if reply.spot.state is not PlaceState.ADMITTED:
        raise QueueNotAdmitted(state=reply.spot.state.value)
    return Admission(reply.spot.number, clock.from_ms(reply.spot.until_ms))
