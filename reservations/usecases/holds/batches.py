"""Batches of attempts: the claims of all, one transaction, the claims again."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from events.operations import NewEvent
from kernel.db.failures import is_unavailable
from kernel.outcomes import Outcome, Undecided
from kernel.rate_limiting.in_redis import check_limit
from queueing.admission import QueueNotAdmitted
from queueing.replies import PLACE_STATES
from reservations import metrics, queries, seat_changes
from reservations.claims import ClaimResult, SeatChange, Verdict, seat_claims
from reservations.queries import ReservationDetail
from reservations.usecases.holds.errors import HoldBackoff, SeatTaken
from reservations.usecases.holds.transaction import BatchTransaction
from reservations.usecases.holds.turns import Attempt, HoldTurn, StaleClaims

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Alone(Undecided[ReservationDetail]):
    """An attempt of a batch that could not be decided with the others, and goes alone.

    It met a lock or a second attempt of its fan, or the batch failed. `stale` is None where its
    seats are not claimed.
    """

    attempt: Attempt
    stale: StaleClaims | None
    now: datetime

    def decide(self) -> Outcome[ReservationDetail]:
        """Hold the seats in a transaction of its own, which waits for its locks."""
        return _decided_alone(HoldTurn(self.attempt, self.now, self.stale))


Decision: TypeAlias = Outcome[ReservationDetail] | Alone


def hold_alone(attempt: Attempt, *, now: datetime) -> Outcome[ReservationDetail]:
    """Hold the seats of one attempt: it waits for its locks."""
    return _decided_alone(HoldTurn(attempt, now))


def hold_together(attempts: Sequence[Attempt], *, now: datetime) -> list[Decision]:
    """Hold the seats of several attempts, each decided by itself, and wait for nobody.

    Whatever can't be decided so is returned as `Alone`.
    """
    return _decided([HoldTurn(attempt, now) for attempt in attempts], now=now, waits=False)


def _decided_alone(turn: HoldTurn) -> Outcome[ReservationDetail]:
    [decision] = _decided([turn], now=turn.now, waits=True)
    assert not isinstance(decision, Alone)
    return decision


def _decided(turns: Sequence[HoldTurn], *, now: datetime, waits: bool) -> list[Decision]:
    _keep_one_of_each_fan(turns)
    unclaimed = [turn for turn in turns if turn.is_open and turn.stale is None]
    for performance_id, members in _by_performance(unclaimed):
        _claim(performance_id, members, now)
    claimed = [turn for turn in turns if turn.is_open]
    expired = _carried_out(claimed, now, waits) if claimed else []
    blocked = [turn for turn in turns if turn.blocked_by]
    if blocked:
        _settle_blocked(blocked, turns)
    if claimed:
        _publish(claimed, expired, now)
    return [_decision(turn) for turn in turns]


def _keep_one_of_each_fan(turns: Sequence[HoldTurn]) -> None:
    """Let further attempts of a fan go alone: the limit counts what the first one holds."""
    fans: set[tuple[UUID, UUID]] = set()
    for turn in turns if len(turns) > 1 else ():
        turn.goes_alone = turn.attempt.fan in fans
        fans.add(turn.attempt.fan)


def _claim(performance_id: UUID, turns: Sequence[HoldTurn], now: datetime) -> None:
    try:
        results = seat_claims.claim_many(
            performance_id=performance_id,
            requests=[turn.attempt.claim_request for turn in turns],
            now=now,
        )
    except Exception as error:  # noqa: BLE001  (a defect, for which nobody else needs to wait)
        for turn in turns:
            turn.refuse(error)
        return
    rivals = _owners(turns) if len(turns) > 1 else set()
    for turn, result in zip(turns, results, strict=True):
        try:
            _judge_claims(turn, result, rivals)
        except Exception as error:  # noqa: BLE001  (this fan's: the others have their claims)
            turn.refuse(error)


def _judge_claims(turn: HoldTurn, result: Outcome[ClaimResult], rivals: set[str]) -> None:
    if isinstance(result, Exception):
        raise result
    check_limit(turn.attempt.limit_status, result.limit)
    if result.verdict.lets_through:
        turn.stale = result.owners
    elif not rivals.isdisjoint(result.owners.values()):
        turn.blocked_by = result
    else:
        _refuse_by_claims(turn, result)


def _refuse_by_claims(turn: HoldTurn, result: ClaimResult) -> None:
    if result.verdict is Verdict.PLACE_ENDED:
        ended = PLACE_STATES[result.ended].value
        turn.refuse(QueueNotAdmitted(state=ended), outcome="place_ended")
    elif result.verdict is Verdict.BACKED_OFF:
        turn.refuse(HoldBackoff(retry_after=result.retry_after), outcome="backed_off")
    else:
        seat_changes.learn_from_claims(
            performance_id=turn.attempt.performance_id, taken=result.owners
        )
        error = SeatTaken(seat_ids=sorted(result.owners), yours=list(result.yours))
        turn.refuse(error, outcome="refused_by_gate")


def _owners(turns: Iterable[HoldTurn]) -> set[str]:
    """Return the owners of the claims of turns."""
    return {str(turn.attempt.reservation_id) for turn in turns}


def _carried_out(turns: Sequence[HoldTurn], now: datetime, waits: bool) -> list[NewEvent]:
    try:
        return BatchTransaction(turns, now, waits).carry_out()
    except Exception as error:
        # Without a connection nobody knows whether the commit took place: nobody tries again.
        final = waits or is_unavailable(error)
        if not final:
            log.warning("a batch of holds failed, each goes alone", exc_info=error)
        for turn in turns:
            if turn.hold or turn.is_open:
                turn.hold, turn.goes_alone = None, not final
                if final:
                    turn.refuse(error, corrections=[])
        return []


def _settle_blocked(blocked: Sequence[HoldTurn], turns: Sequence[HoldTurn]) -> None:
    """Refuse whom claims of the batch have refused, unless their owner holds nothing after all."""
    held, rivals = _owners(turn for turn in turns if turn.hold), _owners(turns)
    for turn in blocked:
        result, turn.blocked_by = turn.blocked_by, None
        assert result is not None
        if rivals.intersection(result.owners.values()) <= held:
            _refuse_by_claims(turn, result)
        else:
            turn.goes_alone, turn.attempt = True, turn.attempt.uncounted()


def _publish(turns: Sequence[HoldTurn], expired: Sequence[NewEvent], now: datetime) -> None:
    taken = {seat for turn in turns if turn.hold for seat in turn.attempt.seat_ids}
    for performance_id, members in _by_performance(turns):
        changes = [turn.change() for turn in members if not turn.goes_alone]
        ended = [event for event in expired if event.data["performance_id"] == str(performance_id)]
        if ended:
            first, *others = changes or [SeatChange("take_over", [])]
            freed = seat_changes.freed_by_expiry(ended, but=taken)
            lapses = seat_changes.lapses_of(ended, members[0].attempt.terms)
            changes = [replace(first, claims=[*first.claims, *freed], lapses=lapses), *others]
        if changes:
            seat_changes.publish_many(performance_id=performance_id, changes=changes, now=now)
    metrics.expired.labels("take_over").inc(len(expired))


def _decision(turn: HoldTurn) -> Decision:
    if turn.goes_alone:
        metrics.gone_alone.inc()
        return Alone(turn.attempt, turn.stale, turn.now)
    if turn.outcome:
        turn.attempt.context.run(metrics.count_hold, turn.outcome)
    if turn.error is not None:
        return turn.error
    assert turn.hold is not None
    return queries.new_hold(
        turn.hold.reservation, performance=turn.attempt.terms.performance, seats=turn.hold.seats
    )


def _by_performance(turns: Iterable[HoldTurn]) -> Iterable[tuple[UUID, list[HoldTurn]]]:
    """Return the turns of each performance, in their order."""
    found: dict[UUID, list[HoldTurn]] = {}
    for turn in turns:
        found.setdefault(turn.attempt.performance_id, []).append(turn)
    return found.items()
