"""Several APIs behind the gateway: one may die, and one is taken out before it is stopped."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

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
