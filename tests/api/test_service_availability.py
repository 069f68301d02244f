"""The service answers availability as the API does, from copies that are never old."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connections

from concerts.models import Performance
from fastpath import availability
from fastpath.service import FastPathService
from kernel import clock
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from tests.support.factories import make_concert, make_performance, make_user, seat_ids
from tests.support.holding import place
from tests.support.service import ServiceTwins, answer_to, exchanges, request_of
from tests.support.wsgi import bearer, environment


@pytest.fixture
def twins(db_ready, monkeypatch):
    moment = clock.now().replace(microsecond=123_000)
    monkeypatch.setattr(clock, "now", lambda: moment)
    monkeypatch.setattr("time.time", moment.timestamp)
    throttle.forget_callers()
    yield ServiceTwins()
    throttle.forget_callers()


def url_of(performance_id) -> str:
    return f"/api/v1/performances/{performance_id}/availability/"


def on_sale():
    performance = make_performance(seats=6)
    place(make_user(), performance, seat_ids(performance, 2))
    return performance.pk


def not_on_sale():
    return make_performance(seats=3, on_sale=False).pk


def without_seats():
    return make_performance(seats=0, on_sale=False).pk


def withdrawn():
    return make_performance(seats=1, concert=make_concert(published=False)).pk


def deleted():
    performance = make_performance(seats=1)
    Performance.objects.filter(pk=performance.pk).update(deleted_at=clock.now())
    return performance.pk


MAKE = [on_sale, not_on_sale, without_seats, withdrawn, deleted, uuid7]


@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("make", MAKE, ids=lambda make: make.__name__)
def test_every_state_reads_the_same(twins, make, language, login):
    environ = environment("GET", url_of(make()), HTTP_ACCEPT_LANGUAGE=language)
    if login:
        environ["HTTP_AUTHORIZATION"] = bearer(make_user())
    slow, fast = twins.both(environ)
    assert twins.passed_on == 0, "Django was needed"
    assert (fast.status, fast.body) == (slow.status, slow.body)
    assert fast.headers == slow.headers


@pytest.mark.parametrize(
    "more",
    [{"HTTP_IF_NONE_MATCH": "*"}, {"HTTP_IF_MATCH": '"x"'}, {"QUERY_STRING": "a=b"},
     {"HTTP_COOKIE": "a=b"}, {"REQUEST_METHOD": "HEAD"}, {"REQUEST_METHOD": "POST"}],
    ids=lambda more: next(iter(more.items())),
)  # fmt: skip
def test_conditions_and_whatever_is_unusual_go_on_to_django(twins, more):
    environ = environment("GET", url_of(on_sale())) | more
    slow, fast = twins.both(environ)
    assert twins.passed_on == 1
    assert fast == slow


def test_who_has_the_tag_of_the_service_gets_304_from_django(twins):
    environ = environment("GET", url_of(on_sale()))
    _, fast = twins.both(environ)
    slow, again = twins.both({**environ, "HTTP_IF_NONE_MATCH": fast.header("ETag")})
    assert again.status == slow.status == "304 Not Modified"


@pytest.mark.parametrize("path", ["{}x", "{}?", "/{}"])
def test_another_spelling_of_an_address_is_handed_over(path, db_ready):
    environ = environment("GET", path.format(url_of(on_sale())))
    [made] = exchanges([environ])
    assert made.is_handed_over


def test_the_database_unavailable_reads_the_same(twins, monkeypatch):
    """Django has a document that it may send for a second; without one both refuse alike."""

    def fail(*_, **__):
        raise OperationalError("the database is unavailable")

    environ = environment("GET", url_of(on_sale()))
    monkeypatch.setattr("catalogue.queries.availability", fail)
    slow, fast = twins.both(environ)
    assert fast.status[:3] == slow.status[:3] == "503"
    assert (fast.body, fast.headers) == (slow.body, slow.headers)


# --- copies


class Reader:
    """Somebody who looks at one performance through a service of his own."""

    def __init__(self, performance_id, executor) -> None:
        self.performance_id = performance_id
        self._service = FastPathService(executor)
        self.copies = self._service._routes[-1]._copies

    async def look(self) -> dict:
        """Return the document."""
        environ = environment("GET", url_of(self.performance_id))
        response = await answer_to(self._service, request_of(environ))
        assert response.status == 200
        return json.loads(response.body)


def looking(performance, work):
    """Return what `work` does with a reader of a performance on one event loop."""

    async def run(executor):
        return await work(Reader(performance.pk, executor))

    with ThreadPoolExecutor(2) as executor:
        return asyncio.run(run(executor))


async def until(condition):
    """Wait for a condition, itself to be awaited."""
    async with asyncio.timeout(15):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def built(monkeypatch):
    """Count the documents that are built, by performance."""
    found = []
    build = availability.availability_document

    def counting(performance_id, *, now):
        found.append(performance_id)
        return build(performance_id, now=now)

    monkeypatch.setattr(availability, "availability_document", counting)
    return found


@pytest.fixture
def hall(db_ready):
    return make_performance(seats=2)


def test_a_crowd_that_looks_at_once_costs_one_query(hall, built):
    async def work(reader):
        return await asyncio.gather(*(reader.look() for _ in range(200)))

    assert {one["statuses"] for one in looking(hall, work)} == {"AA"}
    assert built == [hall.pk]


def test_a_copy_that_is_used_is_renewed_and_one_that_is_not_is_forgotten(hall, built):
    async def work(reader):
        first = await reader.look()

        async def is_renewed():
            return (await reader.look())["as_of"] != first["as_of"]

        async def is_forgotten():
            return not reader.copies

        await until(is_renewed)
        await until(is_forgotten)

    looking(hall, work)
    # The last one is made for who has looked at the one before, and then nobody comes.
    assert len(built) == 3


def test_a_seat_that_is_held_is_seen_although_somebody_always_looks(hall):
    fan, [seat, _] = make_user(), seat_ids(hall)

    async def work(reader):
        assert (await reader.look())["statuses"] == "AA"
        await asyncio.to_thread(in_a_thread, lambda: place(fan, hall, [seat]))

        async def is_seen():
            return (await reader.look())["statuses"] == "TA"

        await until(is_seen)

    looking(hall, work)


def in_a_thread(work):
    try:
        work()
    finally:
        connections.close_all()


async def moments_of_an_old_copy(reader) -> set[str]:
    """Look, let the copy grow too old, look again; return what both saw."""
    first = await reader.look()
    reader.copies[reader.performance_id].since -= availability.RENEW_SECONDS * 2
    return {first["as_of"], (await reader.look())["as_of"]}


def test_a_copy_that_has_grown_old_is_sent_to_nobody(hall):
    assert len(looking(hall, moments_of_an_old_copy)) == 2


@pytest.mark.control
def test_control_without_the_bound_of_age_it_would_be(hall, monkeypatch):
    monkeypatch.setattr(availability, "USABLE_SECONDS", 3600.0)
    assert len(looking(hall, moments_of_an_old_copy)) == 1


def test_a_withdrawn_performance_is_refused_as_soon_as_its_copy_is_renewed(hall):
    async def work(reader):
        await reader.look()
        await asyncio.to_thread(in_a_thread, lambda: withdraw(hall))
        request = request_of(environment("GET", url_of(hall.pk)))

        async def is_refused():
            return (await answer_to(reader._service, request)).status == 404

        await until(is_refused)
        assert not reader.copies

    looking(hall, work)


def withdraw(performance):
    Performance.objects.filter(pk=performance.pk).update(deleted_at=clock.now())


def test_more_performances_than_are_kept_are_built_for_each_reader(hall, built, monkeypatch):
    monkeypatch.setattr(availability, "_COPIES", 0)

    async def work(reader):
        for _ in range(3):
            await reader.look()

    looking(hall, work)
    assert len(built) == 3


def test_who_leaves_while_it_is_built_takes_nothing_from_the_others(hall, built):
    async def work(reader):
        first, second = (asyncio.ensure_future(reader.look()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert looking(hall, work)["statuses"] == "AA"
    assert len(built) == 1
