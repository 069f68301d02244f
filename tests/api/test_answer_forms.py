"""Answers have one form: of their times (Note [One form of times]) and of a wrong method."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from accounts.models import User
from concerts.models import Performance
from events import cloudevents
from events.cloudevents import Event
from events.models import OutboxEvent
from kernel import clock
from kernel.http import rendering
from queueing.usecases import draws, waiting_room
from reservations.models import SalePolicy
from tests.support import factories
from tests.support.hostile import Caller, code_of
from tests.support.money import give_points, new_key
from tests.support.routes import routes
from tests.support.waiting import await_that
from tests.support.waiting_rooms import make_room, place_url, queue_url

pytestmark = pytest.mark.usefixtures("charging")

BASE = "/api/v1/"
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN_METHODS = ("TRACE", "CONNECT", "BREW", "PROPFIND")


def times_in(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the names and texts of all times in a JSON document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from times_in(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from times_in(inner, name)
    elif isinstance(value, str) and TIME.fullmatch(value):
        yield name, value


# Documents of machines, of what has been bought and goes back, and of what never happens.
NOT_WALKED = (
    *("Admission", "BatchScan", "Cancellation", "Checkin", "Offer", "ProofViolation", "Quote"),
    "Webhook",
)


def published_times() -> set[str]:
    """Return the names of the times that the API describes to fans, but for a quote's."""
    schemas = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]
    return {
        name
        for title, schema in schemas.items()
        if not title.startswith(NOT_WALKED)
        for name, form in schema.get("properties", {}).items()
        if form.get("format") == "date-time"
    }


class Walk:
    """A fan's way through the whole API, each answer kept."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.answers: list[Any] = []

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.caller.send(method, BASE + path, content, headers=headers)
        document = json.loads(answer.content)
        self.answers.append(document)
        return document


def walk_everywhere(caller: Caller, fan: User) -> list[Any]:
    """Ask for every document that holds times, of Django and of the fast paths."""
    walk = Walk(caller)
    performance = factories.make_performance(seats=4)
    performance.doors_open_at = performance.starts_at - timedelta(microseconds=1)
    performance.save()
    give_points(fan, 1_000_000)
    walk("GET", "concerts/")
    walk("GET", f"concerts/{performance.concert_id}/")
    walk("GET", f"concerts/{performance.concert_id}/performances/")
    for part in ("", "availability/", "seats/", "seatmap/", "proof/"):
        walk("GET", f"performances/{performance.pk}/{part}")
    seats = [str(seat) for seat in factories.seat_ids(performance, 2)]
    wish = {"performance_id": str(performance.pk), "seat_ids": seats[:1]}
    walk("POST", "reservations/", wish, **{"Idempotency-Key": new_key()})  # Django
    walk("POST", f"reservations/{walk.answers[-1]['id']}/extend/")
    paid = {"reservation_id": walk.answers[-1]["id"], "method": "POINTS"}
    walk("POST", "payments/", paid, **{"Idempotency-Key": new_key()})
    walk("GET", f"payments/{walk.answers[-1]['id']}/")
    walk("POST", "points/charges/", {"amount": 5000}, **{"Idempotency-Key": new_key()})
    walk("GET", f"points/charges/{walk.answers[-1]['id']}/")
    for path in ("reservations/", "points/entries/", "tickets/"):
        walk("GET", path)
    walk("GET", f"tickets/{walk.answers[-1]['results'][0]['id']}/")
    later = factories.make_performance(seats=1)
    opens = clock.now() + timedelta(days=1)
    SalePolicy.objects.filter(pk=later.pk).update(sale_opens_at=opens)
    seat = [str(seat) for seat in factories.seat_ids(later, 1)]
    refused = walk("POST", "reservations/", {"performance_id": str(later.pk), "seat_ids": seat})
    assert refused["code"] == "sale_not_open"
    walk_through_a_room(walk)
    return walk.answers


def walk_through_a_room(walk: Walk) -> None:
    """Join, poll until admitted, by the fast path and by Django, and meet a room still shut."""
    room, shut = make_room(), make_room(queue_opens_at=clock.now() + timedelta(hours=1))
    place = walk("POST", queue_url(room).removeprefix(BASE))
    mine, token = place_url(room).removeprefix(BASE), {"X-Queue-Token": place["token"]}
    await_that(
        lambda: walk("GET", mine, **token)["admitted_until"] is not None, "the fan is admitted"
    )
    walk("GET", f"{mine}?by=django", **token)
    for one in (room, shut):
        walk("GET", queue_url(one).removeprefix(BASE))
        walk("GET", f"{queue_url(one).removeprefix(BASE)}?by=django")
    assert walk("POST", queue_url(shut).removeprefix(BASE))["code"] == "queue_not_open"
    walk_through_a_draw(walk, shut)


def walk_through_a_draw(walk: Walk, room: Performance) -> None:
    """See what a draw is committed to, and which beacon decides it."""
    now = clock.now()
    waiting_room.advance(now=now)
    draws.announce_beacon(
        performance_id=room.pk,
        source="a lottery",
        round_="1",
        published_at=now + timedelta(minutes=20),
        actor_id=None,
        reason="to see its time",
        now=now,
    )
    walk("GET", f"performances/{room.pk}/draw/")


@pytest.fixture
def uneven_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every moment end in microseconds."""
    present = clock.now
    monkeypatch.setattr(clock, "now", lambda: present().replace(microsecond=123_456))


def wrong_times(caller: Caller, fan: User) -> list[tuple[str, str]]:
    """Return the times of another form in answers and events; each published one was seen."""
    answers = walk_everywhere(caller, fan)
    events = [json.loads(cloudevents.dump(as_received(row))) for row in OutboxEvent.objects.all()]
    found = [one for document in (*answers, *events) for one in times_in(document)]
    assert published_times() | {"time", "opens_at", "queue_opens_at"} <= {name for name, _ in found}
    return [one for one in found if not FORM.fullmatch(one[1])]


def as_received(row: OutboxEvent) -> Event:
    return Event(
        id=row.pk,
        source=row.source,
        type=row.type,
        subject=str(row.aggregate_id),
        time=row.created_at,
        data=row.data,
    )


@pytest.mark.usefixtures("uneven_clock")
def test_every_time_in_every_answer_and_event_has_one_form(caller: Caller, fan: User):
    assert wrong_times(caller, fan) == []


@pytest.mark.control
def test_control_times_as_python_writes_them_would_be_seen(caller, fan, monkeypatch):
    monkeypatch.setattr(clock, "as_text", lambda moment: moment.isoformat())
    assert wrong_times(caller, fan)


def test_a_time_is_cut_to_the_millisecond_and_given_in_utc():
    moment = datetime(2027, 1, 1, 8, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=9)))
    assert clock.as_text(moment) == "2026-12-31T23:59:59.999Z"
    assert clock.as_text(moment.replace(microsecond=0)) == "2026-12-31T23:59:59.000Z"
    assert clock.as_text(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00.000Z"
    assert json.loads(rendering.Encoder().encode({"at": moment})) == {
        "at": "2026-12-31T23:59:59.999Z"
    }


# People open these, or their pages ask for them under the session of staff: tests/pages.
OWN_PAGES = ("admin/", "_allauth/", "ko/", "files/", "door/")


@pytest.mark.parametrize(
    "path", [one.url() for one in routes() if not one.route.startswith(OWN_PAGES)]
)
def test_a_wrong_method_gets_the_right_ones_in_allow(path: str, caller: Caller):
    allowed = caller.send("OPTIONS", path).headers.get("Allow", "GET, HEAD, OPTIONS").split(", ")
    wrong = [m for m in ("POST", "PUT", "PATCH", "DELETE") if m not in allowed]
    for method in (*wrong, *UNKNOWN_METHODS):
        answer = caller.send(method, path)
        assert code_of(answer) == (405, "method_not_allowed"), method
        assert {"GET", "POST", "DELETE"} & set(answer.headers["Allow"].split(", ")), method
        assert method not in answer.headers["Allow"].split(", ")


def test_the_login_api_tells_which_methods_are_right_too(nobody: Caller):
    for method in ("POST", *UNKNOWN_METHODS):
        answer = nobody.send(method, "/_allauth/app/v1/config", b"{}")
        assert code_of(answer) == (405, "method_not_allowed"), method
        assert "GET" in answer.headers["Allow"]
