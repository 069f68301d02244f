"""POST, GET and DELETE of /api/v1/reservations/."""

from datetime import timedelta
from unittest.mock import ANY

import pytest

from concerts.models import Performance
from kernel import clock
from kernel.ids import uuid7
from queueing.models import QueueConfig
from reservations import locking, queries
from reservations.models import Reservation, SalePolicy
from reservations.usecases import sale
from tests.support import factories, money
from tests.support.holding import place
from tests.support.round_trips import counted_round_trips
from tickets import qr

URL = "/api/v1/reservations/"
DAY = timedelta(days=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=20)


@pytest.fixture
def client(as_fan, fan):
    return as_fan(fan)


def hold(client, performance, seats, **options):
    body = {"performance_id": str(performance.pk), "seat_ids": [str(seat) for seat in seats]}
    return client.post(URL, body, **options)


def problem(answer, status, code):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("application/problem+json")
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    return body


def test_a_hold_answers_every_field_of_the_contract(client, performance):
    seats = factories.seat_ids(performance, 2)
    answer = hold(client, performance, seats, headers={"Accept-Language": "en"})
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "private, no-store"
    price = {"amount": 100_000, "currency": "KRW"}
    assert answer.json() == {
        "id": ANY,
        "status": "PENDING",
        "performance": {
            "id": str(performance.pk),
            "title": "Autumn Night",
            "starts_at": ANY,
            "venue": "Jamsil Arena",
        },
        "seats": [
            {
                "id": str(seat),
                "section": "A",
                "row": "1",
                "number": number,
                "price": price,
                "status": "TEMPORARILY_RESERVED",
            }
            for seat, number in zip(seats, ("1", "2"), strict=True)
        ],
        "amount": {"amount": 200_000, "currency": "KRW"},
        "expires_at": ANY,
        "extendable_until": ANY,
        "payment": None,
    }
    assert answer.json()["expires_at"].endswith("Z")


def test_what_was_answered_is_what_is_shown_afterwards(client, performance):
    made = hold(client, performance, factories.seat_ids(performance, 3)).json()
    assert client.get(f"{URL}{made['id']}/").json() == made
    assert client.get(URL).json() == {"results": [made], "next": None, "previous": None}


def test_texts_are_korean_when_asked(client, performance):
    answer = hold(
        client, performance, factories.seat_ids(performance, 1), headers={"Accept-Language": "ko"}
    )
    assert answer.json()["performance"]["title"] == "가을밤"


def test_nobody_may_hold_without_a_login(api, performance):
    problem(hold(api, performance, factories.seat_ids(performance, 1)), 401, "not_authenticated")
    problem(api.get(URL), 401, "not_authenticated")


@pytest.mark.parametrize(
    "change",
    [
        {"seat_ids": []},
        {"seat_ids": ["not-a-uuid"]},
        {"seat_ids": "all"},
        {"seat_ids": None},
        {"performance_id": 7},
        {"surprise": True},
        {"best_available": {"count": 2}},
        {"seat_ids": [str(uuid7()) for _ in range(21)]},
    ],
)
def test_malformed_requests_are_400(client, performance, change):
    body = {
        "performance_id": str(performance.pk),
        "seat_ids": [str(seat) for seat in factories.seat_ids(performance, 1)],
    }
    answer = problem(client.post(URL, body | change), 400, "validation_failed")
    assert answer["errors"][0]["pointer"].startswith("/" + next(iter(change)))


def test_a_seat_named_twice_is_400(client, performance):
    [seat] = factories.seat_ids(performance, 1)
    problem(hold(client, performance, [seat, seat]), 400, "selection_invalid")


def test_other_content_types_are_415(client):
    answer = client.post(URL, "performance_id=1", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 415


def test_an_unknown_performance_is_404(client, performance):
    body = {"performance_id": str(uuid7()), "seat_ids": [str(uuid7())]}
    problem(client.post(URL, body), 404, "performance_not_found")


def test_a_draft_is_not_there(client):
    draft = factories.make_performance(concert=factories.make_concert(published=False))
    problem(hold(client, draft, factories.seat_ids(draft, 1)), 404, "performance_not_found")


def test_seats_of_another_performance_are_not_found(client, performance):
    other = factories.make_performance(seats=2)
    [mine] = factories.seat_ids(performance, 1)
    [stranger] = factories.seat_ids(other, 1)
    answer = problem(hold(client, performance, [mine, stranger]), 404, "seat_not_found")
    assert answer["seat_ids"] == [str(stranger)]


def test_taken_seats_are_409_and_named(client, as_fan, performance):
    seats = factories.seat_ids(performance, 3)
    hold(as_fan(factories.make_user()), performance, seats[:2])
    answer = problem(hold(client, performance, seats), 409, "seat_taken")
    assert (answer["seat_ids"], answer["yours"]) == ([str(seat) for seat in seats[:2]], [])


def test_pressing_twice_points_to_the_hold_already_made(client, performance):
    seats = factories.seat_ids(performance, 2)
    made = hold(client, performance, seats).json()
    answer = problem(hold(client, performance, seats), 409, "seat_taken")
    assert answer["yours"] == [made["id"]]


def test_the_limit_counts_live_holds_and_not_lapsed_ones(client, fan, performance):
    seats = factories.seat_ids(performance, 8)
    problem(hold(client, performance, seats[:5]), 409, "seat_limit_exceeded")
    place(fan, performance, seats[:3], now=clock.now() - timedelta(minutes=10))  # lapsed
    assert hold(client, performance, seats[4:7]).status_code == 201
    answer = problem(hold(client, performance, seats[:2]), 409, "seat_limit_exceeded")
    assert (answer["limit"], answer["held"]) == (4, 3)


@pytest.mark.parametrize(
    ("policy", "status", "code"),
    [
        ({"sale_opens_at": 1}, "SCHEDULED", "sale_not_open"),
        ({"sale_opens_at": -2, "sale_closes_at": -1}, "SCHEDULED", "sale_closed"),
        ({"put_on_sale_at": None}, "SCHEDULED", "sale_not_open"),
        ({}, "POSTPONED", "sale_paused"),
        ({}, "CANCELLED", "performance_cancelled"),
    ],
)
def test_a_sale_that_is_not_open_says_why(client, performance, policy, status, code):
    now = clock.now()
    changes = {name: value and now + value * DAY for name, value in policy.items()}
    SalePolicy.objects.filter(pk=performance.pk).update(**changes)
    Performance.objects.filter(pk=performance.pk).update(status=status)
    queries.forget_sale_terms()
    problem(hold(client, performance, factories.seat_ids(performance, 1)), 409, code)


def test_a_halt_stops_the_very_next_hold(client, performance):
    seats = factories.seat_ids(performance, 2)
    assert hold(client, performance, seats[:1]).status_code == 201
    terms = queries.sale_terms(performance.pk)
    sale.halt(performance_id=performance.pk, reason="fire", actor_id=None, now=clock.now())
    assert not terms.halted
    as_kept = queries.sale._terms._values  # of another process, which has not heard of it
    as_kept[performance.pk] = (float("inf"), terms)
    problem(hold(client, performance, seats[1:]), 409, "sale_paused")
    sale.resume(performance_id=performance.pk, reason="out", actor_id=None, now=clock.now())
    assert hold(client, performance, seats[1:]).status_code == 201


def test_a_busy_seat_row_is_503_with_retry_after(client, performance, monkeypatch):
    seats = factories.seat_ids(performance, 1)

    def give_way(**_):
        with locking.connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)")

    monkeypatch.setattr(locking, "lock_fan", give_way)
    answer = hold(client, performance, seats)
    problem(answer, 503, "busy")
    assert answer["Retry-After"] == "1"
    monkeypatch.undo()
    assert hold(client, performance, seats).status_code == 201  # its claim is gone


def test_the_same_idempotency_key_answers_the_same_hold(client, performance):
    seats = factories.seat_ids(performance, 2)
    key = {"Idempotency-Key": money.new_key()}
    first = hold(client, performance, seats, headers=key)
    again = hold(client, performance, seats, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotency-Replayed"] == "true"
    problem(hold(client, performance, seats[:1], headers=key), 422, "idempotency_key_reused")
    assert Reservation.objects.count() == 1


def test_a_lapsed_hold_reads_as_expired_without_any_job(client, fan, performance):
    made = place(
        fan,
        performance,
        factories.seat_ids(performance, 1),
        now=clock.now() - timedelta(minutes=6),
    )
    shown = client.get(f"{URL}{made.id}/").json()
    assert (shown["status"], shown["seats"][0]["status"]) == ("EXPIRED", "EXPIRED")
    assert Reservation.objects.get(pk=made.id).status == "PENDING"
    assert client.get(URL, {"status": "PENDING"}).json()["results"] == []
    assert len(client.get(URL, {"status": "EXPIRED"}).json()["results"]) == 1


def test_the_list_filters_and_pages(client, fan, performance):
    other = factories.make_performance(seats=4)
    made = [str(place(fan, performance, [seat]).id) for seat in factories.seat_ids(performance, 3)]
    there = str(place(fan, other, factories.seat_ids(other, 1)).id)
    page = client.get(URL, {"page_size": 3}).json()
    assert [row["id"] for row in page["results"]] == [there, made[2], made[1]]
    rest = client.get(page["next"]).json()
    assert [row["id"] for row in rest["results"]] == [made[0]]
    only = client.get(URL, {"performance_id": str(other.pk)}).json()["results"]
    assert [row["id"] for row in only] == [there]
    problem(client.get(URL, {"status": "LOST"}), 400, "validation_failed")
    problem(client.get(URL, {"performance_id": "x"}), 400, "validation_failed")
    problem(client.get(URL, {"cursor": "cD1vb3Bz"}), 404, "not_found")  # p=oops


def test_the_list_costs_the_same_for_one_and_for_many(client, fan, performance):
    seats = factories.seat_ids(performance, 4)
    place(fan, performance, seats[:1])
    with counted_round_trips() as one:
        client.get(URL)
    for seat in seats[1:]:
        place(fan, performance, [seat])
    with counted_round_trips() as many:
        assert len(client.get(URL).json()["results"]) == 4
    assert len(many.sql) == len(one.sql) <= 2


def test_other_peoples_reservations_are_not_there(client, performance):
    theirs = place(factories.make_user(), performance, factories.seat_ids(performance, 1))
    for id_ in (theirs.id, uuid7()):
        problem(client.get(f"{URL}{id_}/"), 404, "reservation_not_found")
        problem(client.delete(f"{URL}{id_}/"), 404, "reservation_not_found")
        problem(client.get(f"{URL}{id_}/tickets/"), 404, "reservation_not_found")
    assert client.get(f"{URL}not-a-uuid/").status_code == 404
    assert Reservation.objects.get(pk=theirs.id).status == "PENDING"


def test_giving_up_frees_the_seats_and_may_be_repeated(client, as_fan, performance):
    seats = factories.seat_ids(performance, 2)
    made = hold(client, performance, seats).json()
    for _ in range(2):
        answer = client.delete(f"{URL}{made['id']}/")
        assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(f"{URL}{made['id']}/").json()["status"] == "RELEASED"
    assert hold(as_fan(factories.make_user()), performance, seats).status_code == 201


def test_what_is_paid_can_not_be_given_up(client, fan, performance):
    made = hold(client, performance, factories.seat_ids(performance, 2)).json()
    money.give_points(fan, 1_000_000)
    assert money.pay(client, made["id"]).status_code == 201
    problem(client.delete(f"{URL}{made['id']}/"), 409, "payment_in_progress")
    shown = client.get(f"{URL}{made['id']}/").json()
    assert shown["status"] == "CONFIRMED"
    assert shown["payment"]["status"] == "PAID"
    assert {seat["status"] for seat in shown["seats"]} == {"RESERVED"}


def test_tickets_are_there_once_it_is_paid(client, as_fan, fan, performance):
    made = hold(client, performance, factories.seat_ids(performance, 2)).json()
    tickets = f"{URL}{made['id']}/tickets/"
    assert client.get(tickets).json()["results"] == []
    money.give_points(fan, 1_000_000)
    money.pay(client, made["id"])
    issued = client.get(tickets).json()["results"]
    assert [ticket["seat"]["number"] for ticket in issued] == ["1", "2"]
    assert len({ticket["code"] for ticket in issued}) == 2
    assert sorted(ticket["id"] for ticket in client.get("/api/v1/tickets/").json()["results"]) == (
        sorted(ticket["id"] for ticket in issued)
    )
    one = client.get(f"/api/v1/tickets/{issued[0]['id']}/").json()
    assert one == issued[0]
    assert qr.read(one["qr"]).code == one["code"]
    stranger = as_fan(factories.make_user())
    problem(stranger.get(f"/api/v1/tickets/{one['id']}/"), 404, "ticket_not_found")
    assert stranger.get("/api/v1/tickets/").json()["results"] == []


def test_where_a_queue_is_required_only_the_admitted_hold(client, fan, performance):
    QueueConfig.objects.create(
        performance=performance,
        queue_opens_at=clock.now() - timedelta(hours=1),
        rate_per_second=100,
        capacity=100,
    )
    seats = factories.seat_ids(performance, 2)
    problem(hold(client, performance, seats), 403, "queue_token_required")
    forged = {"X-Queue-Token": "eyJhbGciOiJub25lIn0.e30."}
    problem(hold(client, performance, seats, headers=forged), 403, "queue_token_invalid")
    place = client.post(f"/api/v1/performances/{performance.pk}/queue/", {}).json()
    assert place["state"] == "ADMITTED"
    queries.sale_terms(performance.pk)
    token = {"X-Queue-Token": place["token"]}
    with counted_round_trips() as counts:
        assert hold(client, performance, seats[:1], headers=token).status_code == 201
    assert len(counts.redis) <= 3, counts.redis
    assert len(counts.sql) <= 8, counts.sql
    passed = {"X-Queue-Token": place["pass"]}
    assert hold(client, performance, seats[1:], headers=passed).status_code == 201
