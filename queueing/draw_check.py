"""Whether a draw is what it was committed to: its seed, its beacon, its roster and its numbers."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from queueing import draw, drawn_places, policy, queries
from queueing.draw_facts import DrawFacts
from queueing.drawn_places import DrawnPlace
from queueing.errors import DrawNotOver
from queueing.models import DrawCommitment


def problems(facts: DrawFacts, *, noted: str | None = None) -> list[str]:
    """Return in what a draw that is over is not as promised; `noted`: a commitment seen before.

    Places are compared as far as the queue server still knows them. Raises DependencyUnavailable.
    """
    places = list(drawn_places.drawn(facts.performance_id, start=facts.start, key=facts.key))
    return [*_of_seed(facts, noted), *_of_numbers(facts, places), *_of_roster(facts, places)]


def notes(facts: DrawFacts) -> Iterator[str]:
    """Return what is no broken promise, but good to know for who doubts a draw."""
    draw_row = DrawCommitment.objects.filter(pk=facts.performance_id).first()
    if draw_row and draw_row.beacon_value and not queries.beacon_was_fetched(draw_row):
        yield "the beacon's value was entered by hand and not looked up at its source: do so"


def turns_of_nobody(facts: DrawFacts) -> int:
    """Return how many lines of the roster are nobody's; 0 where there is no roster yet."""
    return _lines(facts).count(draw.NOBODY)


def _of_seed(facts: DrawFacts, noted: str | None) -> Iterator[str]:
    if draw.commitment_of(facts.seed) != facts.commitment:
        yield "the seed is not the one that was committed to"
    if noted is not None and noted.lower() != facts.commitment:
        yield "the commitment is not the one that was noted"
    if facts.beacon is not None and facts.beacon.mixed is False:
        yield "the beacon that was announced was not mixed in"
    progress = queries.progress_of(facts.performance_id)
    if progress is not None and progress.draw_seed not in ("", facts.key):
        yield "the numbers were drawn by another key than seed and beacon give"


def _of_numbers(facts: DrawFacts, places: Sequence[DrawnPlace]) -> Iterator[str]:
    holders: dict[int, str] = {}
    for user, number, nth in places:
        if holders.setdefault(number, user) != user:
            yield f"number {number} was given twice"
        if nth > facts.entrants:
            yield f"number {number} was given without a turn of the draw"


def _of_roster(facts: DrawFacts, places: Sequence[DrawnPlace]) -> Iterator[str]:
    if not facts.roster_sha256:
        return
    lines = _lines(facts)
    if sha256(b"".join(lines)).hexdigest() != facts.roster_sha256:
        yield "the roster is not the one that was published"
    if len(lines) != facts.entrants:
        yield f"the roster has {len(lines)} lines for {facts.entrants} turns"
    held = [line for line in lines if line != draw.NOBODY]
    if len(set(held)) != len(held):
        yield "the roster has somebody twice"
    unexplained = draw.count_unexplained(lines, losses=facts.losses)
    if unexplained > len(held):
        yield f"{unexplained} turns are nobody's without a loss, more than the {len(held)} others"
    yield from _of_places(facts, lines, places)


def _of_places(facts: DrawFacts, lines: list[bytes], places: Sequence[DrawnPlace]) -> Iterator[str]:
    """Compare the roster with who holds a place; after a loss one may come back behind it."""
    for user, number, nth in places:
        line = draw.roster_line(facts.performance_id, user, number)
        if nth <= len(lines) and lines[nth - 1] != line:
            who = "nobody" if lines[nth - 1] == draw.NOBODY else "somebody else"
            yield f"the roster has {who} at {nth}; the queue server has the holder of {number}"


def _lines(facts: DrawFacts) -> list[bytes]:
    try:
        return queries.roster_lines(facts.performance_id, first=1, count=policy.DRAW_NUMBERS)
    except DrawNotOver:
        return []
