"""Several APIs behind the gateway: one may die, and one is taken out before it is stopped."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from stack.errors import StackError
from stack.gateway import server
from stack.service import free_ports
from tests.stack.entry import Api, Entry, stand_in, started
from tests.support.interleaving import InBackground
from tests.support.waiting import await_that

POSTS = 60
PATH = "/api/v1/points/charges/"


@contextmanager
def two_apis(nginx, folders) -> Iterator[tuple[Api, Api, Entry]]:
    [nobody] = free_ports(1)
    with (
        stand_in() as first,
        stand_in() as second,
        started(
            nginx,
            first,
            folders.mktemp("gateway"),
            service_port=nobody,
            others={"api-2": second.server_address[1]},
        ) as entry,
    ):
        yield first, second, entry


@pytest.fixture
def apis(nginx, tmp_path_factory) -> Iterator[tuple[Api, Api, Entry]]:
    with two_apis(nginx, tmp_path_factory) as made:
        yield made


def workers(entry: Entry) -> list[int]:
    """Return the processes that nginx's master has now."""
    try:
        return [one.pid for one in psutil.Process(entry.gateway.pid).children()]
    except psutil.NoSuchProcess:
        return []


def posts(entry: Entry, count: int = POSTS) -> list[int]:
    """Return the statuses of requests that may have an effect, each on a connection of its own."""
    url = f"{entry.base_url}{PATH}"
    return [httpx.post(url, json={}, trust_env=False).status_code for _ in range(count)]


def test_they_take_turns(apis):
    first, second, entry = apis
    assert posts(entry) == [200] * POSTS
    assert min(len(first.seen), len(second.seen)) > POSTS / 4


def test_one_that_nobody_can_reach_is_missed_by_nobody(nginx, tmp_path_factory):
    nobody, other = free_ports(2)
    with (
        stand_in() as api,
        started(
            nginx,
            api,
            tmp_path_factory.mktemp("gateway"),
            service_port=nobody,
            others={"api-2": other},
        ) as entry,
    ):
        assert posts(entry) == [200] * POSTS
        assert len(api.seen) == POSTS


def stopped_amid_requests(api: Api, entry: Entry, *, drained: bool) -> list[int]:
    """Return what fans see of an API that hangs up on what it reads, as one does that ends."""
    if drained:
        entry.gateway.send_nothing_to("api")
    api.breaks = True
    return posts(entry)


def test_one_that_was_drained_may_stop_and_nobody_notices(apis):
    first, second, entry = apis
    assert stopped_amid_requests(first, entry, drained=True) == [200] * POSTS
    assert (len(first.seen), len(second.seen)) == (0, POSTS)
    first.breaks = False
    entry.gateway.send_again_to("api")
    assert posts(entry) == [200] * POSTS
    assert first.seen


@pytest.mark.control
def test_control_one_that_stops_undrained_fails_some(apis):
    first, _, entry = apis
    assert 503 in stopped_amid_requests(first, entry, drained=False)


def test_where_all_are_drained_they_are_asked_all_the_same(apis):
    _, _, entry = apis
    for name in ("api", "api-2"):
        entry.gateway.send_nothing_to(name)
    assert posts(entry) == [200] * POSTS


def test_connections_that_clients_keep_outlive_a_drain(apis):
    _, second, entry = apis
    with httpx.Client(base_url=entry.base_url, trust_env=False) as client:
        assert client.post(PATH, json={}).status_code == 200
        [kept] = client._transport._pool.connections
        entry.gateway.send_nothing_to("api")
        assert client.post(PATH, json={}).status_code == 200
        assert client._transport._pool.connections == [kept]
    assert second.seen


ADDRESSES = ("/", "/api/v1/concerts/?a=%20b&c", "/ko/me/%ED%95%9C/", "/a%3Fb/%2525?d")


def test_before_a_reload_responses_end_their_connections_and_change_nothing_else(apis):
    first, second, entry = apis
    usual = [entry.get(address) for address in ADDRESSES]
    seen = [one[":path"] for one in [*first.seen, *second.seen]]
    first.forget()
    second.forget()
    entry.gateway.take_out("gateway")
    ending = [entry.get(address) for address in ADDRESSES]
    assert {one.headers["connection"] for one in usual} == {"keep-alive"}
    assert {one.headers["connection"] for one in ending} == {"close"}
    assert [one.status_code for one in ending] == [one.status_code for one in usual]
    assert sorted(one[":path"] for one in [*first.seen, *second.seen]) == sorted(seen)
    assert posts(entry, 3) == [200] * 3


def test_places_of_the_gateways_own_stay_closed_meanwhile(apis):
    _, _, entry = apis
    entry.gateway.take_out("gateway")
    for address in ("/.problem", "/.page", "/.closing/", "/.closing/.problem"):
        assert entry.get(address).status_code == 404


def test_a_reload_loses_no_request_on_connections_that_clients_keep(apis, monkeypatch):
    _, _, entry = apis
    monkeypatch.setattr(server, "CLOSING_SECONDS", 2.0)
    ended = threading.Event()

    def buy() -> set[int]:
        with httpx.Client(base_url=entry.base_url, trust_env=False, timeout=60) as kept:
            statuses = {kept.post(PATH, json={}).status_code}
            while not ended.is_set():
                statuses.add(kept.post(PATH, json={}).status_code)
        return statuses

    fans = [InBackground(buy) for _ in range(4)]
    entry.gateway.reload()
    ended.set()
    assert [one.result() for one in fans] == [{200}] * 4


def test_a_reload_refuses_nobody_and_answers_what_was_begun(apis, monkeypatch):
    first, _, entry = apis
    monkeypatch.setattr(server, "CLOSING_SECONDS", 0.1)
    before = set(workers(entry))
    first.delay = 1.0
    slow = [InBackground(lambda: posts(entry, 1)) for _ in range(4)]
    await_that(lambda: first.seen, "the first reads a request")
    entry.gateway.reload()
    assert posts(entry, 5) == [200] * 5
    assert [one.result() for one in slow] == [[200]] * 4
    await_that(lambda: not before & set(workers(entry)), "the old workers are gone")


@pytest.mark.control
def test_control_one_that_is_stopped_and_started_refuses(apis):
    _, _, entry = apis
    psutil.Process(entry.gateway.pid).terminate()
    await_that(lambda: not workers(entry), "nginx has ended")
    with pytest.raises(httpx.ConnectError):
        posts(entry, 1)


def test_what_nginx_does_not_take_changes_nothing(apis, monkeypatch):
    _, _, entry = apis
    before = set(workers(entry))
    monkeypatch.setattr(server, "RELOAD_SECONDS", 1.0)
    monkeypatch.setattr(server, "CLOSING_SECONDS", 0.1)
    monkeypatch.setattr(entry.gateway, "configuration", lambda: "nonsense;")
    with pytest.raises(StackError, match="did not take"):
        entry.gateway.reload()
    assert set(workers(entry)) == before
    assert posts(entry, 5) == [200] * 5


def test_what_was_begun_is_answered_while_nothing_new_comes(apis):
    first, second, entry = apis
    entry.gateway.send_nothing_to("api-2")
    first.delay = 1.0
    slow = InBackground(lambda: posts(entry, 1))
    await_that(lambda: first.seen, "the first reads a request")
    entry.gateway.send_again_to("api-2")
    entry.gateway.send_nothing_to("api")
    assert posts(entry, 5) == [200] * 5
    assert slow.result() == [200]
    assert (len(first.seen), len(second.seen)) == (1, 5)
