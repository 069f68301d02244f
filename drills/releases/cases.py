"""The releases that are tried: what is wrong with each, and what has to become of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drills.releases.builds import (
    CRASHING,
    DEAD_LETTERING,
    FAILING,
    GOOD,
    LEAKING,
    OVERSELLING,
    SLOW,
    Build,
)
from drills.releases.site import ReleaseSite

PROMOTED, TAKEN_BACK = "promoted", "taken back"


@dataclass(frozen=True, slots=True)
class ReleaseCase:
    """One release: `ends` is what has to become of it, `shares` the percents that it may get.

    `deed` happens once its first share has come, and returns what undoes it after `lasts` seconds,
    in which nothing may change. `spoils`: the seats of its sale are not to be believed afterwards.
    `loses_events`: what its consumers set aside has to be applied afterwards, each event once.
    `has_control`: without analysis it has to get everything.
    """

    name: str
    says: str
    build: Build
    ends: str = TAKEN_BACK
    shares: Sequence[int] = (10,)
    deed: Callable[[ReleaseSite], Callable[[], None]] | None = None
    lasts: float = 0.0
    spoils: bool = False
    loses_events: bool = False
    has_control: bool = True


def _without_prometheus(site: ReleaseSite) -> Callable[[], None]:
    site.do("stop", "prometheus")

    def back() -> None:
        site.do("start", "prometheus")
        site.watch_releases()

    return back


CASES = (
    ReleaseCase(
        "good",
        "The same product as another build.",
        GOOD,
        ends=PROMOTED,
        shares=(10, 30, 100),
        has_control=False,
    ),
    # Before any other is taken back: Rollouts 1.9 gives up on no release while pods of an earlier
    # one still have a time at which they are to go (docs/releasing.md).
    ReleaseCase("crashing", "Its API ends as it starts.", CRASHING, shares=(), has_control=False),
    ReleaseCase("failing", "3 % of its requests fail.", FAILING),
    ReleaseCase("slow", "Joins, holds and payments take 0.25 s longer.", SLOW),
    ReleaseCase("leaking", "One of 20 requests keeps a database connection.", LEAKING),
    ReleaseCase(
        "unseen",
        "Nothing is wrong, but Prometheus is stopped at its first share for 60 s.",
        GOOD,
        ends=PROMOTED,
        shares=(10, 30, 100),
        deed=_without_prometheus,
        lasts=60.0,
        has_control=False,
    ),
    ReleaseCase(
        "dead-lettering", "Its consumers can apply no event.", DEAD_LETTERING, loses_events=True
    ),
    # The last one: what it did to seats is found by every audit from then on.
    ReleaseCase(
        "overselling", "Seats that were paid for are free again.", OVERSELLING, spoils=True
    ),
)
