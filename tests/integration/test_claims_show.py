"""`manage.py claims show SEAT`: why a seat is refused, in one command."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from kernel import clock
from kernel.clock import as_text, to_ms
from kernel.ids import uuid7
from kernel.redis.clients import breaker
from reservations.claims.report import report
from reservations.usecases import inventory
from tests.support import factories, money
from tests.support.holding import claim_of, place, put_claim

SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=4, hold_seconds=60)


@pytest.fixture
def seat(performance):
    return factories.seat_ids(performance, 1)[0]


def show(seat, expected_code=0):
    """Return what the command prints with --json, having exited with `expected_code`."""
    out = io.StringIO()
    try:
        call_command("claims", "show", str(seat), "--json", stdout=out)
        code = 0
    except CommandError as error:
        code = error.returncode
    assert code == expected_code
    return json.loads(out.getvalue()) if out.getvalue() else None


def test_a_held_seat_shows_row_claim_owner_and_deadline(fan, performance, seat, lock_redis):
    held = place(fan, performance, [seat])
    shown = show(seat)
    assert (shown["section"], shown["row"], shown["number"]) == (
        held.seats[0].section,
        held.seats[0].row,
        held.seats[0].number,
    )
    assert shown["performance_id"] == str(performance.pk)
    assert shown["inventory"] == {
        "status": "TEMPORARILY_RESERVED",
        "free": False,
        "held_until": as_text(held.expires_at),
        "reservation_id": str(held.id),
        "reservation_status": "PENDING",
        "user_id": str(fan.pk),
    }
    claim = shown["claim"]
    assert claim.pop("confirmed_at") <= as_text(clock.now())
    assert claim == {
        "kind": "held",
        "owner": str(held.id),
        "user_id": str(fan.pk),
        "until": as_text(held.expires_at),
    }
    assert shown["verdict"] == "agrees"


def test_sold_and_blocked_seats_have_claims_that_agree(fan, performance):
    sold, blocked = factories.seat_ids(performance, 2)
    money.give_points(fan, 1_000_000)
    money.begin(fan, place(fan, performance, [sold]).id)
    inventory.block(seat_ids=[blocked], reason="camera", actor_id=None, now=clock.now())
    shown = show(sold)
    assert (shown["inventory"]["status"], shown["verdict"]) == ("RESERVED", "agrees")
    shown = show(blocked)
    assert (shown["inventory"]["status"], shown["verdict"]) == ("BLOCKED", "agrees")
    assert shown["claim"]["owner"] == "blocked"


def test_a_free_seat_has_no_claim(seat):
    shown = show(seat)
    assert shown["inventory"]["free"] is True
    assert (shown["claim"], shown["verdict"]) == (None, "no_claim")


def test_a_seat_whose_hold_has_lapsed_is_free_and_its_claim_is_over(fan, performance, seat):
    place(fan, performance, [seat], now=clock.now() - 61 * SECOND)
    shown = show(seat)
    assert shown["inventory"]["status"] == "TEMPORARILY_RESERVED"
    assert shown["inventory"]["free"] is True
    assert shown["verdict"] == "no_claim"


def test_at_the_deadline_itself_the_claim_is_over(fan, performance, seat):
    place(fan, performance, [seat])
    ends = report(seat_id=seat, now=clock.now()).claim.until
    verdicts = [report(seat_id=seat, now=at).verdict for at in (ends - MICROSECOND, ends)]
    assert verdicts == ["agrees", "no_claim"]


def test_a_stale_claim_disagrees_until_the_next_attempt_corrects_it(
    fan, performance, seat, lock_redis
):
    now = clock.now()
    put_claim(lock_redis, performance, seat, until=now + 300 * SECOND, confirmed=now - 2 * SECOND)
    assert show(seat, expected_code=3)["verdict"] == "disagrees"
    place(fan, performance, [seat])
    assert show(seat)["verdict"] == "agrees"


def test_an_attempt_in_progress_is_no_disagreement(performance, seat, lock_redis):
    until, now = to_ms(clock.now() + 60 * SECOND), to_ms(clock.now())
    key = f"fr:l:{{{performance.pk}}}:{seat}"
    lock_redis.set(key, f"{uuid7()}|{uuid7()}|T|{until}|{now}")
    assert show(seat)["verdict"] == "attempt_in_progress"


def test_without_the_lock_server_the_row_is_shown(fan, performance, seat, parts):
    held = place(fan, performance, [seat])
    parts.part("lock").stop()
    try:
        shown = show(seat, expected_code=4)
    finally:
        parts.part("lock").start()
        breaker("lock").reset()
    assert shown["inventory"]["reservation_id"] == str(held.id)
    assert (shown["claim"], shown["verdict"]) == (None, "unknown")


def test_a_seat_that_is_not_on_sale_is_said_so(db_ready):
    assert show(uuid7(), expected_code=1) is None


def test_people_read_it_line_by_line(fan, performance, seat, lock_redis):
    held = place(fan, performance, [seat])
    out = io.StringIO()
    call_command("claims", "show", str(seat), stdout=out)
    assert f"reservation  {held.id}\n" in out.getvalue()
    assert f"claim owner  {held.id}\n" in out.getvalue()
    assert out.getvalue().endswith("verdict      agrees\n")


def test_looking_changes_nothing(fan, performance, seat, lock_redis):
    place(fan, performance, [seat])
    before = claim_of(lock_redis, performance, seat)
    show(seat)
    assert claim_of(lock_redis, performance, seat) == before


def test_the_help_lists_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        call_command("claims", "show", "--help")
    assert "exit codes:" in capsys.readouterr().out
