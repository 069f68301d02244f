"""The list of concerts: what a search, a window and an order find, page by page."""

import unicodedata
from datetime import timedelta
from urllib.parse import quote

import pytest

from concerts.models import Concert, Performance
from kernel.ids import uuid7
from reservations.models import SalePolicy, SeatInventory
from tests.support import catalogue, factories
from tests.support.catalogue import NOW, in_days, titles


@pytest.fixture(autouse=True)
def _nothing_kept(db_ready):
    catalogue.forget_documents()


def test_search_finds_words_of_title_artist_and_venue_in_both_languages(api):
    in_days(10)
    in_days(11, title_en="Winter", title_ko="겨울", artist_en="Choir", artist_ko="합창단")
    assert titles(api, "?search=winter") == ["Winter"]
    assert titles(api, "?search=합창") == ["Winter"]
    assert titles(api, "?search=autumn+jamsil") == ["Autumn Night"]
    assert titles(api, "?search=100%25") == []
    assert len(titles(api, "?search=")) == 2


@pytest.mark.parametrize(
    "typed",
    [
        unicodedata.normalize("NFD", "서리 합창단"),
        "서리　합창",
        "서\u200b리",
        "WINTER",
        "Ｗｉｎｔｅｒ",
        "ﾜｲﾝ",
        "ＴＷＩＣＥ",
        "twice",
        "1",
    ],
)
def test_a_search_finds_what_is_meant_however_it_is_typed(api, typed):
    in_days(5, title_en="Winter", title_ko=unicodedata.normalize("NFD", "서리 합창단"))
    Concert.objects.update(artist_en="ＴＷＩＣＥ ①", artist_ko="ワイン")
    assert titles(api, f"?search={quote(typed)}") == ["Winter"]


def test_a_long_search_is_measured_as_it_reads(api):
    in_days(5, title_en="Winter", title_ko="가" * 90)
    assert titles(api, "?search=" + quote(unicodedata.normalize("NFD", "각" * 90))) == []
    assert titles(api, "?search=" + quote(unicodedata.normalize("NFD", "가" * 90))) == ["Winter"]


def test_ordering_by_performance_and_title(api):
    in_days(20, title_en="B")
    in_days(10, title_en="C")
    in_days(30, title_en="A")
    factories.make_concert(title_en="D")  # no performance yet: last
    assert titles(api) == ["C", "B", "A", "D"]
    assert titles(api, "?ordering=first_performance_at") == ["C", "B", "A", "D"]
    assert titles(api, "?ordering=-first_performance_at") == ["D", "A", "B", "C"]
    assert titles(api, "?ordering=title") == ["A", "B", "C", "D"]
    assert titles(api, "?ordering=-title") == ["D", "C", "B", "A"]


@pytest.mark.parametrize("ordering", ["first_performance_at", "title", "-title"])
def test_pages_follow_each_other_without_a_gap(api, ordering):
    for n in range(5):
        in_days(10 + n // 2, title_en=f"T{n // 2}")
    seen, address = [], f"/api/v1/concerts/?ordering={ordering}&page_size=2"
    while address:
        page = api.get(address).json()
        seen += [concert["id"] for concert in page["results"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 5


def test_from_and_to_narrow_by_performances(api):
    in_days(10, title_en="early")
    in_days(20, title_en="late")
    day = (NOW + timedelta(days=15)).date()
    assert titles(api, f"?from={day}") == ["late"]
    assert titles(api, f"?to={day}") == ["early"]
    moment = (NOW + timedelta(days=20)).isoformat().replace("+", "%2B")
    assert titles(api, f"?from={moment}") == ["late"]
    assert titles(api, f"?from={NOW.date()}&to={day}") == ["early"]


def test_on_sale_keeps_those_that_can_be_bought(api):
    in_days(10, title_en="selling")
    sold = in_days(11, title_en="sold out")
    SeatInventory.objects.filter(performance=sold).update(status="RESERVED", reservation_id=uuid7())
    later = in_days(12, title_en="later")
    SalePolicy.objects.filter(pk=later.pk).update(sale_opens_at=NOW + timedelta(days=1))
    assert titles(api, "?on_sale=true") == ["selling"]
    assert titles(api, "?on_sale=false") == ["sold out", "later"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("ordering=price", "/ordering"),
        ("on_sale=maybe", "/on_sale"),
        ("from=tomorrow", "/from"),
        ("from=2026-13-01", "/from"),
        ("from=2026-01-01T10:00:00", "/from"),
        ("to=99999-01-01", "/to"),
        ("from=2026-02-01&to=2026-01-01", "/to"),
        ("page_size=0", "/page_size"),
        ("page_size=101", "/page_size"),
        ("search=" + "x" * 101, "/search"),
        ("search=%00", "/search"),
    ],
)
def test_unknown_values_are_refused(api, query, pointer):
    answer = api.get(f"/api/v1/concerts/?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "validation_failed"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "window",
    [
        "to=9999-12-30",
        "to=9999-12-31",
        "to=9999-12-31T23:59:59Z",
        "to=9999-12-31T23:59:59.999999-12:00",
        "from=0001-01-01",
        "from=0001-01-01T00:00:00%2B14:00",
        "from=0001-01-01&to=9999-12-31",
    ],
)
def test_a_window_may_reach_to_the_ends_of_time(api, window):
    in_days(10, title_en="any")
    assert titles(api, f"?{window}") == ["any"]


@pytest.mark.parametrize("window", ["to=0001-01-01", "from=9999-12-31T23:59:59-23:00"])
def test_a_window_at_the_ends_of_time_holds_nothing(api, window):
    in_days(10)
    assert titles(api, f"?{window}") == []


def test_a_date_is_a_day_of_the_site(api):
    performance = in_days(10, title_en="after midnight in Seoul")
    Performance.objects.filter(pk=performance.pk).update(starts_at="2027-05-02T00:30:00+09:00")
    assert titles(api, "?from=2027-05-02") == ["after midnight in Seoul"]
    assert titles(api, "?to=2027-05-01") == []


@pytest.mark.parametrize("known", ["page_size=1", "page_size=1&search=autumn"])
def test_a_shared_link_may_carry_what_we_do_not_know(api, known):
    in_days(10)
    in_days(11)
    plain = api.get(f"/api/v1/concerts/?{known}")
    for added in ("utm_source=sms&utm_medium=", "fbclid=x", "utm_source=sms&utm_source=b", "now="):
        shared = api.get(f"/api/v1/concerts/?{added}&{known}&gclid=%00")
        assert (shared.status_code, shared.content) == (200, plain.content)
    assert "utm" not in shared.json()["next"]
    found = plain.json()["results"][0]["id"]
    performance = Performance.objects.get(concert=found)
    for address in (
        f"concerts/{found}/",
        f"concerts/{found}/performances/",
        f"performances/{performance.pk}/",
        f"performances/{performance.pk}/seatmap/",
        f"performances/{performance.pk}/availability/",
        f"performances/{performance.pk}/seats/",
        f"performances/{performance.pk}/queue/",
    ):
        wanted = api.get(f"/api/v1/{address}")
        shared = api.get(f"/api/v1/{address}?utm_source=sms")
        assert shared.status_code == wanted.status_code, address
        if not address.endswith("queue/"):
            assert shared.status_code == 200


@pytest.mark.parametrize(
    "cursor", ["x", "cD1hYmM=", "cD0lMDA=", "bz0tMQ==", "cD0yMDI3LTAxLTAxVDAwOjAw"]
)
@pytest.mark.parametrize("ordering", ["title", "first_performance_at"])
def test_a_forged_cursor_is_no_server_error(api, cursor, ordering):
    in_days(10)
    answer = api.get("/api/v1/concerts/", {"cursor": cursor, "ordering": ordering})
    assert answer.status_code in (200, 404)
