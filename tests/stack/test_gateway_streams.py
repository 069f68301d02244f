"""nginx before the live streams: what it passes on, and how many it lets be open."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.stack.entry import Api, Entry


@pytest.fixture
def stream() -> str:
    return f"/api/v1/performances/{uuid4()}/availability/stream/"


def test_of_a_caller_only_where_a_stream_ended_is_passed_on(client, service: Api, stream: str):
    service.hands_over = False
    mine = {
        "Authorization": "Bearer a",
        "Cookie": "a=b",
        "Accept-Encoding": "gzip",
        "Accept-Language": "en-GB,en",
        "Last-Event-ID": "a1b2c3d4-7",
        "X-Queue-Token": "t",
        "X-Forwarded-For": "192.0.2.1",
    }
    client.post(f"{stream}?a=b", headers=mine, content=b"body")
    seen = service.seen[-1]
    assert (seen[":method"], seen[":path"], seen[":body"]) == ("POST", stream, "")
    passed = {name: value for name, value in seen.items() if name in map(str.lower, mine)}
    assert passed == {"accept-language": "en", "last-event-id": "a1b2c3d4-7"}


def test_nothing_is_kept(client, service: Api, stream: str):
    service.hands_over = False
    service.cache_control = "max-age=60"
    bodies = {client.get(stream).content for _ in range(3)}
    assert len(bodies) == 3


def open_at_once(client: Entry, stream: str) -> list[int]:
    """Return the statuses of two streams that one caller opens at a time."""
    assert client.service
    client.service.hands_over = False
    client.service.delay = 1.0
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(client.get, [stream, stream]))
    return sorted(answer.status_code for answer in answers)


def test_one_caller_has_so_many_streams_at_most(template, another, stream: str):
    template("limit_conn streams_of_client 1000;", "limit_conn streams_of_client 1;")
    _, client = another(limits=True)
    assert open_at_once(client, stream) == [200, 503]


@pytest.mark.control
def test_control_without_limits_there_are_more(template, another, stream: str):
    template("limit_conn streams_of_client 1000;", "limit_conn streams_of_client 1;")
    _, client = another(limits=False)
    assert open_at_once(client, stream) == [200, 200]


def test_all_streams_together_leave_connections_to_others(template, another, stream: str):
    template("limit_conn streams ${STREAMS};", "limit_conn streams 1;")
    _, client = another(limits=False)
    assert open_at_once(client, stream) == [200, 503]
