"""The service killed or frozen amid a batch, at every point: nothing is held twice or for too long.

Its clients then ask the API, as the gateway does while the service is away.
"""

import time

import pytest

from kernel import clock
from reservations import policy
from reservations.models import Reservation
from tests.support.concurrency import race
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.fastpath_process import (
    CLAIMED,
    CLAIMS_END,
    COMMITTED,
    PUBLISHED,
    ROWS,
    WRITTEN,
    FastPathProcess,
    hold_of,
)
from tests.support.holding import inventory_disagreements, seats_held_twice
from tests.support.money import give_points, outbox, pay
from tests.support.waiting import await_promised, await_that
from tests.support.wsgi import HOLDS

pytestmark = [pytest.mark.concurrency, pytest.mark.timeout(120)]

FANS = 4
CLAIM_SECONDS = policy.CLAIM_MS / 1000


@pytest.fixture
def hall(db_ready):
    return make_performance(seats=2 * FANS, price=10)


def wishes(hall) -> list[tuple]:
    """Return fans, each with two seats that no other one wants."""
    seats = seat_ids(hall)
    return [(make_user(), seats[2 * n : 2 * n + 2]) for n in range(FANS)]


def plug() -> tuple:
    """Return a hold at another performance, behind which others wait."""
    other = make_performance(seats=1, price=10)
    return hold_of(make_user(), other, seat_ids(other))


def killed(hall, point, **guard) -> list[tuple]:
    """Kill the service when a batch of all wishes has come to a point; nobody gets an answer."""
    wanted = wishes(hall)
    with FastPathProcess(hang_at=f"{CLAIMED}:1 {point}:{FANS}", **guard) as service:
        sent = service.in_one_batch(plug(), [hold_of(fan, hall, seats) for fan, seats in wanted])
        service.kill()
        assert [one.answer() for one in sent] == [None] * FANS
    return wanted


def tried(as_fan, hall, fan, seats) -> str:
    """Ask for the seats by the API; return the reservation that has them, "" if none has yet."""
    body = {"performance_id": str(hall.pk), "seat_ids": [str(seat) for seat in seats]}
    answer = as_fan(fan).post(HOLDS, body, format="json")
    if answer.status_code == 201:
        return answer.json()["id"]
    assert answer.json()["code"] in {"seat_taken", "busy"}, answer.json()
    return next(iter(answer.json().get("yours", [])), "")


@pytest.mark.parametrize("point", [CLAIMED, WRITTEN, COMMITTED, PUBLISHED])
def test_killed_amid_a_batch_each_fan_has_the_seats_after_trying_again(as_fan, hall, point):
    wanted = killed(hall, point)

    def insist(fan, seats):
        return await_promised(
            lambda: tried(as_fan, hall, fan, seats), "the seats", seconds=CLAIM_SECONDS
        )

    found = race(*[lambda wish=wish: insist(*wish) for wish in wanted])
    assert len(set(found)) == FANS
    kept = Reservation.objects.filter(performance=hall).values_list("pk", "user_id")
    assert {(str(pk), user) for pk, user in kept} == {
        (one, fan.pk) for one, (fan, _) in zip(found, wanted, strict=True)
    }
    assert seats_held_twice(clock.now()) == []
    assert inventory_disagreements(clock.now()) == []
    recorded = [str(event.aggregate_id) for event in outbox("reservation.held")]
    assert [recorded.count(one) for one in found] == [1] * FANS


@pytest.mark.parametrize("point", [CLAIMED, WRITTEN, COMMITTED, PUBLISHED])
def test_killed_amid_a_batch_rivals_get_what_nobody_holds(as_fan, hall, point):
    """What was committed stays its fan's, who has had no answer; all else is free in a moment."""
    wanted = killed(hall, point)
    committed = point in {COMMITTED, PUBLISHED}
    held = Reservation.objects.filter(performance=hall).count()
    assert held == (FANS if committed else 0)
    rivals = [(make_user(), seats) for _, seats in wanted]
    if committed:
        assert {tried(as_fan, hall, *rival) for rival in rivals} == {""}
    else:
        for rival in rivals:
            await_promised(
                lambda rival=rival: tried(as_fan, hall, *rival), "free", seconds=CLAIM_SECONDS
            )
    assert seats_held_twice(clock.now()) == []
    assert inventory_disagreements(clock.now()) == []


@pytest.mark.control
def test_control_claims_that_do_not_end_block_the_seats(as_fan, hall, monkeypatch):
    monkeypatch.setattr(policy, "CLAIM_STALE_MS", 3_600_000)
    wanted = killed(hall, CLAIMED, without=CLAIMS_END)
    ends = time.monotonic() + CLAIM_SECONDS
    await_that(lambda: time.monotonic() > ends, "claims would have ended")
    assert {tried(as_fan, hall, *wish) for wish in wanted} == {""}


def test_killed_once_it_has_answered_what_was_answered_holds(as_fan, hall):
    wanted = wishes(hall)
    with FastPathProcess() as service:
        sent = service.send_at_once([hold_of(fan, hall, seats) for fan, seats in wanted])
        answers = [one.answer() for one in sent]
        service.kill()
    assert {status for status, _ in answers} == {201}
    for (fan, seats), (_, held) in zip(wanted, answers, strict=True):
        assert tried(as_fan, hall, fan, seats) == held["id"]
        assert tried(as_fan, hall, make_user(), seats) == ""
    assert seats_held_twice(clock.now()) == []


# --- frozen


def overtaken(as_fan, hall, **guard) -> tuple[int, dict]:
    """Freeze the service until a rival has the seats it has claimed; return its fan's answer."""
    fan, rival, seats = make_user(), make_user(), seat_ids(hall)[:2]
    with FastPathProcess(hang_at=CLAIMED, **guard) as service:
        sent = service.send(*hold_of(fan, hall, seats))
        service.reached()
        service.freeze()
        service.go_on()
        await_promised(lambda: tried(as_fan, hall, rival, seats), "free", seconds=CLAIM_SECONDS)
        service.thaw()
        answer = sent.answer()
    assert answer is not None
    return answer


def test_frozen_past_its_claims_it_takes_nothing_from_who_came_meanwhile(as_fan, hall):
    status, answer = overtaken(as_fan, hall)
    assert (status, answer["code"]) == (409, "seat_taken")
    assert seats_held_twice(clock.now()) == []
    assert inventory_disagreements(clock.now()) == []


@pytest.mark.control
def test_control_unless_it_believed_the_rows(as_fan, hall):
    status, _ = overtaken(as_fan, hall, without=ROWS)
    assert status == 201
    assert seats_held_twice(clock.now()) != []


def test_frozen_after_its_commit_it_tells_the_truth_late(as_fan, hall):
    """The fan has paid meanwhile, by what the API said; the late answer changes nothing."""
    fan, seats = make_user(), seat_ids(hall)[:2]
    with FastPathProcess(hang_at=COMMITTED) as service:
        sent = service.send(*hold_of(fan, hall, seats))
        service.reached()
        service.freeze()
        service.go_on()
        held = await_that(lambda: tried(as_fan, hall, fan, seats), "the hold is there")
        pays(as_fan, fan, held)
        service.thaw()
        status, answer = sent.answer() or (0, {})
    assert (status, answer["id"]) == (201, held)
    assert Reservation.objects.get(pk=held).status == "CONFIRMED"
    assert tried(as_fan, hall, make_user(), seats) == ""


def pays(as_fan, fan, reservation) -> None:
    give_points(fan, 1000)
    assert pay(as_fan(fan), reservation).status_code == 201
