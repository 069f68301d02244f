"""What sales and sold seats make unusual about a change of times (Note [Unusual changes])."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from concerts.models import Performance
from concerts.schedule import OPENING_AT_ONCE, Move, Question, about_the_past, named
from concerts.times import shown
from kernel.db.transaction import require_transaction
from kernel.i18n import text
from reservations import locking, queries
from reservations.models import SalePolicy


def questions(*, moves: Sequence[Move], now: datetime) -> Iterator[Question]:
    """Ask about starts before the sale's end, and about performances with sold or held seats.

    The performances must be locked: a sale policy changes only under that lock.
    """
    require_transaction()
    existing = [move for move in moves if move.before is not None]
    closings: dict[UUID, datetime] = dict(
        SalePolicy.objects.filter(pk__in=[move.performance_id for move in existing]).values_list(
            "pk", "sale_closes_at"
        )
    )
    early = [
        move
        for move in existing
        if move.start_moves
        and move.after.starts_at < closings.get(move.performance_id, move.after.starts_at)
    ]
    if early:
        yield _start_before_end(
            cases=[
                (
                    f"{move.title} {move.after.start_shown()}",
                    shown(closings[move.performance_id], move.after.zone),
                )
                for move in early
            ],
            facts=[f"{move.as_fact()} {closings[move.performance_id]}" for move in early],
        )
    counts = _taken([move.performance_id for move in existing], now=now)
    taken = [move for move in existing if move.performance_id in counts]
    if taken:
        yield _seats_taken(
            cases=[(move.name, counts[move.performance_id]) for move in taken],
            facts=[move.as_fact() for move in taken],
        )


def window_questions(
    *, performance: Performance, before: SalePolicy | None, after: SalePolicy, now: datetime
) -> Iterator[Question]:
    """Ask about a new sale window of the locked performance; `before` is None for the first one.

    An opening that has just passed is the way to say "at once" and is not asked about. Holds read
    the window behind their last wait (Note [Facts under lock]), so no seat is locked for it.
    """
    require_transaction()
    opens = before is None or before.sale_opens_at != after.sale_opens_at
    closes = before is None or before.sale_closes_at != after.sale_closes_at
    if not opens and not closes:
        return
    zone, name = performance.concert.venue.timezone, str(performance)
    facts = [f"{performance.pk} {after.sale_opens_at} {after.sale_closes_at}"]
    passed = [
        moment
        for moment, moved, limit in (
            (after.sale_opens_at, opens, now - OPENING_AT_ONCE),
            (after.sale_closes_at, closes, now),
        )
        if moved and moment <= limit
    ]
    if passed:
        yield about_the_past(times=[shown(moment, zone) for moment in passed], facts=facts)
    if closes and performance.starts_at < after.sale_closes_at:
        case = (shown(performance.starts_at, zone), shown(after.sale_closes_at, zone))
        yield _start_before_end(cases=[case], facts=[*facts, str(performance.starts_at)])
    counts = queries.taken_counts(performance_ids=[performance.pk], now=now)
    if counts:
        yield _seats_taken(cases=[(name, counts[performance.pk])], facts=facts)


def _taken(performance_ids: Collection[UUID], *, now: datetime) -> dict[UUID, int]:
    """Return the sold or held seats of performances that have any, as they are at commit.

    A first hold that is under way would be missed, so where nothing is taken the seats are locked
    and counted again. Where something is, the answer is known and nobody has to wait.
    """
    counts = queries.taken_counts(performance_ids=performance_ids, now=now)
    quiet = set(performance_ids) - set(counts)
    if quiet and locking.lock_inventory(performance_ids=quiet):
        counts |= queries.taken_counts(performance_ids=quiet, now=now)
    return counts


def _start_before_end(*, cases: Sequence[tuple[str, str]], facts: Sequence[str]) -> Question:
    english = named(f"start {start}, end of the sale {end}" for start, end in cases)
    korean = named(f"공연 시작 {start}, 판매 종료 {end}" for start, end in cases)
    return Question(
        "start_before_sale_end",
        text(
            en=f"It starts before its sale ends: {english}.",
            ko=f"공연 시작이 판매 종료보다 빠릅니다: {korean}.",
        ),
        tuple(facts),
    )


def _seats_taken(*, cases: Sequence[tuple[str, int]], facts: Sequence[str]) -> Question:
    english = named(f"{name} ({count} seats)" for name, count in cases)
    korean = named(f"{name} ({count}석)" for name, count in cases)
    return Question(
        "seats_taken",
        text(
            en=f"People have bought or hold seats: {english}.",
            ko=f"이미 판매되었거나 선점된 좌석이 있습니다: {korean}.",
        ),
        tuple(facts),
    )
