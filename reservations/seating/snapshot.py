"""What this process knows of the seats, so that the best ones cost no query for each request.

A snapshot of all seats is at most `policy.SNAPSHOT_SECONDS` old, read by one statement, one thread
at a time. Between two reads `reservations.seat_changes` keeps it up to date with what this process
takes, gives back or learns, and proposed seats count as taken, so that two fans of this process
aren't offered the same ones. It proposes; the claim and PostgreSQL decide.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from reservations import policy, queries
from reservations.seating import chooser
from reservations.seating.chooser import Wish
from reservations.seating.plan import SeatingPlan

_SNAPSHOTS = 512
_SEATS = 300_000  # of all snapshots: about 400 bytes each
_FREE, _TAKEN = b"A", b"T"


@dataclass(slots=True)
class _Snapshot:
    """The seats of one performance, by position."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    plan: SeatingPlan = field(default_factory=lambda: SeatingPlan(()))
    layout_version: int | None = None
    letters: bytearray = field(default_factory=bytearray)
    proposed: set[int] = field(default_factory=set)  # and not decided yet
    as_of: datetime | None = None

    def is_fresh(self, now: datetime, seconds: float) -> bool:
        return self.as_of is not None and abs(now - self.as_of) < timedelta(seconds=seconds)

    def positions(self, seat_ids: Iterable[UUID]) -> list[int]:
        known = self.plan.position_of
        return [known[seat_id] for seat_id in seat_ids if seat_id in known]

    def mark(self, positions: Iterable[int], letter: bytes) -> None:
        for position in positions:
            self.letters[position : position + 1] = letter


class SeatSnapshots:
    """The snapshots of all performances sold by this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshots: OrderedDict[UUID, _Snapshot] = OrderedDict()

    def propose(self, *, performance_id: UUID, wish: Wish, now: datetime) -> list[UUID]:
        """Return seats for the wish, or an empty list if none match.

        The seats count as taken until `end_proposal`. "None" is only said of a snapshot that is at
        most `policy.SNAPSHOT_DOUBT_SECONDS` old.
        """
        snapshot = self._snapshot(performance_id)
        with snapshot.lock:
            for oldest in (policy.SNAPSHOT_SECONDS, policy.SNAPSHOT_DOUBT_SECONDS):
                self._refresh(snapshot, performance_id, now, oldest)
                chosen = chooser.choose(snapshot.plan, bytes(snapshot.letters), wish)
                if chosen:
                    snapshot.proposed.update(chosen)
                    snapshot.mark(chosen, _TAKEN)
                    return [snapshot.plan.seat_ids[position] for position in chosen]
        return []

    def propose_instead(
        self,
        *,
        performance_id: UUID,
        seat_ids: Sequence[UUID],
        grades: Sequence[str],
        now: datetime,
    ) -> list[UUID]:
        """Return as many neighbours as `seat_ids`, as near to them as can be, or an empty list.

        They are of the first of the `grades` that has any. What is said of `propose` holds too.
        """
        snapshot = self._snapshot(performance_id)
        with snapshot.lock:
            self._refresh(snapshot, performance_id, now, policy.SNAPSHOT_DOUBT_SECONDS)
            chosen = _instead(snapshot, snapshot.positions(seat_ids), grades)
            snapshot.proposed.update(chosen)
            snapshot.mark(chosen, _TAKEN)
            return [snapshot.plan.seat_ids[position] for position in chosen]

    def end_proposal(self, *, performance_id: UUID, seat_ids: Iterable[UUID]) -> None:
        """Give back those of the proposed seats that nothing was learnt about."""
        snapshot = self._known(performance_id)
        if snapshot is None:
            return
        with snapshot.lock:
            undecided = snapshot.proposed.intersection(snapshot.positions(seat_ids))
            snapshot.proposed -= undecided
            snapshot.mark(undecided, _FREE)

    def single_seats_left(
        self, *, performance_id: UUID, seat_ids: Sequence[UUID], now: datetime
    ) -> list[UUID]:
        """Return the single seats that a choice would leave although another choice would not.

        Only said of a snapshot that is at most `policy.SNAPSHOT_DOUBT_SECONDS` old.
        """
        snapshot = self._snapshot(performance_id)
        single: list[int] = []
        with snapshot.lock:
            for oldest in (policy.SNAPSHOT_SECONDS, policy.SNAPSHOT_DOUBT_SECONDS):
                self._refresh(snapshot, performance_id, now, oldest)
                single = _needless_single_seats(snapshot, seat_ids)
                if not single:
                    break
            return [snapshot.plan.seat_ids[position] for position in single]

    def update(
        self,
        *,
        performance_id: UUID,
        free: Collection[UUID] = (),
        taken: Collection[UUID] = (),
    ) -> None:
        """Mark seats that became free or were taken, where there is a snapshot."""
        snapshot = self._known(performance_id)
        if snapshot is None:
            return
        with snapshot.lock:
            for seat_ids, letter in ((free, _FREE), (taken, _TAKEN)):
                positions = snapshot.positions(seat_ids)
                snapshot.proposed.difference_update(positions)
                snapshot.mark(positions, letter)

    def refresh(self, *, performance_id: UUID, now: datetime) -> None:
        """Read the seats again if the snapshot turned out to be old: others were faster."""
        snapshot = self._snapshot(performance_id)
        with snapshot.lock:
            self._refresh(snapshot, performance_id, now, policy.SNAPSHOT_DOUBT_SECONDS)

    def _known(self, performance_id: UUID) -> _Snapshot | None:
        with self._lock:
            return self._snapshots.get(performance_id)

    def _snapshot(self, performance_id: UUID) -> _Snapshot:
        with self._lock:
            snapshot = self._snapshots.setdefault(performance_id, _Snapshot())
            self._snapshots.move_to_end(performance_id)
            if len(self._snapshots) > _SNAPSHOTS:
                self._snapshots.popitem(last=False)
            return snapshot

    def _refresh(
        self, snapshot: _Snapshot, performance_id: UUID, now: datetime, seconds: float
    ) -> None:
        if snapshot.is_fresh(now, seconds):
            return
        seen = queries.availability(performance_id=performance_id, now=now)
        if seen is None or not seen.statuses:
            snapshot.plan, snapshot.letters = SeatingPlan(()), bytearray()
            snapshot.layout_version = None
        else:
            if snapshot.layout_version != seen.layout_version:
                snapshot.plan = SeatingPlan(queries.plan_seats(performance_id=performance_id))
                snapshot.layout_version = seen.layout_version
                self._make_room()
            snapshot.letters = bytearray(snapshot.plan.in_order(seen.statuses))
            snapshot.mark(snapshot.proposed, _TAKEN)
        snapshot.as_of = now

    def _make_room(self) -> None:
        """Drop the snapshots used longest ago until the rest have at most `_SEATS` seats."""
        with self._lock:
            seats = sum(len(snapshot.plan.seat_ids) for snapshot in self._snapshots.values())
            while seats > _SEATS and len(self._snapshots) > 1:
                _, dropped = self._snapshots.popitem(last=False)
                seats -= len(dropped.plan.seat_ids)


def _instead(snapshot: _Snapshot, old: Sequence[int], grades: Sequence[str]) -> list[int]:
    plan, letters = snapshot.plan, bytes(snapshot.letters)
    near = plan.middle_of(old)
    accessible = sum(plan.segment_at(position).accessible for position in old)
    for grade in grades:
        wish = Wish(len(old), grade, accessible > 0)
        if 0 < accessible < len(old):  # a person in a wheelchair, and company
            chosen = chooser.choose_mixed_beside(
                plan, letters, wish, accessible=accessible, near=near
            )
        else:
            chosen = chooser.choose_beside(plan, letters, wish, near=near)
        if chosen:
            return chosen
    return []


def _needless_single_seats(snapshot: _Snapshot, seat_ids: Collection[UUID]) -> list[int]:
    plan, letters = snapshot.plan, bytes(snapshot.letters)
    chosen = snapshot.positions(seat_ids)
    if any(letters[position] != chooser.FREE for position in chosen):
        return []  # the claim will say that they are taken
    single = chooser.single_seats(plan, letters, chosen)
    if single and not chooser.can_avoid_single_seats(plan, letters, chosen):
        return []
    return single


snapshots = SeatSnapshots()
