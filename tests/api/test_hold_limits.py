"""Holds are counted by the lock server, and fans who let them lapse wait."""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.rate_limiting.in_redis import Limit, RateLimited
from kernel.redis.clients import breaker
from reservations import queries
from reservations.claims import HoldLimits
from reservations.models import SalePolicy
from reservations.seating.chooser import Wish
from reservations.seating.snapshot import snapshots
from reservations.usecases import holds
from tests.support import factories
from tests.support.holding import claim, place, sweep
from tests.support.round_trips import counted_round_trips

URL = "/api/v1/reservations/"
SECOND = timedelta(seconds=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(
        seats=20,
        hold_seconds=60,
        max_seats_per_fan=20,
        holds_per_minute=3,
        lapses_before_backoff=3,
        backoff_seconds=30,
    )


def hold(client, performance, seat, **options):
    body = {"performance_id": str(performance.pk), "seat_ids": [str(seat)]}
    return client.post(URL, body, **options)


def test_one_attempt_too_many_is_429_with_the_headers_of_the_limit(as_fan, fan, performance):
    seats = factories.seat_ids(performance)
    client = as_fan(fan)
    answers = [hold(client, performance, seat) for seat in seats[:4]]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[0]["RateLimit-Policy"] == '"hold";q=3;w=60'
    assert answers[0]["RateLimit"].startswith('"hold";r=2;t=')
    refused = answers[3]
    assert refused.json()["code"] == "rate_limited"
    assert refused["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert refused["RateLimit"].startswith('"hold";r=0;t=')
    other = as_fan(factories.make_user())
    assert hold(other, performance, seats[3]).status_code == 201  # nothing was claimed


def test_refused_attempts_count_and_other_performances_do_not(fan, performance):
    elsewhere = factories.make_performance(seats=1)
    seats = factories.seat_ids(performance)
    place(factories.make_user(), performance, seats[:1])
    for _ in range(3):
        with pytest.raises(holds.SeatTaken):
            place(fan, performance, seats[:1])
    with pytest.raises(RateLimited):
        place(fan, performance, seats[1:2])
    assert place(fan, elsewhere, factories.seat_ids(elsewhere)).status == "PENDING"
    later = clock.now() + 121 * SECOND
    assert place(fan, performance, seats[1:2], now=later).status == "PENDING"


def test_an_address_has_a_limit_of_its_own(as_fan, performance):
    SalePolicy.objects.filter(pk=performance.pk).update(holds_per_minute_per_address=2)
    queries.forget_sale_terms()
    seats = factories.seat_ids(performance)
    statuses = [
        hold(as_fan(factories.make_user()), performance, seat, REMOTE_ADDR=address).status_code
        for seat, address in zip(
            seats, ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2"], strict=False
        )
    ]
    assert statuses == [201, 201, 429, 201]


@pytest.mark.parametrize(("row", "site", "allowed"), [(None, "2/minute", 2), (0, "2/minute", 5)])
def test_without_a_row_the_sites_limit_counts_and_zero_means_none(
    fan, performance, settings, row, site, allowed
):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"hold": site}
    SalePolicy.objects.filter(pk=performance.pk).update(holds_per_minute=row)
    queries.forget_sale_terms()
    made = 0
    for seat in factories.seat_ids(performance, 5):
        try:
            place(fan, performance, [seat])
        except RateLimited:
            break
        made += 1
    assert made == allowed


def test_counting_costs_no_call_more(fan, performance):
    seats = factories.seat_ids(performance)
    place(factories.make_user(), performance, seats[:1])
    with counted_round_trips() as counts:
        place(fan, performance, seats[1:3], client_ip="10.0.0.1")
    assert len(counts.redis) == 2, counts.redis
    assert len(counts.sql) == 7


def test_without_the_lock_server_holds_go_on_uncounted(fan, performance, parts):
    seats = factories.seat_ids(performance, 5)
    parts.part("lock").stop()
    try:
        for seat in seats:
            place(fan, performance, [seat])
    finally:
        parts.part("lock").start()
        breaker("lock").reset()


@pytest.mark.parametrize("behind", [0, 1.5, 60])
def test_a_limit_counts_once_whichever_host_is_asked(fan, performance, behind):
    """One host is behind the other, and the load balancer asks them in turns."""
    seats, began = factories.seat_ids(performance), clock.now()
    counted = HoldLimits(Limit("hold", 60, 60_000), Limit("hold_address", 0, 60_000))

    def passes(now):
        return not int(claim(fan, performance, seats, now=now, hold_limits=counted).limit[5])

    passed = 0
    for step in range(50):  # ten seconds
        now = began + timedelta(milliseconds=200 * step)
        for host in (now, now - timedelta(seconds=behind)):
            while passes(host) and passed <= 100:
                passed += 1
    assert 60 <= passed <= 60 + 10


def lapse(fan, performance, seats, now, *, swept):
    """Let the fan hold and lose a seat; return when."""
    made = place(fan, performance, seats[:1], now=now)
    if swept:
        assert sweep(now=made.expires_at) >= 1
    else:
        place(factories.make_user(), performance, seats[:1], now=made.expires_at)
    return made.expires_at


@pytest.mark.parametrize("swept", [True, False], ids=["swept", "taken over"])
def test_who_lets_holds_lapse_waits_longer_each_time(fan, performance, swept):
    SalePolicy.objects.filter(pk=performance.pk).update(holds_per_minute=0)
    queries.forget_sale_terms()
    seats = factories.seat_ids(performance)
    now = clock.now()
    for number in range(3):
        now = lapse(fan, performance, seats[number:], now, swept=swept)
    with pytest.raises(holds.HoldBackoff) as refused:
        place(fan, performance, seats[9:10], now=now + SECOND)
    assert refused.value.retry_after == 29
    assert place(factories.make_user(), performance, seats[9:10], now=now).status == "PENDING"
    now = lapse(fan, performance, seats[4:], now + 30 * SECOND, swept=swept)
    with pytest.raises(holds.HoldBackoff) as refused:
        place(fan, performance, seats[8:9], now=now + SECOND)
    assert refused.value.retry_after == 59  # twice as long
    assert place(fan, performance, seats[8:9], now=now + 60 * SECOND).status == "PENDING"


def test_a_back_off_is_429_with_the_time_to_wait(as_fan, fan, performance):
    seats = factories.seat_ids(performance)
    start = clock.now() - 3 * 61 * SECOND
    for number in range(3):
        lapse(fan, performance, seats[number:], start + number * 61 * SECOND, swept=True)
    answer = hold(as_fan(fan), performance, seats[5])
    assert (answer.status_code, answer.json()["code"]) == (429, "hold_backoff")
    assert 1 <= int(answer["Retry-After"]) <= 30


def test_the_back_off_can_be_switched_off_and_is_forgotten_in_time(fan, performance):
    SalePolicy.objects.filter(pk=performance.pk).update(holds_per_minute=0, lapses_before_backoff=0)
    queries.forget_sale_terms()
    seats = factories.seat_ids(performance)
    now = clock.now()
    for number in range(5):
        now = lapse(fan, performance, seats[number:], now, swept=True)
    assert place(fan, performance, seats[6:7], now=now).status == "PENDING"


def test_tries_for_the_best_seats_count_as_one_attempt(fan, performance, monkeypatch):
    taken = factories.seat_ids(performance, 1)
    place(factories.make_user(), performance, taken)
    monkeypatch.setattr(snapshots, "propose", lambda **_: taken)
    for _ in range(3):
        with pytest.raises(holds.SeatTaken):
            holds.place_best(
                user_id=fan.pk,
                performance_id=performance.pk,
                wish=Wish(1),
                reservation_id=fan.pk,
                queue_token=None,
                now=clock.now(),
            )
