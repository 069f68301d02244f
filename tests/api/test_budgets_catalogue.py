"""Cached public answers cost at most one Redis call and no SQL, counted."""

import pytest

from tests.support import catalogue, factories
from tests.support.round_trips import counted_round_trips


@pytest.fixture
def performance(db_ready):
    catalogue.forget_documents()
    return factories.make_performance(seats=30)


def addresses(performance) -> dict[str, str]:
    one = f"/api/v1/performances/{performance.pk}/"
    concert = f"/api/v1/concerts/{performance.concert_id}/"
    return {
        "list": "/api/v1/concerts/",
        "search": "/api/v1/concerts/?search=night&on_sale=true",
        "concert": concert,
        "performances": concert + "performances/",
        "performance": one,
        "seatmap": one + "seatmap/",
        "section": one + "seatmap/?section=A",
        "outline": one + "seatmap/outline/",
        "availability": one + "availability/",
        "seats": one + "seats/?section=A",
    }


@pytest.mark.parametrize(
    "name",
    [
        "list",
        "search",
        "concert",
        "performances",
        "performance",
        "seatmap",
        "section",
        "outline",
        "availability",
        "seats",
    ],
)
def test_a_cached_answer_costs_one_redis_call_and_no_sql(api, performance, name):
    address = addresses(performance)[name]
    with counted_round_trips() as building:
        first = api.get(address)
    with counted_round_trips() as trips:
        second = api.get(address)
    assert first.status_code == second.status_code == 200
    assert second.content == first.content
    assert building.sql, "the first answer was not built: this test would prove nothing"
    assert trips.sql == []
    assert [trip.split()[0] for trip in trips.redis] == ["MGET"]


def test_a_not_modified_answer_costs_no_more(api, performance):
    address = addresses(performance)["seatmap"]
    etag = api.get(address)["ETag"]
    with counted_round_trips() as trips:
        answer = api.get(address, headers={"if-none-match": etag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert trips.sql == []
    assert len(trips.redis) == 1


def test_a_seat_map_kept_in_the_process_is_not_fetched_again(api, performance):
    address = addresses(performance)["seatmap"]
    api.get(address)
    with counted_round_trips() as trips:
        api.get(address)
    assert trips.redis == [f"MGET fr:c:marker:layout:{performance.pk}"]


@pytest.mark.parametrize("concerts", [1, 12])
def test_building_the_list_costs_the_same_for_any_number_of_concerts(api, db_ready, concerts):
    for _ in range(concerts):
        factories.make_performance(seats=3)
    with counted_round_trips() as trips:
        assert len(api.get("/api/v1/concerts/").json()["results"]) == concerts
    read = [sql for sql in trips.sql if "pg_last_wal" not in sql and "pg_current_wal" not in sql]
    assert len(read) == 7
