"""The live streams of the running site, through the gateway."""

import time
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.event_stream import listening
from tests.support.site import Sale, Site
from tests.support.waiting import await_that

ROOM = {"rate_per_second": 1, "capacity": 1}


def document_of(site: Site, sale: Sale, kind: str) -> dict[str, Any]:
    found = site.http().get(f"/api/v1/performances/{sale.performance_id}/{kind}/")
    assert found.status_code == 200
    return dict(found.json())


def path_of(sale: Sale, kind: str) -> str:
    return f"/api/v1/performances/{sale.performance_id}/{kind}/stream/"


def await_open(site: Site, sale: Sale, kind: str = "availability") -> str:
    """Return the address that the document names, once it names one."""
    return str(
        await_that(lambda: document_of(site, sale, kind)["stream_url"], "the stream is open",
                   seconds=60)
    )  # fmt: skip


def hold(site: Site, sale: Sale, *indexes: int) -> None:
    [fan] = site.fans(1)
    seats = [sale.seat_ids[index] for index in indexes]
    body = {"performance_id": sale.performance_id, "seat_ids": seats}
    held = site.http(fan.access_token).post("/api/v1/reservations/", json=body)
    assert held.status_code == 201


@pytest.fixture(autouse=True)
def _the_streams_run(site: Site) -> Iterator[None]:
    yield
    if site.process("stream")["state"] != "running":
        site.part("start", "stream")


def test_a_hold_is_heard_and_leads_to_the_document(site: Site):
    sale = site.sale(seats=20)
    assert await_open(site, sale) == path_of(sale, "availability")
    with listening(site.http(), path_of(sale, "availability")) as reader:
        letters = list(document_of(site, sale, "availability")["statuses"])
        assert reader.next()["event"] == "seats"
        hold(site, sale, 3, 4)
        held_at = time.monotonic()
        said = reader.next("seats")
        assert time.monotonic() - held_at < 10  # a busy machine; the browser's test has the bar
        assert said["T"] == [3, 4]
        for index in said["T"]:
            letters[index] = "T"
        assert said["crc"] == zlib.crc32("".join(letters).encode())
        assert await_that(
            lambda: document_of(site, sale, "availability")["statuses"] == "".join(letters),
            "the document says the same",
        )


def test_a_waiting_room_s_status_is_heard(site: Site):
    sale = site.sale(seats=2, queue=ROOM)
    assert await_open(site, sale, "queue") == path_of(sale, "queue")
    with listening(site.http(), path_of(sale, "queue")) as reader:
        assert reader.next()["waiting"] == 0
        for fan in site.fans(3):
            joined = f"/api/v1/performances/{sale.performance_id}/queue/"
            assert site.http(fan.access_token).post(joined).status_code == 201
        for _name, data in reader.events():
            if data.get("waiting") == 2:
                break
        assert data["active"] == 1
        assert data["stream_url"] == path_of(sale, "queue")


def test_it_comes_unpacked_and_as_it_is(site: Site):
    sale = site.sale(seats=2)
    with listening(
        site.http(headers={"Accept-Encoding": "gzip", "Cookie": "a=b"}),
        path_of(sale, "availability"),
    ) as reader:
        reader.next()
        headers = reader.response.headers
        assert "content-encoding" not in headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        assert headers["x-request-id"]


@pytest.mark.parametrize("kind", ["queue", "availability"])
def test_what_there_is_not_is_refused(site: Site, kind: str):
    unknown = "0190a000-0000-7000-8000-000000000000"
    client = site.http()
    refused = client.get(f"/api/v1/performances/{unknown}/{kind}/stream/")
    assert (refused.status_code, refused.json()["code"]) == (404, "performance_not_found")
    malformed = client.get(f"/api/v1/performances/{unknown[:-1]}/{kind}/stream/")
    assert (malformed.status_code, malformed.json()["code"]) == (404, "not_found")
    for method in ("HEAD", "POST"):
        assert (
            client.request(method, f"/api/v1/performances/{unknown}/{kind}/stream/").status_code
            == 405
        )


def test_a_performance_without_a_waiting_room_has_no_status_to_hear(site: Site):
    sale = site.sale(seats=1, queue=None)
    refused = site.http().get(path_of(sale, "queue"))
    assert (refused.status_code, refused.json()["code"]) == (409, "queue_not_required")


def test_killed_it_is_named_no_more_and_named_again_once_it_is_back(site: Site):
    sale = site.sale(seats=20)
    await_open(site, sale)
    with listening(site.http(), path_of(sale, "availability")) as reader:
        reader.next()
        last_id = reader.last_id
        site.part("kill", "stream")
        with pytest.raises(httpx.HTTPError):
            list(reader.events())
    await_that(
        lambda: document_of(site, sale, "availability")["stream_url"] is None, "no stream is named"
    )
    refused = site.http().get(path_of(sale, "availability"))
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert refused.headers["retry-after"]
    hold(site, sale, 0)  # the sale needs no stream
    site.part("start", "stream")
    await_open(site, sale)
    with listening(site.http(), path_of(sale, "availability"), last_id=last_id) as reader:
        assert [reader.next()["event"] for _ in range(2)] == ["reload", "seats"]


def test_stopped_it_sends_its_listeners_off(site: Site):
    sale = site.sale(seats=2)
    await_open(site, sale)
    with listening(site.http(), path_of(sale, "availability")) as reader:
        reader.next()
        site.part("stop", "stream")
        assert {name for name, _ in reader.events()} <= {"alive"}
        assert len(reader.retries) == 2
    site.part("start", "stream")


def test_its_metrics_are_shown_on_a_port_of_its_own(site: Site):
    text = httpx.get(f"http://127.0.0.1:{site.port('stream-metrics')}/metrics").text
    assert 'frontrow_stream_connections{kind="availability"}' in text
    assert "frontrow_stream_lag_seconds_bucket" in text
