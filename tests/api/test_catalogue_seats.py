"""Seat map, availability and the plain list of seats."""

import gzip
from datetime import timedelta

import pytest

from concerts.models import Performance, PriceGrade, Seat
from concerts.usecases import layouts
from kernel import clock
from kernel.ids import uuid7
from reservations.models import SeatInventory
from tests.support import catalogue, factories
from tests.support.waiting import await_that


@pytest.fixture
def performance(db_ready) -> Performance:
    catalogue.forget_documents()
    return factories.make_performance(seats=5, row_length=3)


def address(performance: Performance, part: str) -> str:
    return f"/api/v1/performances/{performance.pk}/{part}/"


def set_status(performance: Performance, index: int, status: str, **fields) -> None:
    SeatInventory.objects.filter(performance=performance, index=index).update(
        status=status, **fields
    )


def test_the_map_has_every_seat_in_its_row(api, performance):
    shown = api.get(address(performance, "seatmap"), headers={"accept-language": "en"}).json()
    [section] = shown["sections"]
    assert (section["code"], section["name"], section["grade"]) == ("A", "Section A", "R")
    assert section["price"] == {"amount": 100_000, "currency": "KRW"}
    assert [(row["label"], len(row["seats"])) for row in section["rows"]] == [("1", 3), ("2", 2)]
    seats = [seat for row in section["rows"] for seat in row["seats"]]
    assert [seat["index"] for seat in seats] == [0, 1, 2, 3, 4]
    assert set(seats[0]) == {"id", "number", "index", "x", "y", "accessible"}
    assert (section["first_index"], section["focal"]) == (0, None)


@pytest.mark.parametrize("typed", ["A", "a", "Ａ"])
def test_the_map_of_a_section_is_that_part_of_the_whole(api, performance, typed):
    whole = api.get(address(performance, "seatmap")).json()
    part = api.get(address(performance, "seatmap"), {"section": typed})
    assert part.json() == whole
    # Kept outside in one spelling alone, so that nobody fills a cache with the others.
    assert part["Cache-Control"] == ("public, max-age=86400" if typed == "A" else "no-cache")


@pytest.mark.parametrize("typed", ["Z", "", "A" * 21])
def test_the_map_of_an_unknown_section_is_refused(api, performance, typed):
    answer = api.get(address(performance, "seatmap"), {"section": typed})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/section"


def test_the_outline_shows_sections_without_seats(api, performance):
    english = {"accept-language": "en"}
    answer = api.get(address(performance, "seatmap/outline"), headers=english)
    assert answer["Cache-Control"] == "public, max-age=86400"
    shown = answer.json()
    [section] = shown["sections"]
    assert (section["code"], section["seats"], section["first_index"]) == ("A", 5, 0)
    assert "rows" not in section
    seats = Seat.objects.filter(performance=performance)
    bounds = shown["bounds"]
    for seat in seats:
        assert bounds["min_x"] < seat.x < bounds["max_x"]
        assert bounds["min_y"] < seat.y < bounds["max_y"]
    assert shown["stage"] is None
    again = api.get(
        address(performance, "seatmap/outline"),
        headers=english | {"if-none-match": answer["ETag"]},
    )
    assert again.status_code == 304


def test_an_outline_of_no_performance_is_not_found(api, db_ready):
    answer = api.get(f"/api/v1/performances/{uuid7()}/seatmap/outline/")
    assert (answer.status_code, answer.json()["code"]) == (404, "performance_not_found")


def test_a_frozen_map_is_kept_for_long_and_asked_for_by_tag(api, performance):
    answer = api.get(address(performance, "seatmap"))
    assert answer["Cache-Control"] == "public, max-age=86400"
    assert not answer["ETag"].startswith("W/")
    again = api.get(address(performance, "seatmap"), headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again["ETag"]) == (304, answer["ETag"])
    other = api.get(address(performance, "seatmap"), headers={"if-none-match": '"other"'})
    assert other.status_code == 200


def test_a_map_that_staff_may_still_change_is_asked_for_again_and_follows_at_once(api, db_ready):
    performance = factories.make_performance(seats=2, on_sale=False)
    answer = api.get(address(performance, "seatmap"))
    assert answer["Cache-Control"] == "no-cache"
    grade = PriceGrade.objects.get(performance=performance)
    layouts.set_price(
        grade_id=grade.pk, price=70_000, actor_id=None, reason="test", now=clock.now()
    )
    changed = api.get(address(performance, "seatmap"))
    assert changed.json()["sections"][0]["price"]["amount"] == 70_000
    assert changed.json()["layout_version"] == answer.json()["layout_version"] + 1
    assert changed["ETag"] != answer["ETag"]


def test_availability_has_a_letter_a_seat_judged_by_now(api, performance):
    now = clock.now()
    set_status(
        performance,
        1,
        "TEMPORARILY_RESERVED",
        reservation_id=uuid7(),
        held_until=now + timedelta(minutes=5),
    )
    set_status(performance, 2, "RESERVED", reservation_id=uuid7())
    set_status(performance, 3, "BLOCKED")
    set_status(
        performance,
        4,
        "TEMPORARILY_RESERVED",
        reservation_id=uuid7(),
        held_until=now - timedelta(seconds=1),
    )
    answer = api.get(address(performance, "availability"))
    shown = answer.json()
    assert shown["statuses"] == "ATRBA"
    assert shown["counts"] == {
        "available": 2,
        "temporarily_reserved": 1,
        "reserved": 1,
        "blocked": 1,
    }
    assert answer["Cache-Control"] == "public, max-age=1"


def test_availability_before_the_seats_are_put_on_sale_is_all_blocked(api, db_ready):
    performance = factories.make_performance(seats=3, on_sale=False)
    shown = api.get(address(performance, "availability")).json()
    assert (shown["statuses"], shown["counts"]["blocked"]) == ("BBB", 3)


def test_an_unchanged_map_of_statuses_is_not_sent_again(api, performance):
    first = api.get(address(performance, "availability"))
    again = api.get(address(performance, "availability"), headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304


def test_a_sold_seat_shows_within_a_second(api, performance):
    assert api.get(address(performance, "availability")).json()["statuses"] == "AAAAA"
    set_status(performance, 0, "RESERVED", reservation_id=uuid7())
    sold_at = clock.now()
    await_that(
        lambda: api.get(address(performance, "availability")).json()["statuses"] == "RAAAA",
        "the sold seat shows",
    )
    assert clock.now() - sold_at < timedelta(seconds=1.2)


def test_the_plain_list_pages_through_a_section(api, performance):
    first = api.get(address(performance, "seats"), {"section": "A", "page_size": 3}).json()
    second = api.get(first["next"]).json()
    seats = first["results"] + second["results"]
    assert [seat["index"] for seat in seats] == [0, 1, 2, 3, 4]
    assert second["next"] is None
    assert seats[3] | {"id": "", "x": 0, "y": 0} == {
        "id": "",
        "section": "A",
        "row": "2",
        "number": "1",
        "index": 3,
        "x": 0,
        "y": 0,
        "accessible": False,
        "grade": "R",
        "price": {"amount": 100_000, "currency": "KRW"},
        "status": "AVAILABLE",
    }


@pytest.mark.parametrize("typed", ["A", "a", "Ａ", " A", "A\u200b"])
def test_a_section_is_found_however_its_code_is_typed(api, performance, typed):
    answer = api.get(address(performance, "seats"), {"section": typed})
    assert answer.status_code == 200
    assert answer.json()["results"][0]["section"] == "A"


def test_an_unknown_section_is_refused(api, performance):
    answer = api.get(address(performance, "seats"), {"section": "Z"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/section"


def test_the_map_and_the_statuses_speak_of_the_same_seats(api, performance):
    shown = api.get(address(performance, "seatmap")).json()
    ids = [seat["id"] for s in shown["sections"] for row in s["rows"] for seat in row["seats"]]
    assert ids == [str(seat.pk) for seat in Seat.objects.order_by("index")]
    assert len(ids) == len(api.get(address(performance, "availability")).json()["statuses"])


def test_a_compressed_seat_map_has_a_strong_tag_of_its_own(api):
    url = f"/api/v1/performances/{factories.make_performance(seats=60).pk}/seatmap/"
    plain = api.get(url)
    packed = api.get(url, headers={"accept-encoding": "br, gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed["ETag"].startswith('"')
    assert packed["ETag"] != plain["ETag"]
    assert "Accept-Encoding" in packed["Vary"]
    assert "Accept-Encoding" in plain["Vary"]
    again = api.get(url, headers={"accept-encoding": "gzip", "if-none-match": packed["ETag"]})
    assert again.status_code == 304
    assert "Content-Encoding" not in again


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br"])
def test_a_client_without_gzip_gets_the_seat_map_as_it_is(api, accepted):
    url = f"/api/v1/performances/{factories.make_performance(seats=60).pk}/seatmap/"
    answer = api.get(url, headers={"accept-encoding": accepted})
    assert "Content-Encoding" not in answer
    assert len(answer.json()["sections"]) == 1


@pytest.mark.parametrize("name", ["availability", "queue"])
def test_a_withdrawn_answer_is_replaced_in_the_gateways_cache(api, name):
    """Note [Kept refusals]: one that may not be kept would leave the old answer there."""
    withdrawn = api.get(f"/api/v1/performances/{uuid7()}/{name}/")
    assert withdrawn.status_code == 404
    assert withdrawn["Cache-Control"] == "public, max-age=1"
    assert "RateLimit" not in withdrawn  # one caller's count is no business of the others


def test_other_refusals_are_kept_by_nobody(api):
    assert "Cache-Control" not in api.get(f"/api/v1/performances/{uuid7()}/seatmap/")
