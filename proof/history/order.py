"""Checks of the waiting room, of own writes, and of recovery."""

from bisect import bisect_left
from collections.abc import Iterator

from proof.history import reservations as found
from proof.history.recorded import FAIL, OK, UNKNOWN, History, Operation, RecordedFault

_UNAVAILABLE = 500  # statuses from here on


def numbers_are_in_order(history: History) -> Iterator[str]:
    """No number is given to two, and after the opening who joins later has a higher one."""
    joins = history.of("join", outcome=OK)
    holders: dict[int, str] = {}
    for one in joins:
        if one.number and holders.setdefault(one.number, one.user_id) != one.user_id:
            yield f"number {one.number} was given to {holders[one.number]} and {one.user_id}"
    first: dict[tuple[str, int], Operation] = {}
    for one in joins:
        if one.number and one.invoked >= history.terms.opened_at:
            first.setdefault((one.user_id, one.number), one)
    highest: Operation | None = None  # of all that had ended before the one in hand began
    ended = sorted(first.values(), key=lambda one: one.ended)
    position, seen = 0, found.by_user(history.of("join", "poll"))
    for one in sorted(first.values(), key=lambda one: one.invoked):
        while position < len(ended) and ended[position].ended < one.invoked:
            if highest is None or ended[position].number > highest.number:
                highest = ended[position]
            position += 1
        if highest is None or highest.number <= one.number:
            continue
        if not _may_be_known(one, seen[one.user_id]):
            yield f"{one.user_id} joined after {highest.user_id} and has number {one.number}"


def _may_be_known(one: Operation, of_fan: list[Operation]) -> bool:
    """Return whether a join may show a place that an earlier one made, heard of or not."""
    return any(
        it.invoked < one.invoked and (it.number == one.number or it.outcome == UNKNOWN)
        for it in of_fan
        if it is not one
    )


def nobody_overtakes(history: History) -> Iterator[str]:
    """Who has a lower number does not wait once a higher one was seen inside."""
    seen = [one for one in history.of("join", "poll", outcome=OK) if one.number]
    inside = sorted(
        (one for one in seen if one.state == "ADMITTED" and not one.ahead_of_line),
        key=lambda one: one.ended,
    )
    ends = [one.ended for one in inside]
    highest: list[Operation] = []
    for one in inside:
        highest.append(one if not highest or one.number > highest[-1].number else highest[-1])
    for one in seen:
        before = bisect_left(ends, one.invoked)
        if one.state == "WAITING" and before and highest[before - 1].number > one.number:
            other = highest[before - 1]
            yield f"{other.user_id} ({other.number}) was inside, {one.user_id} ({one.number}) not"


def admission_keeps_its_pace(history: History) -> Iterator[str]:
    """No more are inside than the rate has let in since the opening, nor than there is room for."""
    terms = history.terms
    first: dict[tuple[str, int], Operation] = {}
    for one in history.of("join", "poll", outcome=OK):
        if one.state == "ADMITTED" and not one.ahead_of_line:
            first.setdefault((one.user_id, one.number), one)
    come = sorted(first.values(), key=lambda one: one.ended)
    if terms.rate_per_second:
        for count, one in enumerate(come, 1):
            since = max(0.0, one.ended - terms.opened_at + terms.clock_error)
            if count > terms.rate_per_second * (since + 2) + 1:
                yield f"{count} were inside after {since:.1f} s"
                break
    if terms.capacity:
        yield from _over_capacity(history, come)


def _over_capacity(history: History, come: list[Operation]) -> Iterator[str]:
    leaving = {
        user: [one.invoked for one in ops]
        for user, ops in found.by_user(history.of("leave", "pay")).items()
    }
    changes = []
    for one in come:
        gone = [at for at in leaving.get(one.user_id, []) if at >= one.invoked]
        until = min([one.until or one.ended, *gone])
        if until > one.ended:
            changes += [(one.ended, 1), (until - history.terms.clock_error, -1)]
    inside = 0
    for at, change in sorted(changes):
        inside += change
        if inside > history.terms.capacity:
            yield f"{inside} were inside at {at:.3f}, of {history.terms.capacity}"
            return


_ENDS = {"pay": "CONFIRMED", "release": "RELEASED", "cancel": "CANCELLED"}


def own_writes_are_visible(history: History) -> Iterator[str]:
    """Who looks after a response sees what it said, unless the fan or time has changed it since."""
    for one in found.reservations(history).values():
        for look in one.of("look"):
            if not one.held.precedes(look) or look.outcome == UNKNOWN:
                continue
            if look.outcome == FAIL and look.status < _UNAVAILABLE:
                yield f"{one.id} was not there for its own fan ({look.code or look.status})"
                continue
            expected = _expected(history, one, look)
            if look.outcome == OK and expected and look.state and look.state not in expected:
                yield f"{one.id} was {look.state} for its own fan, not {' or '.join(expected)}"
        for look in one.of("tickets"):
            paid = [it for it in one.heard_paid if it.precedes(look)]
            unseen = set(one.kept_seats()) - set(look.seat_ids)
            if look.outcome == OK and paid and unseen:
                yield f"{one.id} was paid, and its fan saw no ticket for {min(unseen)}"


def _expected(history: History, one: found.HeldReservation, look: Operation) -> list[str]:
    """Return the states that a look may show; none where too much is under way to say."""
    changes = [it for it in one.of(*_ENDS) if it.may_have_happened and it.invoked < look.ended]
    if any(it.outcome != OK or not it.precedes(look) or not one.is_whole(it) for it in changes):
        return []
    over = one.surely_promised_until() - history.terms.clock_error
    if changes:
        last = changes[-1]
        # Who gives up a hold that has expired meanwhile hears yes, too.
        late = ["EXPIRED"] if last.op == "release" and last.ended >= over else []
        return [_ENDS[last.op], *late]
    return ["PENDING"] if look.ended < over else ["PENDING", "EXPIRED"]


def faults_are_survived(history: History) -> Iterator[str]:
    """What was to work again by a stated time after a fault does."""
    for fault in history.faults:
        begins = fault.repaired + fault.recovers_within
        others = [other for other in history.faults if other is not fault]
        tried = [
            one
            for one in history.of(*(fault.ops or _ops(history)))
            if one.invoked >= begins and not any(_meets(one, other) for other in others)
        ]
        failed = [one for one in tried if is_down(one)]
        if failed:
            late = failed[-1].invoked - fault.repaired
            yield f"{failed[-1].op} failed {late:.1f} s after {fault.name} was repaired"
        elif not tried:
            yield f"nothing was tried after {fault.name} was repaired"


def _ops(history: History) -> set[str]:
    return {one.op for one in history.operations}


def _meets(one: Operation, fault: RecordedFault) -> bool:
    """Return whether a fault may excuse an operation."""
    return one.ended >= fault.begun and one.invoked < fault.repaired + fault.recovers_within


def is_down(one: Operation) -> bool:
    """Return whether an operation shows that a part is unavailable, and not just no outcome yet."""
    return one.status >= _UNAVAILABLE or (one.outcome == UNKNOWN and not one.status)
