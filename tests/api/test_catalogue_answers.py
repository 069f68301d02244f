"""The catalogue's answers: what they hold, in which language, and what they refuse."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from catalogue.documents import encode
from concerts.models import Concert, Performance
from concerts.usecases import programme
from kernel import clock
from kernel.ids import uuid7
from queueing.usecases import config
from reservations.models import SalePolicy, SeatInventory
from tests.support import catalogue, factories

NOW = clock.now()


@pytest.fixture(autouse=True)
def _nothing_kept(db_ready):
    catalogue.forget_documents()


def titles(api, query: str = "") -> list[str]:
    answer = api.get(f"/api/v1/concerts/{query}", headers={"accept-language": "en"})
    assert answer.status_code == 200, answer.content
    return [concert["title"] for concert in answer.json()["results"]]


def in_days(days: int, **concert) -> Performance:
    performance = factories.make_performance(seats=2, concert=factories.make_concert(**concert))
    Performance.objects.filter(pk=performance.pk).update(starts_at=NOW + timedelta(days=days))
    return performance


def test_a_concert_speaks_the_language_asked_for(api):
    performance = factories.make_performance(seats=2)
    address = f"/api/v1/concerts/{performance.concert_id}/"
    korean = api.get(address, headers={"accept-language": "ko"})
    english = api.get(address, headers={"accept-language": "en-GB,en;q=0.9"})
    assert (korean.json()["title"], english.json()["title"]) == ("가을밤", "Autumn Night")
    assert korean.json()["venue"]["name"] == "잠실 실내체육관"
    assert "Accept-Language" in korean["Vary"]
    assert api.get(address).json()["title"] == "가을밤"


def test_a_missing_translation_shows_the_other_language(api):
    performance = factories.make_performance(seats=2, concert=factories.make_concert(title_en=""))
    address = f"/api/v1/concerts/{performance.concert_id}/"
    assert api.get(address, headers={"accept-language": "en"}).json()["title"] == "가을밤"


@pytest.mark.parametrize("hidden", ["draft", "deleted", "deleted performance"])
def test_what_is_not_public_is_nowhere(api, hidden):
    performance = factories.make_performance(seats=2)
    if hidden == "draft":
        Concert.objects.update(published_at=None)
    elif hidden == "deleted":
        Concert.objects.update(deleted_at=NOW)
    else:
        Performance.objects.update(deleted_at=NOW)
    base = f"/api/v1/performances/{performance.pk}/"
    for part in ("", "seatmap/", "availability/", "seats/"):
        answer = api.get(base + part)
        assert (answer.status_code, answer.json()["code"]) == (404, "performance_not_found"), part
    concert = f"/api/v1/concerts/{performance.concert_id}/"
    if hidden == "deleted performance":
        assert api.get(concert + "performances/").json()["results"] == []
        assert api.get(concert).json()["first_performance_at"] is None
        return
    assert titles(api) == []
    for part in ("", "performances/"):
        answer = api.get(concert + part)
        assert (answer.status_code, answer.json()["code"]) == (404, "concert_not_found")


def test_unpublishing_shows_in_the_very_next_answer(api):
    performance = factories.make_performance(seats=2)
    address = f"/api/v1/performances/{performance.pk}/seatmap/"
    assert api.get(address).status_code == 200
    assert titles(api) == ["Autumn Night"]
    programme.unpublish(
        concert_id=performance.concert_id, actor_id=None, reason="test", now=clock.now()
    )
    assert titles(api) == []
    assert api.get(address).status_code == 404


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


def test_a_performance_tells_its_sale(api):
    performance = factories.make_performance(seats=4, price=99_000, max_seats_per_fan=3)
    now = clock.now()
    opened = now - timedelta(hours=2)
    config.set_config(
        performance_id=performance.pk,
        changes={"queue_opens_at": opened, "state": "OPEN"},
        actor_id=None,
        reason="test",
        now=now,
    )
    shown = api.get(f"/api/v1/performances/{performance.pk}/").json()
    terms = SalePolicy.objects.get(pk=performance.pk)
    row = Performance.objects.get(pk=performance.pk)
    assert shown == {
        **json.loads(encode({name: getattr(row, name) for name in Performance.PUBLIC_FIELDS})),
        "id": str(performance.pk),
        "concert_id": str(performance.concert_id),
        "timezone": "Asia/Seoul",
        "queue_opens_at": z(opened),
        "sale_opens_at": z(terms.sale_opens_at),
        "sale_closes_at": z(terms.sale_closes_at),
        "sale_state": "ON_SALE",
        "queue_required": True,
        "hold_seconds": 300,
        "max_seats_per_fan": 3,
        "grades": [
            {
                "code": "R",
                "name": "R석",
                "price": {"amount": 99_000, "currency": "KRW"},
                "seats_available": 4,
            }
        ],
        "seats_total": 4,
        "seats_available": 4,
    }
    assert (shown["starts_at"], shown["doors_open_at"]) == (z(performance.starts_at), None)
    listed = api.get(f"/api/v1/concerts/{performance.concert_id}/performances/").json()
    assert listed == {"results": [shown], "next": None, "previous": None}


def z(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def test_a_concert_spans_its_performances_and_prices(api):
    first = factories.make_performance(seats=1, price=50_000)
    factories.make_performance(
        seats=1, price=80_000, concert=first.concert, now=NOW + timedelta(days=3), on_sale=False
    )
    shown = api.get(f"/api/v1/concerts/{first.concert_id}/").json()
    assert shown["price_range"] == {
        "min": {"amount": 50_000, "currency": "KRW"},
        "max": {"amount": 80_000, "currency": "KRW"},
    }
    assert shown["first_performance_at"] < shown["last_performance_at"]
    assert shown["sale_state"] == "ON_SALE"


def test_a_token_that_is_no_good_does_not_shut_the_public_out(api):
    in_days(10)
    answer = api.get("/api/v1/concerts/", headers={"authorization": "Bearer nonsense"})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "address",
    [
        "concerts/{0}/",
        "concerts/{0}/performances/",
        "performances/{0}/",
        "performances/{0}/seatmap/",
        "performances/{0}/availability/",
        "performances/{0}/seats/",
    ],
)
def test_unknown_ids_are_problems(api, address):
    answer = api.get("/api/v1/" + address.format(uuid4()))
    assert answer.status_code == 404
    assert answer.json()["code"] in {"concert_not_found", "performance_not_found"}
    malformed = api.get("/api/v1/" + address.format("x"))
    assert (malformed.status_code, malformed.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_here_writes(api, method):
    assert getattr(api, method)("/api/v1/concerts/").status_code == 405


def test_answers_have_the_published_form(api):
    performance = factories.make_performance(seats=3)
    base, concert = (
        f"/api/v1/performances/{performance.pk}/",
        f"/api/v1/concerts/{performance.concert_id}/",
    )
    schema = api.get("/api/schema/?format=json").json()
    for operation, address in {
        "concert_list": "/api/v1/concerts/",
        "concert_detail": concert,
        "performance_list": concert + "performances/",
        "performance_detail": base,
        "seat_map": base + "seatmap/",
        "availability": base + "availability/",
        "seat_list": base + "seats/",
    }.items():
        [found] = [
            path["get"]
            for path in schema["paths"].values()
            if path.get("get", {}).get("operationId") == operation
        ]
        form = found["responses"]["200"]["content"]["application/json"]["schema"]
        validator = Draft202012Validator({**form, "components": schema["components"]})
        body = json.loads(api.get(address).content)
        nullable = [e for e in validator.iter_errors(body) if e.validator != "type"]
        wrong_types = [e for e in validator.iter_errors(body) if e.instance is not None]
        assert not nullable + wrong_types, operation
