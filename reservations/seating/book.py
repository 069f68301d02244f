"""What this process believes is free, so that best seats cost no query for each request.

A picture of all seats is at most `policy.PICTURE_SECONDS` old, read by one statement, one thread at
a time. Whatever this process takes, gives back or is told meanwhile is noted on it, so that two of
its fans aren't offered the same seats. It proposes; the claim and PostgreSQL decide.
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
from reservations.seating.hall import Hall, HallSeat

_PICTURES = 512
_SEATS = 300_000  # of all pictures: about 400 bytes each
_FREE, _SPOKEN_FOR = b"A", b"T"


@dataclass(slots=True)
class _Picture:
    """The seats of one performance, by position."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    hall: Hall = field(default_factory=lambda: Hall(()))
    layout_version: int | None = None
    letters: bytearray = field(default_factory=bytearray)
    in_flight: set[int] = field(default_factory=set)  # proposed, and not decided yet
    as_of: datetime | None = None

    def is_fresh(self, now: datetime, seconds: float) -> bool:
        return self.as_of is not None and abs(now - self.as_of) < timedelta(seconds=seconds)


class SeatBook:
    """The pictures of all performances sold by this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pictures: OrderedDict[UUID, _Picture] = OrderedDict()

    def propose(self, *, performance_id: UUID, wish: Wish, now: datetime) -> list[UUID]:
        """Return seats for the wish and note them as taken; none match: an empty list.

        "None" is only said of a picture that is `policy.PICTURE_DOUBT_SECONDS` old at most.
        """
        picture = self._picture(performance_id)
        with picture.lock:
            for oldest in (policy.PICTURE_SECONDS, policy.PICTURE_DOUBT_SECONDS):
                self._bring_up_to_date(picture, performance_id, now, oldest)
                chosen = chooser.choose(picture.hall, bytes(picture.letters), wish)
                if chosen:
                    picture.in_flight.update(chosen)
                    _mark(picture, chosen, _SPOKEN_FOR)
                    return [picture.hall.seat_ids[position] for position in chosen]
        return []

    def left_alone(
        self, *, performance_id: UUID, seat_ids: Sequence[UUID], now: datetime
    ) -> list[UUID]:
        """Return the single seats that a choice would leave though another would not.

        Only said of a picture that is `policy.PICTURE_DOUBT_SECONDS` old at most.
        """
        picture = self._picture(performance_id)
        alone: list[int] = []
        with picture.lock:
            for oldest in (policy.PICTURE_SECONDS, policy.PICTURE_DOUBT_SECONDS):
                self._bring_up_to_date(picture, performance_id, now, oldest)
                alone = _needlessly_alone(picture, seat_ids)
                if not alone:
                    break
            return [picture.hall.seat_ids[position] for position in alone]

    def note(self, *, performance_id: UUID, seat_ids: Iterable[UUID], free: bool) -> None:
        """Remember that seats were taken or became free."""
        with self._lock:
            picture = self._pictures.get(performance_id)
        if picture is None:
            return
        with picture.lock:
            known = picture.hall.position_of
            positions = [known[seat_id] for seat_id in seat_ids if seat_id in known]
            picture.in_flight.difference_update(positions)
            _mark(picture, positions, _FREE if free else _SPOKEN_FOR)

    def doubt(self, *, performance_id: UUID, now: datetime) -> None:
        """Look at the seats anew if the picture turned out old: others were faster."""
        picture = self._picture(performance_id)
        with picture.lock:
            self._bring_up_to_date(picture, performance_id, now, policy.PICTURE_DOUBT_SECONDS)

    def forget(self) -> None:
        """Forget every picture (in tests)."""
        with self._lock:
            self._pictures.clear()

    def _picture(self, performance_id: UUID) -> _Picture:
        with self._lock:
            picture = self._pictures.setdefault(performance_id, _Picture())
            self._pictures.move_to_end(performance_id)
            if len(self._pictures) > _PICTURES:
                self._pictures.popitem(last=False)
            return picture

    def _bring_up_to_date(
        self, picture: _Picture, performance_id: UUID, now: datetime, seconds: float
    ) -> None:
        if picture.is_fresh(now, seconds):
            return
        seen = queries.availability(performance_id=performance_id, now=now)
        if seen is None or not seen.statuses:
            picture.hall, picture.letters = Hall(()), bytearray()
            picture.layout_version = None
        else:
            if picture.layout_version != seen.layout_version:
                rows = queries.hall_seats(performance_id=performance_id)
                picture.hall = Hall(HallSeat(*row) for row in rows)
                picture.layout_version = seen.layout_version
                self._make_room()
            picture.letters = bytearray(picture.hall.in_order(seen.statuses))
            _mark(picture, picture.in_flight, _SPOKEN_FOR)
        picture.as_of = now

    def _make_room(self) -> None:
        """Drop the pictures used longest ago until the rest have `_SEATS` seats at most."""
        with self._lock:
            seats = sum(len(picture.hall.seat_ids) for picture in self._pictures.values())
            while seats > _SEATS and len(self._pictures) > 1:
                _, dropped = self._pictures.popitem(last=False)
                seats -= len(dropped.hall.seat_ids)


def _mark(picture: _Picture, positions: Iterable[int], letter: bytes) -> None:
    for position in positions:
        picture.letters[position : position + 1] = letter


def _needlessly_alone(picture: _Picture, seat_ids: Collection[UUID]) -> list[int]:
    hall, letters = picture.hall, bytes(picture.letters)
    chosen = [hall.position_of[seat_id] for seat_id in seat_ids if seat_id in hall.position_of]
    if any(letters[position] != chooser.FREE for position in chosen):
        return []  # the claim will say that they are taken
    alone = chooser.stranded(hall, letters, chosen)
    if alone and not chooser.can_avoid_stranding(hall, letters, chosen):
        return []
    return alone


book = SeatBook()
