"""Idempotency-Keys in the service: as Django has them, and the same records for both."""

from datetime import timedelta
from importlib import import_module
from uuid import uuid4

import pytest

from idempotency.models import Record
from idempotency.usecases import endings, leases
from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from payments.models import Payment
from reservations.models import Reservation
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.holding import place
from tests.support.money import balance_of, give_points
from tests.support.service import exchanges, without_count
from tests.support.wsgi import answer_of, payment, wish

# The packages have functions under these names.
placing = import_module("reservations.usecases.holds.place")
checkout = import_module("payments.usecases.checkout.methods")

PRICE = 10_000
KEY = "a-key-of-mine"


class Holding:
    """Two seats by their ids."""

    def __init__(self):
        self.fan = make_user()
        self.performance = make_performance(seats=6, price=PRICE)
        self.body = {
            "performance_id": str(self.performance.pk),
            "seat_ids": [str(seat) for seat in seat_ids(self.performance, 2)],
        }
        self.other_body = {**self.body, "seat_ids": self.body["seat_ids"][:1]}
        self.malformed = {**self.body, "seat_ids": self.body["seat_ids"][:1] * 2}

    def environ(self, body=None, key=KEY, **more):
        return wish(self.fan, body or self.body, HTTP_IDEMPOTENCY_KEY=key, **more)

    def made(self):
        return Reservation.objects.count()


class HoldingTheBest(Holding):
    """The best two."""

    def __init__(self):
        super().__init__()
        self.malformed = self.body | {"seat_ids": self.body["seat_ids"][:1] * 2}
        self.body = {
            "performance_id": str(self.performance.pk),
            "best_available": {"count": 2},
        }


class Paying(Holding):
    """A hold by points."""

    def __init__(self):
        super().__init__()
        give_points(self.fan, 3 * PRICE)
        held = place(self.fan, self.performance, seat_ids(self.performance, 2))
        self.body = {"reservation_id": str(held.id), "method": "POINTS"}
        self.other_body = {**self.body, "points_amount": 2 * PRICE}
        self.malformed = {**self.body, "points_amount": 1}

    def environ(self, body=None, key=KEY, **more):
        return payment(self.fan, body or self.body, HTTP_IDEMPOTENCY_KEY=key, **more)

    def made(self):
        assert balance_of(self.fan) == PRICE
        return Payment.objects.count()


routes = pytest.mark.parametrize("route", [Holding, HoldingTheBest, Paying])
orders = pytest.mark.parametrize(
    ("first", "second"), [("fast", "fast"), ("fast", "django"), ("django", "fast")]
)


def ask(twins, which, environ):
    return answer_of(getattr(twins, which), environ)


@routes
@orders
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_first_answer_comes_again_from_either(twins, route, first, second, language):
    asked = route()
    made = ask(twins, first, asked.environ(HTTP_ACCEPT_LANGUAGE=language))
    again = ask(twins, second, asked.environ(HTTP_ACCEPT_LANGUAGE="ko"))
    assert twins.passed_on == 0
    assert made.status == again.status == "201 Created", made
    assert made.header("Idempotency-Replayed") is None
    assert again.header("Idempotency-Replayed") == "true"
    assert again.body == made.body
    assert asked.made() == 1


@routes
def test_a_replay_reads_the_same_from_both(twins, route):
    asked = route()
    ask(twins, "fast", asked.environ())
    slow, fast = twins.both(asked.environ())
    assert fast.header("Idempotency-Replayed") == "true"
    assert without_count(fast) == without_count(slow)


@routes
@orders
@pytest.mark.parametrize("language", ["en", "ko"])
def test_another_body_is_refused_by_either(twins, route, first, second, language):
    asked = route()
    ask(twins, first, asked.environ())
    refused = ask(twins, second, asked.environ(asked.other_body, HTTP_ACCEPT_LANGUAGE=language))
    assert twins.passed_on == 0
    assert refused.status.startswith("422")
    assert refused.json()["code"] == "idempotency_key_reused"
    assert asked.made() == 1


@routes
def test_a_request_under_way_reads_the_same(twins, route):
    asked = route()
    ask(twins, "fast", asked.environ())
    Record.objects.update(
        state="RUNNING", status=None, lease_until=clock.now() + timedelta(seconds=9)
    )
    slow, fast = twins.both(asked.environ())
    assert fast.status.startswith("409")
    assert fast.json()["code"] == "idempotency_in_progress"
    assert fast.header("Retry-After") == "1"
    assert without_count(fast) == without_count(slow)
    assert twins.passed_on == 0


@routes
@orders
def test_after_a_crash_the_effect_is_found_by_either(twins, route, first, second):
    asked = route()
    made = ask(twins, first, asked.environ())
    Record.objects.update(state="RUNNING", status=None, lease_until=clock.now())
    again = ask(twins, second, asked.environ())
    assert twins.passed_on == 0
    assert again.status == made.status == "201 Created"
    assert again.json()["id"] == made.json()["id"]
    assert asked.made() == 1
    assert Record.objects.get().attempt == 2


@routes
@orders
def test_a_corrected_body_may_use_the_key_of_a_refusal(twins, route, first, second):
    asked = route()
    refused = ask(twins, first, asked.environ(asked.malformed))
    assert refused.status.startswith("400")
    made = ask(twins, second, asked.environ())
    assert made.status == "201 Created"
    assert asked.made() == 1
    assert twins.passed_on == 0


@orders
def test_after_insufficient_points_the_key_pays_once_there_are_enough(twins, first, second):
    asked = Paying()
    other = place(asked.fan, asked.performance, seat_ids(asked.performance)[2:4])
    ask(twins, "fast", payment(asked.fan, asked.body))
    body = {"reservation_id": str(other.id), "method": "POINTS"}
    refused = ask(twins, first, asked.environ(body))
    assert refused.json()["code"] == "insufficient_points"
    give_points(asked.fan, PRICE)
    paid = ask(twins, second, asked.environ(body))
    assert paid.json()["status"] == "PAID"
    assert balance_of(asked.fan) == 0


@routes
def test_both_write_the_same_records(twins, route):
    records = []
    for which in ("django", "fast"):
        asked = route()
        refusals = []
        for body in (None, asked.malformed):
            refusals.append(ask(twins, which, asked.environ(body, key=str(uuid4()))))
        found = Record.objects.order_by("created_at", "status").values(
            "state", "status", "attempt", "lease_until", "headers", "created_at", "expires_at"
        )
        records.append(sorted(map(str, found)))
        Record.objects.all().delete()
    assert records[0] == records[1]


def test_a_refusal_that_is_kept_is_replayed_with_its_headers(twins):
    asked = Holding()
    place(make_user(), asked.performance, seat_ids(asked.performance, 1))
    kept = ask(twins, "fast", asked.environ())
    assert kept.json()["code"] == "seat_taken"
    slow, fast = twins.both(asked.environ())
    assert fast.header("Content-Type") == "application/problem+json"
    assert fast.header("Idempotency-Replayed") == "true"
    assert fast.body == kept.body
    assert without_count(fast) == without_count(slow)
    assert twins.passed_on == 0


@routes
def test_quoted_and_bare_are_the_same_key(twins, route):
    asked = route()
    made = ask(twins, "fast", asked.environ(key='"a-key-\\\\-of-mine"'))
    again = ask(twins, "django", asked.environ(key="a-key-\\-of-mine"))
    assert again.body == made.body
    assert asked.made() == 1


@routes
def test_keys_are_each_fans_own(twins, route):
    one, other = route(), route()
    for asked in (one, other):
        assert ask(twins, "fast", asked.environ()).status == "201 Created"
    assert Record.objects.count() == 2


@routes
def test_without_the_records_nothing_is_executed(twins, route, monkeypatch):
    def refuse(_):
        raise DependencyUnavailable("idempotency_database")

    asked = route()
    before = Reservation.objects.count(), Payment.objects.count()
    monkeypatch.setattr(leases.breaker, "call", refuse)
    slow, fast = twins.both(asked.environ())
    assert fast.status.startswith("503")
    assert fast.header("Retry-After")
    assert without_count(fast) == without_count(slow)
    assert (Reservation.objects.count(), Payment.objects.count()) == before
    assert twins.passed_on == 0


@routes
def test_a_defect_gives_the_key_back_and_is_left_to_django(twins, route, monkeypatch):
    asked = route()
    module, name = (checkout, "settle_at_once") if route is Paying else (placing, "hold_together")
    monkeypatch.setattr(module, name, lambda *_, **__: 1 / 0)
    made = ask(twins, "fast", asked.environ())
    assert twins.passed_on == 1
    assert made.status == "201 Created"
    assert asked.made() == 1


def test_a_malformed_key_of_a_hold_is_refused_as_django_does(twins):
    asked = Holding()
    for key in ("short", "x" * 256, "", '"open-ended'):
        for body in (asked.body, b"{"):
            slow, fast = twins.both(asked.environ(body, key=key))
            assert fast.json()["code"] == "idempotency_key_invalid"
            assert fast == slow
    assert twins.passed_on == 0
    assert not Record.objects.exists()


def test_a_key_that_is_no_plain_text_goes_to_django(twins):
    asked = Holding()
    answer = ask(twins, "fast", asked.environ(key="열두글자키입니다"))
    assert twins.passed_on == 1
    assert answer.status.startswith("400")


@pytest.mark.parametrize("route", [HoldingTheBest, Paying])
def test_requests_at_once_share_the_claim_of_their_keys_and_its_end(twins, route, monkeypatch):
    claims, ends = leases._claimed, endings._closed
    sizes = []

    def counted(function):
        def call(requests, *args, **kwargs):
            sizes.append(len(requests))
            return function(requests, *args, **kwargs)

        return call

    monkeypatch.setattr(leases, "_claimed", counted(claims))
    monkeypatch.setattr(endings, "_closed", counted(ends))
    answers = exchanges([route().environ(key=str(uuid4())) for _ in range(8)])
    assert [one.status for one in answers] == [201] * 8
    assert sizes == [8, 8]
