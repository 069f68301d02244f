"""Queue places: what the API shows of a fan's place, made from the queue server's reply."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from kernel import clock
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


def place_of(
    reply: Reply,
    *,
    user_id: UUID,
    performance_id: UUID,
    token: str | None,
    proof: tokens.Proof | None,
    now: datetime,
) -> QueuePlace:
    """Return the place in `reply`; raises the refusal in it instead."""
    spot = _spot_or_refusal(reply)
    admitted = spot.state is PlaceState.ADMITTED
    until = _admitted_until(spot, now) if admitted else None
    eta, poll_after = 0, _ADMITTED_POLL_SECONDS
    if spot.state is PlaceState.WAITING:
        eta = poll_interval.eta_seconds(spot)
        poll_after = poll_interval.poll_after_seconds(spot, eta=eta)
    return QueuePlace(
        token=_token(spot, user_id, performance_id, token, proof, now),
        number=spot.number,
        state=spot.state,
        ahead=spot.ahead,
        eta_seconds=eta,
        poll_after_seconds=poll_after,
        admitted_until=until,
        admission_pass=tokens.sign_pass(
            user_id=user_id,
            performance_id=performance_id,
            number=spot.number,
            epoch=spot.epoch,
            joined_ms=spot.joined_ms,
            admitted_until=until,
            now=now,
        )
        if until
        else None,
        created=reply.status is Status.NEW,
    )


def _admitted_until(spot: Spot, now: datetime) -> datetime:
    """Return when the session ends by the clock of those who will judge the pass (Note [Clocks]).

    Where the queue server's clock is behind, the room's time was cut to it, and so is its deadline.
    """
    behind_ms = max(0, clock.to_ms(now) - spot.now_ms)
    whole_seconds = -(-behind_ms // 1000)  # so that it stays the same from poll to poll
    return clock.from_ms(spot.until_ms) + timedelta(seconds=whole_seconds)


def _spot_or_refusal(reply: Reply) -> Spot:
    if reply.spot is not None:
        return reply.spot
    if reply.status is Status.NOT_OPEN:
        raise QueueNotOpen(queue_opens_at=clock.from_ms(reply.opens_ms))
    raise {
        Status.NOT_REQUIRED: QueueNotRequired,
        Status.PAUSED: QueuePaused,
        Status.CLOSED: QueueClosed,
        Status.UNKNOWN: QueueTokenInvalid,
        Status.TOO_MANY_ACCOUNTS: TooManyAccounts,
    }.get(reply.status, QueueUnavailable)


def _token(
    spot: Spot,
    user_id: UUID,
    performance_id: UUID,
    token: str | None,
    proof: tokens.Proof | None,
    now: datetime,
) -> str:
    """Return the caller's own join token while it says the same, else a new one."""
    if (
        token
        and proof
        and proof.audience is tokens.Audience.TOKEN
        and (proof.number, proof.epoch, proof.joined_ms, proof.until_ms)
        == (spot.number, spot.epoch, spot.joined_ms, spot.until_ms)
        and (proof.expires_at - now).total_seconds() > policy.TOKEN_SECONDS / 2
    ):
        return token
    return tokens.sign_token(
        user_id=user_id,
        performance_id=performance_id,
        number=spot.number,
        epoch=spot.epoch,
        joined_ms=spot.joined_ms,
        until_ms=spot.until_ms,
        now=now,
    )
