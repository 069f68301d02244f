"""`stream_url` in both public documents: named while the streams are open, and only then."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from kernel.caching import live_streams
from tests.support.factories import make_performance
from tests.support.small_server import served
from tests.support.waiting import await_that
from tests.support.waiting_rooms import make_room, queue_url

ADDRESSES = {
    "queue": queue_url,
    "availability": lambda performance: f"/api/v1/performances/{performance.pk}/availability/",
}


class Health:
    """What the health document of the streams says."""

    def __init__(self) -> None:
        self.body: bytes = b""
        self.url = ""

    def say(self, status: str) -> None:
        self.body = json.dumps({"status": status}).encode()
        live_streams.open_streams.refresh()


@pytest.fixture
def health(settings, monkeypatch) -> Iterator[Health]:
    """Streams whose health a test decides, read when it says so."""
    found = Health()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *args: Any) -> None:
            pass

    monkeypatch.setattr(live_streams, "open_streams", live_streams.OpenStreams())
    live_streams.open_streams.is_started = True  # no thread: the test reads
    with served(Handler) as url:
        settings.STREAM_HEALTH_URL = found.url = f"{url}/healthz/ready"
        yield found
    live_streams.open_streams._client.close()


def shown(api, kind: str) -> tuple[str | None, str]:
    """Return what the document of a new performance names, and what it should name."""
    performance = make_room(performance=make_performance(seats=2))
    url = ADDRESSES[kind](performance)
    return api.get(url).json()["stream_url"], f"{url}stream/"


@pytest.mark.parametrize("kind", ADDRESSES)
def test_it_is_named_while_the_streams_are_open(api, health: Health, kind: str):
    health.say("open")
    found, wanted = shown(api, kind)
    assert found == wanted


@pytest.mark.parametrize("kind", ADDRESSES)
@pytest.mark.parametrize("status", ["full", "draining", "something else"])
def test_it_is_null_while_they_take_nobody(api, health: Health, kind: str, status: str):
    health.say("open")
    health.say(status)
    assert shown(api, kind)[0] is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"open", b'{"status": '])
def test_health_that_is_none_is_not_open(api, health: Health, body: bytes):
    health.say("open")
    health.body = body
    live_streams.open_streams.refresh()
    assert shown(api, "queue")[0] is None


def test_a_process_that_is_gone_is_not_open(api, health: Health, settings):
    health.say("open")
    settings.STREAM_HEALTH_URL = "http://127.0.0.1:1/healthz/ready"
    live_streams.open_streams.refresh()
    assert shown(api, "availability")[0] is None


def test_without_streams_nobody_is_asked(api, health: Health, settings):
    health.say("open")
    settings.STREAM_HEALTH_URL = ""
    assert shown(api, "queue")[0] is None


def test_the_entity_tag_says_that_there_is_a_stream_now(api, health: Health):
    health.say("full")
    performance = make_room(performance=make_performance(seats=2))
    url = ADDRESSES["availability"](performance)
    before = api.get(url)
    health.say("open")

    def is_named() -> bool:
        return api.get(url, headers={"If-None-Match": before["ETag"]}).status_code == 200

    await_that(is_named, "the document differs", seconds=20)


@pytest.mark.parametrize("kind", ADDRESSES)
def test_past_the_gateway_there_is_no_stream(api, kind: str):
    refused = api.get(
        f"{ADDRESSES[kind](make_room(performance=make_performance(seats=2)))}stream/",
        headers={"accept-language": "en"},
    )
    assert (refused.status_code, refused.json()["code"]) == (503, "stream_full")
    assert refused["Retry-After"] == "10"
