"""What each fan will do, by the seed alone, and which seats a fan wants most."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from proof.rush.profiles import ON_SALE, STEADY, RushProfile

_ELSEWHERE = b"|"  # between rows, so that nobody gets two seats that only look side by side
_AT_ONCE_SECONDS = 10.0  # of a sale that everybody enters at once
_FAVOUR = 2.0  # how much popular seats are favoured; 1 would be not at all


class FanKind(StrEnum):
    """A person, or a way of being a bot."""

    PERSON = "person"
    IMPATIENT = "impatient"  # no think time, polls without a pause, wants any seat
    TABS = "tabs"  # many tabs of one login at once
    FORGER = "forger"  # made-up logins, places and passes


_BOTS = (FanKind.IMPATIENT, FanKind.TABS, FanKind.FORGER)


class FanEnd(StrEnum):
    """What a fan does with a hold."""

    PAY = "pay"
    LET_GO = "let go"
    WALK_AWAY = "walk away"


class PageEnd(StrEnum):
    """Which button of the payment gateway's page a fan presses."""

    APPROVE = "approve"
    DECLINE = "decline"  # the card is refused; the fan pays by points
    CLOSE = "close"  # the fan thinks better of it and gives the seats back


@dataclass(frozen=True, slots=True)
class FanPlan:
    """What one fan has decided before the sale."""

    kind: FanKind
    end: FanEnd
    double_clicks: bool
    retries: bool
    wishes: tuple[float, ...]  # of each choice: 0 is the most popular seat, 1 the least
    thinks: float  # 0 to 1, of the profile's longest think time
    browses: float  # 0 to 1: how much a visitor of a steady load looks at
    pays_by_card: bool = False
    at_page: PageEnd = PageEnd.APPROVE
    looks_back: bool = False  # at reservation and tickets, after each step
    tries_late: bool = False  # to pay for what is not held any more

    @property
    def keeps_seats(self) -> bool:
        """Whether what this fan holds is nobody else's afterwards."""
        if self.kind is not FanKind.PERSON:
            return self.kind is not FanKind.FORGER
        closes = self.end is FanEnd.PAY and self.pays_by_card and self.at_page is PageEnd.CLOSE
        return self.end is not FanEnd.LET_GO and not closes


def fan_plan(profile: RushProfile, *, seed: int, number: int) -> FanPlan:
    """Return the decisions of fan `number`; the same for the same profile and seed."""
    chance = random.Random(f"{seed}:{number}")  # noqa: S311  (a plan that can be repeated)
    roll = chance.random
    is_bot, which, end = roll() < profile.share_bots, roll(), roll()
    return FanPlan(
        kind=_BOTS[int(which * len(_BOTS))] if is_bot else FanKind.PERSON,
        end=_end(profile, end),
        double_clicks=roll() < profile.share_double_clicking,
        retries=roll() < profile.share_retrying,
        wishes=tuple(
            # The last choice is anywhere: who lost twice stops wanting what all want.
            roll() ** _FAVOUR if choice < profile.choices - 1 or choice == 0 else roll()
            for choice in range(profile.choices)
        ),
        thinks=roll(),
        browses=roll(),
        pays_by_card=roll() < profile.share_by_card,
        at_page=_at_page(profile, roll()),
        looks_back=roll() < profile.share_looking_back,
        tries_late=roll() < profile.share_trying_late,
    )


def _end(profile: RushProfile, roll: float) -> FanEnd:
    if roll < profile.share_paying:
        return FanEnd.PAY
    if roll < profile.share_paying + profile.share_walking_away:
        return FanEnd.WALK_AWAY
    return FanEnd.LET_GO


def _at_page(profile: RushProfile, roll: float) -> PageEnd:
    if roll < profile.share_declining:
        return PageEnd.DECLINE
    if roll < profile.share_declining + profile.share_closing:
        return PageEnd.CLOSE
    return PageEnd.APPROVE


def admissions_needed(profile: RushProfile, *, seed: int, seats: int) -> int | None:
    """Return how many fans, admitted in their order, take all seats and keep them.

    It is what an ideal site needs that loses no time; None where the fans are too few.
    """
    kept, admitted = 0, 0
    for number in range(profile.fans):
        plan = fan_plan(profile, seed=seed, number=number)
        if plan.kind is FanKind.FORGER:
            continue
        admitted += 1
        if plan.keeps_seats:
            kept += profile.seats_each
        if kept >= seats:
            return admitted
    return None


def ideal_seconds(
    profile: RushProfile, *, seed: int, seats: int, rate: float | None
) -> float | None:
    """Return how long an ideal site takes to sell out at `rate` admissions a second.

    None where the fans are too few, or nobody waits to be admitted.
    """
    if profile.shape != ON_SALE or not rate:
        return None
    needed = admissions_needed(profile, seed=seed, seats=seats)
    return None if needed is None else max(1.0, needed / rate)


def expected_seconds(profile: RushProfile, *, seed: int, seats: int, rate: float | None) -> float:
    """Return how long a sale goes on at the least, as far as profile and sale say."""
    if profile.shape == STEADY:
        return profile.arrival_seconds
    ideal = ideal_seconds(profile, seed=seed, seats=seats, rate=rate)
    found = ideal or max(profile.arrival_seconds, profile.fans / rate if rate else _AT_ONCE_SECONDS)
    return min(found, profile.longest_seconds)


class SeatWishes:
    """The seats of a map by popularity: the dearest rows first, and of these the nearest."""

    def __init__(self, seat_map: Mapping[str, Any]) -> None:
        rows: list[tuple[tuple[float, ...], list[int]]] = []
        self.ids: dict[int, str] = {}
        for section in seat_map["sections"]:
            price = section["price"]["amount"]
            for place, row in enumerate(section["rows"]):
                indexes = [seat["index"] for seat in row["seats"]]
                self.ids.update((seat["index"], seat["id"]) for seat in row["seats"])
                distance = min(abs(seat["x"]) + abs(seat["y"]) for seat in row["seats"])
                rows.append(((-price, distance, place), indexes))
        rows.sort(key=lambda one: one[0])
        self._slices = _runs(indexes for _, indexes in rows)
        self._by_place: list[int] = []
        for first, last in self._slices:
            self._by_place += [*range(first, last), -1]

    def __len__(self) -> int:
        return len(self.ids)

    def choose(self, statuses: bytes, *, wish: float, count: int) -> list[int]:
        """Return the indexes of free seats side by side; fewer than `count` where that is all.

        `wish`, from 0 to below 1, says which of those that are free: 0 the most popular ones.
        `statuses` is the availability document's string. An empty list: nothing is free.
        """
        by_popularity = _ELSEWHERE.join(statuses[first:last] for first, last in self._slices)
        for number in range(count, 0, -1):
            wanted = b"A" * number
            free = by_popularity.count(wanted)
            if free:
                rest = by_popularity.split(wanted, int(wish * free) + 1)[-1]
                found = len(by_popularity) - len(rest) - number
                return self._by_place[found : found + number]
        return []


def _runs(rows: Any) -> Sequence[tuple[int, int]]:
    """Return the rows as ranges of consecutive indexes."""
    runs = []
    for indexes in rows:
        first = last = indexes[0]
        for index in indexes[1:]:
            if index != last + 1:
                runs.append((first, last + 1))
                first = index
            last = index
        runs.append((first, last + 1))
    return runs
