"""Queue places: what the API shows of a fan's place, made from the queue server's reply."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from kernel import clock
from kernel.errors import DomainError
from queueing import policy, poll_interval, tokens
from queueing.errors import (
    QueueClosed,
    QueueNotOpen,
    QueueNotRequired,
    QueuePaused,
    QueueTokenInvalid,
    QueueUnavailable,
    TooManyAccounts,
)
from queueing.replies import PlaceState, Reply, Spot, Status

_ADMITTED_POLL_SECONDS = 30


class QueuePlace(NamedTuple):
    """A fan's place in the queue. `ahead` and `position` mean something while WAITING."""

    token: str
    number: int
    state: PlaceState
    ahead: int
    eta_seconds: int
    poll_after_seconds: int
    admitted_until: datetime | None
    admission_pass: str | None
    created: bool

    @property
    def position(self) -> int:
        """The position in the line; 1 is next."""
        return self.ahead + 1

    def as_json(self) -> dict[str, Any]:
        """Return the document that the API sends (described by `PlaceSerializer`)."""
        until = self.admitted_until
        return {
            "token": self.token,
            "number": self.number,
            "state": self.state.value,
            "position": self.position,
            "ahead": self.ahead,
            "eta_seconds": self.eta_seconds,
            "poll_after_seconds": self.poll_after_seconds,
            "admitted_until": until and clock.as_text(until),
            "pass": self.admission_pass,
        }

    def to_json(self) -> bytes:
        """Return `as_json` as the renderer writes it; nothing in a place needs an escape."""
        until = self.admitted_until
        shown_until = "null" if until is None else f'"{clock.as_text(until)}"'
        shown_pass = "null" if self.admission_pass is None else f'"{self.admission_pass}"'
        return (
            f'{{"token":"{self.token}","number":{self.number},"state":"{self.state}"'
            f',"position":{self.ahead + 1},"ahead":{self.ahead}'
            f',"eta_seconds":{self.eta_seconds},"poll_after_seconds":{self.poll_after_seconds}'
            f',"admitted_until":{shown_until},"pass":{shown_pass}}}'
        ).encode()


class RoomPlaces:
    """Makes the places of one room's fans at one moment from the queue server's replies."""

    def __init__(self, performance_id: UUID, now: datetime) -> None:
        self._performance_id, self._now = performance_id, now
        self._tokens: tokens.JoinTokens | None = None  # fans who poll keep theirs

    def place_of(
        self, reply: Reply, *, user_id: UUID, token: str | None, proof: tokens.Proof | None
    ) -> QueuePlace:
        """Return the place in `reply`; raises the refusal in it instead.

        `token` is the one that the fan showed, and `proof` what it proves, if anything.
        """
        spot = reply.spot
        if spot is None:
            raise _refusal_in(reply)
        eta, poll_after, until, admission_pass = 0, _ADMITTED_POLL_SECONDS, None, None
        if spot.state is PlaceState.WAITING:
            eta = poll_interval.eta_seconds(spot)
            poll_after = poll_interval.poll_after_seconds(spot, eta=eta)
        elif spot.state is PlaceState.ADMITTED:
            until = _admitted_until(spot, self._now)
            admission_pass = self._pass(spot, user_id, until)
        if not (token and proof and self._still_says(proof, spot)):
            token = self._token(spot, user_id)
        return QueuePlace(
            token,
            spot.number,
            spot.state,
            spot.ahead,
            eta,
            poll_after,
            until,
            admission_pass,
            reply.status is Status.NEW,
        )

    def _still_says(self, proof: tokens.Proof, spot: Spot) -> bool:
        """Return whether a join token says where its fan stands, and will do so for long."""
        return (
            proof.audience is tokens.Audience.TOKEN
            and (proof.number, proof.epoch, proof.joined_ms, proof.until_ms)
            == (spot.number, spot.epoch, spot.joined_ms, spot.until_ms)
            and (proof.expires_at - self._now).total_seconds() > policy.TOKEN_SECONDS / 2
        )

    def _token(self, spot: Spot, user_id: UUID) -> str:
        if self._tokens is None:
            self._tokens = tokens.JoinTokens(self._performance_id, self._now)
        return self._tokens.sign(
            user_id,
            number=spot.number,
            epoch=spot.epoch,
            joined_ms=spot.joined_ms,
            until_ms=spot.until_ms,
        )

    def _pass(self, spot: Spot, user_id: UUID, until: datetime) -> str:
        return tokens.sign_pass(
            user_id=user_id,
            performance_id=self._performance_id,
            number=spot.number,
            epoch=spot.epoch,
            joined_ms=spot.joined_ms,
            admitted_until=until,
            now=self._now,
        )


def _admitted_until(spot: Spot, now: datetime) -> datetime:
    """Return when the session ends by the clock of those who will judge the pass (Note [Clocks]).

    Where the queue server's clock is behind, the room's time was cut to it, and so is its deadline.
    """
    behind_ms = max(0, clock.to_ms(now) - spot.now_ms)
    whole_seconds = -(-behind_ms // 1000)  # so that it stays the same from poll to poll
    return clock.from_ms(spot.until_ms) + timedelta(seconds=whole_seconds)


def _refusal_in(reply: Reply) -> DomainError:
    if reply.status is Status.NOT_OPEN:
        return QueueNotOpen(queue_opens_at=clock.from_ms(reply.opens_ms))
    refusals: dict[Status, type[DomainError]] = {
        Status.NOT_REQUIRED: QueueNotRequired,
        Status.PAUSED: QueuePaused,
        Status.CLOSED: QueueClosed,
        Status.UNKNOWN: QueueTokenInvalid,
        Status.TOO_MANY_ACCOUNTS: TooManyAccounts,
    }
    return refusals.get(reply.status, QueueUnavailable)()
