"""Spells: who surely had which seat when, by the responses that clients had."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class Spell:
    """A seat that one client has, by a response: surely from `since` until `until` (seconds).

    `since` is when the response came, `until` at most when giving up was asked for: whatever
    crossed on the way, two spells of one seat never overlap unless it was held twice.
    """

    seat: str
    owner: str
    since: float
    until: float


def owned_twice(spells: Iterable[Spell]) -> list[str]:
    """Return where two owners had the same seat at the same time."""
    found = []
    last: dict[str, Spell] = {}
    for spell in sorted(spells, key=lambda spell: (spell.since, spell.until)):
        if spell.until <= spell.since:  # over before its owner heard of it
            continue
        before = last.get(spell.seat)
        if before and before.until > spell.since and before.owner != spell.owner:
            both = min(before.until, spell.until) - spell.since
            found.append(
                f"seat {spell.seat} was had by {before.owner} and {spell.owner} for {both:.3f} s"
            )
        if before is None or spell.until > before.until:
            last[spell.seat] = spell
    return found
