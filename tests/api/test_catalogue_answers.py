"""The catalogue's answers: what they hold, in which language, and what they refuse."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from catalogue.documents import encode
from concerts.models import Concert, Performance
from concerts.usecases import programme
from kernel import clock
from queueing.usecases import config
from reservations.models import SalePolicy
from tests.support import catalogue, factories
from tests.support.catalogue import NOW, in_days, titles


@pytest.fixture(autouse=True)
def _nothing_kept(db_ready):
    catalogue.forget_documents()


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
