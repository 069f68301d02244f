"""`manage.py buy` walks a fan through the whole flow over HTTP."""

import io
import json

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from demo.site import free_seats
from kernel import clock
from queueing.usecases import config
from reservations.models import Reservation, SalePolicy
from tests.support import catalogue, factories

pytestmark = pytest.mark.usefixtures("charging")


@pytest.fixture
def fan(db_ready):
    return factories.make_user(email="buyer@example.com", password=settings.DEMO_PASSWORD)


@pytest.fixture
def performance(db_ready):
    catalogue.forget_documents()
    return factories.make_performance(seats=12, row_length=6)


def buy(live_server, *options: str) -> str:
    out = io.StringIO()
    call_command(
        "buy",
        *("--concert", "Autumn", "--fan", "buyer@example.com", "--base-url", live_server.url),
        *options,
        stdout=out,
    )
    return out.getvalue()


def test_it_buys_neighbouring_seats(live_server, fan, performance):
    result = json.loads(buy(live_server, "--seats", "3", "--json"))
    assert result["status"] == "PAID"
    assert result["seats"] == ["A-1-1", "A-1-2", "A-1-3"]
    assert len(result["tickets"]) == 3
    assert Reservation.objects.get(pk=result["reservation_id"]).status == "CONFIRMED"


def test_what_is_given_back_can_be_bought_by_the_same_fan_again(live_server, fan, performance):
    SalePolicy.objects.update(max_seats_per_fan=2)
    for _ in range(2):
        result = json.loads(buy(live_server, "--json", "--give-back"))
        assert len(result["tickets"]) == 2
        assert Reservation.objects.get(pk=result["reservation_id"]).status == "CANCELLED"
    buy(live_server)
    with pytest.raises(CommandError, match="seat_limit_exceeded"):
        buy(live_server)


def test_it_takes_other_seats_where_somebody_was_quicker(live_server, fan, performance):
    # What is free is up to a second old: the second purchase still sees the first one's seats.
    bought = [json.loads(buy(live_server, "--json"))["seats"] for _ in range(2)]
    assert bought == [["A-1-1", "A-1-2"], ["A-1-3", "A-1-4"]]


def test_it_shows_every_answer_but_not_the_password(live_server, fan, performance):
    shown = buy(live_server)
    for step in ("Log in", "Seat map", "Hold", "Charge points", "Pay by points", "Tickets"):
        assert step in shown
    assert settings.DEMO_PASSWORD not in shown


def test_it_waits_for_admission_where_there_is_a_queue(live_server, fan, performance):
    now = clock.now()
    config.set_config(
        performance_id=performance.pk,
        changes={"queue_opens_at": now, "state": "OPEN"},
        actor_id=None,
        reason="test",
        now=now,
    )
    assert "Join the waiting room" in buy(live_server)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--seats", "13"), 1, "only 12 seats are free"),
        (("--seats", "5"), 1, "seat_limit_exceeded"),
        (("--fan", "nobody@example.com"), 1, "Log in: 400"),
        (("--concert", "no such/title"), 2, "no concert no such/title"),
        (("--base-url", "http://127.0.0.1:1"), 2, "does not answer"),
        (("--base-url", "ftp://example.com"), 2, "no http"),
    ],
)
def test_a_refusal_is_one_line(live_server, fan, performance, options, code, said):
    with pytest.raises(CommandError, match=said) as refused:
        buy(live_server, *options)
    assert refused.value.returncode == code


@pytest.mark.parametrize(
    ("statuses", "count", "expected"),
    [
        ("AAAAAA", 2, ["0", "1"]),
        ("ARAAAA", 2, ["3", "4"]),
        ("ATARRA", 2, ["0", "2"]),
        ("RRRRRR", 2, []),
    ],
)
def test_neighbours_of_one_row_come_first(statuses, count, expected):
    seats = [{"id": str(n), "index": n} for n in range(6)]
    rows = [{"seats": seats[:3]}, {"seats": seats[3:]}]
    assert free_seats({"sections": [{"rows": rows}]}, statuses, count) == expected
