"""Fans' joins and polls of one room, many a call of the queue server (Note [Batches]).

One caller sends the first call and waits for the server; an event loop sends it by itself, and
hands in the reply.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

from prometheus_client import Counter

from kernel import clock
from kernel.errors import DomainError
from kernel.outcomes import Outcome, outcome_of, outcomes_of
from queueing import join_request
from queueing.fan_requests import JoinRequest, PollRequest
from queueing.join_request import Received
from queueing.places import QueuePlace, RoomPlaces
from queueing.queue_server import FanCall, ServerCall, check_size, queue_server
from queueing.replies import Reply, Status, replies_to

refusals = Counter("frontrow_queue_joins_refused_total", "Joins refused, by code", ["code"])

Q = TypeVar("Q", JoinRequest, PollRequest)


class FanBatch(ABC, Generic[Q]):
    """Requests of fans of one room, in the order of their numbers.

    Raises ValueError for more than `policy.BATCH_FANS`.
    """

    def __init__(self, performance_id: UUID, requests: Sequence[Q], now: datetime) -> None:
        check_size(requests)
        self.performance_id, self.now = performance_id, now
        self.requests: Sequence[Q] = requests
        self.now_ms = clock.to_ms(now)
        call_of = partial(self.call_of, performance_id=performance_id, now=now)
        self.calls: list[Outcome[FanCall]] = outcomes_of(call_of, requests)
        self._fans = join_request.sendable(self.calls)

    @staticmethod
    @abstractmethod
    def call_of(request: Q, *, performance_id: UUID, now: datetime) -> FanCall:
        """Return a fan's part in the call; raises why that fan is not to reach the server."""

    @abstractmethod
    def server_call(self, fans: Sequence[FanCall]) -> ServerCall:
        """Return the call of the server for these fans."""

    @abstractmethod
    def send(self, received: Received) -> list[Outcome[Reply]]:
        """Return each fan's reply or error, `received` being the first replies if there are any."""

    def first_call(self) -> ServerCall | None:
        """Return the call that `outcomes` makes first; None where nobody reaches the server."""
        return self.server_call(self._fans) if self._fans else None

    def read(self, raw: Sequence[Any]) -> list[Reply]:
        """Return the replies in what the server returned to `first_call`."""
        return replies_to(len(self._fans), raw)

    def outcomes(self, received: Received = None) -> list[Outcome[QueuePlace]]:
        """Return each fan's place or error; `received` replied to `first_call`, if it was sent.

        Where all of them are final (`are_final`), no server is called; else the calls that are left
        are made.
        """
        places = RoomPlaces(self.performance_id, self.now)

        def place_of(served: tuple[Q, Outcome[FanCall], Outcome[Reply]]) -> QueuePlace:
            request, fan, reply = served
            if isinstance(reply, Exception):
                raise reply
            proof = fan.proof if isinstance(fan, FanCall) else None
            return places.place_of(reply, user_id=request.user_id, token=request.token, proof=proof)

        replies = self.send(received)
        return outcomes_of(place_of, zip(self.requests, self.calls, replies, strict=True))


class PollBatch(FanBatch[PollRequest]):
    """Polls. An outcome is what `waiting_room.poll_many` says."""

    call_of = staticmethod(join_request.poll_call)

    def server_call(self, fans: Sequence[FanCall]) -> ServerCall:
        return queue_server.polls(self.performance_id, fans, self.now_ms)

    def send(self, received: Received) -> list[Outcome[Reply]]:
        return join_request.send_polls(
            self.calls,
            performance_id=self.performance_id,
            now_ms=self.now_ms,
            received=received,
        )


class JoinBatch(FanBatch[JoinRequest]):
    """Joins. An outcome is what `waiting_room.join_many` says."""

    call_of = staticmethod(join_request.join_call)

    def server_call(self, fans: Sequence[FanCall]) -> ServerCall:
        return queue_server.joins(self.performance_id, fans, self.now_ms)

    def send(self, received: Received) -> list[Outcome[Reply]]:
        """Send them; where the room wants a service's word, get that first and send them again."""
        replies = self._send(self.calls, received)
        vouched: dict[int, Outcome[FanCall]] = {}
        for i, (request, fan, reply) in enumerate(
            zip(self.requests, self.calls, replies, strict=True)
        ):
            if isinstance(fan, Exception) or isinstance(reply, Exception):
                continue
            if reply.status is Status.CHALLENGE:
                vouched[i] = outcome_of(
                    join_request.vouched_call,
                    request,
                    fan,
                    reply,
                    performance_id=self.performance_id,
                    now=self.now,
                )
        if vouched:
            again = self._send(list(vouched.values()))
            for i, reply in zip(vouched, again, strict=True):
                replies[i] = reply
        return replies

    def outcomes(self, received: Received = None) -> list[Outcome[QueuePlace]]:
        """Do so, and count the refusals."""
        outcomes = super().outcomes(received)
        for outcome in outcomes:
            if isinstance(outcome, DomainError):
                refusals.labels(outcome.code).inc()
        return outcomes

    def _send(self, calls: join_request.Calls, received: Received = None) -> list[Outcome[Reply]]:
        return join_request.send_joins(
            calls, performance_id=self.performance_id, now_ms=self.now_ms, received=received
        )
