"""The live streams: the process before documents that a test writes."""

import socket
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from stack.service import HOST
from tests.support.event_stream import listening
from tests.support.stream_process import Documents, StreamProcess, api_of_documents
from tests.support.waiting import await_that

EVENTS = ("seats", "reload")


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    with api_of_documents() as made:
        yield made


@pytest.fixture(scope="module")
def streams(documents: Documents) -> Iterator[StreamProcess]:
    with StreamProcess(documents.url) as process:
        yield process


class Hall:
    """A performance of a test's own, whose seats it changes."""

    def __init__(self, documents: Documents, statuses: str = "A" * 20) -> None:
        self._documents = documents
        self.document = f"/api/v1/performances/{uuid4()}/availability/"
        self.path = f"{self.document}stream/"
        self.show(statuses)

    def show(self, statuses: str, layout: int = 1) -> int:
        """Change the document; return its CRC-32."""
        self._documents.set(self.document, {"layout_version": layout, "statuses": statuses})
        return zlib.crc32(statuses.encode())

    @property
    def reads(self) -> int:
        return self._documents.asked[self.document]


@pytest.fixture
def hall(documents: Documents) -> Hall:
    return Hall(documents)


def test_a_listener_begins_with_what_there_is_and_hears_each_change(streams, hall: Hall):
    with listening(streams.http, hall.path) as reader:
        first = reader.next()
        assert (first["event"], first["crc"]) == ("seats", zlib.crc32(b"A" * 20))
        assert not first.keys() & set("ATRB")
        crc = hall.show("AT" + "A" * 18)
        said = reader.next()
        assert said["event"] == "seats"
        assert (said["as_of"], said["crc"], said["T"]) == (reader_as_of(hall), crc, [1])
        crc = hall.show("TR" + "A" * 18)
        second = reader.next()
        assert (second["T"], second["R"], second["crc"]) == ([0], [1], crc)
        assert reader.response.headers["content-type"].startswith("text/event-stream")
        assert reader.response.headers["cache-control"] == "no-store"
        assert 1000 <= reader.retries[0] <= 4000


def reader_as_of(hall: Hall) -> str:
    return str(hall._documents.by_path[hall.document][1]["as_of"])


def test_a_status_is_sent_whole_when_it_changes(streams, documents: Documents):
    path = f"/api/v1/performances/{uuid4()}/queue/"
    documents.set(path, {"state": "OPEN", "serving": 5})
    with listening(streams.http, f"{path}stream/") as reader:
        assert reader.next()["serving"] == 5
        documents.set(path, {"state": "OPEN", "serving": 5})  # the moment alone is no news
        documents.set(path, {"state": "PAUSED", "serving": 6})
        said = reader.next()
        assert (said["event"], said["state"], said["serving"]) == ("status", "PAUSED", 6)


def test_another_layout_is_read_again(streams, hall: Hall):
    with listening(streams.http, hall.path) as reader:
        reader.next()
        hall.show("A" * 25, layout=2)
        assert reader.next(*EVENTS)["event"] == "reload"
        crc = hall.show("T" + "A" * 24, layout=2)
        assert reader.next()["crc"] == crc


def test_who_comes_back_hears_what_was_missed_also_after_nobody_listened(streams, hall: Hall):
    with listening(streams.http, hall.path) as reader:
        reader.next()
        hall.show("T" + "A" * 19)
        reader.next()
        last_id = reader.last_id
    crc = hall.show("TT" + "A" * 18)
    with listening(streams.http, hall.path, last_id=last_id) as reader:
        # Where the room is still read, it hears the change after its greeting.
        missed = next(data for name, data in reader.events() if name == "seats" and "T" in data)
        assert (missed["T"], missed["crc"]) == ([1], crc)


def test_who_comes_back_to_another_process_reads_the_document_again(streams, documents, hall: Hall):
    with listening(streams.http, hall.path) as reader:
        reader.next()
        last_id = reader.last_id
    with (
        StreamProcess(documents.url) as other,
        listening(other.http, hall.path, last_id=last_id) as reader,
    ):
        assert [reader.next()["event"] for _ in range(2)] == ["reload", "seats"]


def test_a_document_is_read_while_somebody_listens_and_once_for_all(streams, hall: Hall):
    with listening(streams.http, hall.path) as one, listening(streams.http, hall.path) as other:
        one.next()
        other.next()
        before = hall.reads
        await_that(lambda: hall.reads >= before + 3, "it is read again and again")
    await_that(lambda: streams.counted("frontrow_stream_connections") == 0, "they have left")
    streams.http.get("/healthz/live")

    def stands_still() -> bool:
        seen = hall.reads
        with socket.socket() as nobody:
            nobody.settimeout(1.2)
            nobody.bind((HOST, 0))
            nobody.listen()
            with pytest.raises(TimeoutError):
                nobody.accept()
        return hall.reads == seen

    await_that(stands_still, "it is read no more", seconds=60)


def test_the_api_is_asked_without_anything_of_the_listener(streams, documents, hall: Hall):
    headers = {"Authorization": "Bearer a.b.c", "Cookie": "a=b", "User-Agent": "a listener"}
    with streams.http.stream("GET", f"{hall.path}?a=b", headers=headers) as response:
        assert response.status_code == 200
    asked = documents.headers[-1]
    assert not asked.keys() & {"authorization", "cookie"}
    assert asked["user-agent"] != "a listener"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_an_unknown_performance_is_refused_by_the_api_s_own_words(streams, language: str):
    path = f"/api/v1/performances/{uuid4()}/availability/stream/"
    refused = streams.http.get(path, headers={"Accept-Language": language})
    assert refused.status_code == 404
    assert refused.json()["code"] == "performance_not_found"
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "identity",
    ["x", "0190a000", f"{uuid4()}x", str(uuid4()).replace("-", ""), "..%2f..%2fadmin", "%00"],
)
def test_a_malformed_id_asks_nobody(streams, documents: Documents, identity: str):
    before = sum(documents.asked.values())
    refused = streams.http.get(f"/api/v1/performances/{identity}/queue/stream/")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert sum(documents.asked.values()) == before


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(streams, hall: Hall, method: str):
    refused = streams.http.request(method, hall.path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    if method != "HEAD":
        assert refused.json()["code"] == "method_not_allowed"
    assert hall.reads == 0


@pytest.mark.parametrize(
    "document",
    [b"{", b"[]", {"statuses": "AXA", "layout_version": 1}, b'{"statuses":"' + b"A" * 2_000_000],
    ids=["no JSON", "no object", "another letter", "too large"],
)
def test_what_is_no_document_reaches_nobody(streams, documents: Documents, document):
    path = f"/api/v1/performances/{uuid4()}/availability/"
    if isinstance(document, bytes):
        documents.by_path[path] = (200, document)
    else:
        documents.set(path, document)
    refused = streams.http.get(f"{path}stream/")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert int(refused.headers["retry-after"]) > 0


def test_while_the_api_fails_listeners_stay_and_hear_on_later(streams, hall: Hall):
    with listening(streams.http, hall.path) as reader:
        reader.next()
        hall._documents.by_path[hall.document] = (500, {"code": "internal_error"})
        before = hall.reads
        await_that(lambda: hall.reads >= before + 2, "it was read and failed")
        crc = hall.show("TTTT" + "A" * 16)
        assert reader.next(*EVENTS)["crc"] == crc


def test_a_performance_that_is_withdrawn_ends_its_streams(streams, hall: Hall):
    with listening(streams.http, hall.path) as reader:
        reader.next()
        hall._documents.by_path[hall.document] = (404, {"code": "performance_not_found"})
        assert [name for name, _ in reader.events() if name != "alive"] == ["reload"]
    assert streams.http.get(hall.path).status_code == 404


def test_one_that_is_to_be_sent_nobody_says_so_and_takes_who_comes(
    documents: Documents, hall: Hall, tmp_path, monkeypatch
):
    drain = tmp_path / "drain"
    monkeypatch.setenv("DRAIN_FILE", str(drain))
    with StreamProcess(documents.url) as process:
        assert process.http.get("/healthz/ready").status_code == 200
        drain.touch()
        said = process.http.get("/healthz/ready")
        assert (said.status_code, said.json()["status"]) == (503, "draining")
        assert process.http.get("/healthz/live").status_code == 200
        with listening(process.http, hall.path) as reader:
            reader.next()


def test_a_full_process_says_so_and_takes_somebody_again(documents: Documents, hall: Hall):
    with StreamProcess(documents.url, connections=2) as process:
        with listening(process.http, hall.path) as one:
            assert process.http.get("/healthz/ready").json()["status"] == "open"
            with listening(process.http, hall.path) as other:
                one.next()
                other.next()
                refused = process.http.get(hall.path)
                assert (refused.status_code, refused.json()["code"]) == (503, "stream_full")
                assert int(refused.headers["retry-after"]) > 0
                assert process.http.get("/healthz/ready").json() == {
                    "status": "full",
                    "connections": 2,
                    "limit": 2,
                }
        await_that(
            lambda: process.http.get("/healthz/ready").json()["connections"] == 0, "they have left"
        )
        with listening(process.http, hall.path) as again:
            again.next()


def test_the_rooms_are_bounded(documents: Documents):
    halls = [Hall(documents) for _ in range(3)]
    with StreamProcess(documents.url, rooms=2) as process:
        with listening(process.http, halls[0].path), listening(process.http, halls[1].path):
            assert process.http.get(halls[2].path).json()["code"] == "stream_full"
            assert halls[2].reads == 0
        await_that(lambda: process.counted("frontrow_stream_connections") == 0, "they have left")

        def is_taken() -> bool:
            with process.http.stream("GET", halls[2].path) as response:
                return response.status_code == 200

        await_that(is_taken, "a room that nobody listens to makes way")


def test_made_up_performances_have_a_pace_of_their_own(documents: Documents, hall: Hall):
    paths = [f"/api/v1/performances/{uuid4()}/queue/stream/" for _ in range(12)]
    with (
        StreamProcess(documents.url, openings_per_second=1) as process,
        listening(process.http, hall.path) as reader,
    ):
        reader.next()
        with ThreadPoolExecutor(len(paths)) as pool:
            answers = list(pool.map(process.http.get, paths))
        assert {answer.status_code for answer in answers} == {404, 503}
        refused = [answer.json()["code"] for answer in answers if answer.status_code == 503]
        assert set(refused) == {"stream_full"}
        assert sum(documents.asked[path.removesuffix("stream/")] for path in paths) < len(paths)
        crc = hall.show("T" + "A" * 19)
        assert reader.next(*EVENTS)["crc"] == crc


def test_a_process_that_stops_sends_its_listeners_off_spread_out(documents: Documents, hall: Hall):
    with StreamProcess(documents.url, drain_seconds=30) as process:
        with listening(process.http, hall.path) as one, listening(process.http, hall.path) as other:
            one.next()
            other.next()
            process.stop()
            for reader in (one, other):
                assert {name for name, _ in reader.events()} <= {"alive"}  # it ends well
        retries = [reader.retries[-1] for reader in (one, other)]
        assert all(1000 <= retry <= 30_000 for retry in retries)
        assert retries[0] != retries[1]
        process.process.wait(timeout=30)


# --- readers who do not read


def not_reading(process: StreamProcess, hall: Hall) -> socket.socket:
    """Begin to listen, with small buffers, and read nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((HOST, process.port))
    connection.sendall(f"GET {hall.path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    await_that(lambda: process.counted("frontrow_stream_connections") >= 1, "it listens")
    return connection


def is_cut_amid(process: StreamProcess, hall: Hall) -> bool:
    """Change a hall of 4,900 seats 300 times, 8 MB in all: whether somebody was cut meanwhile."""
    with listening(process.http, hall.path) as reader:
        reader.next()
        for number in range(300):
            hall.show("AT"[number % 2 == 0] * 4_900)
            reader.next(*EVENTS)
            if number % 10 == 0 and process.counted("frontrow_stream_cut_total"):
                return True
    return bool(process.counted("frontrow_stream_cut_total"))


@pytest.fixture
def large(documents: Documents) -> Hall:
    return Hall(documents, "A" * 4_900)


QUICK = {"reads_per_second": 1000, "room_bytes": 67_108_864}


def test_a_reader_too_slow_for_its_buffer_is_cut_and_others_hear_on(documents, large: Hall):
    guards = "hub.READ_SECONDS=0.01"
    with StreamProcess(documents.url, without=guards, buffer_bytes=65_536, **QUICK) as process:
        connection = not_reading(process, large)
        if not is_cut_amid(process, large):  # it waits for the reader, but not for long
            await_that(
                lambda: process.counted("frontrow_stream_cut_total"), "it is cut", seconds=30
            )
        connection.close()


@pytest.mark.control
def test_control_without_the_guards_it_is_kept(documents: Documents, large: Hall):
    guards = "hub.READ_SECONDS=0.01,hub.SLOW_SECONDS=1e9"
    with StreamProcess(documents.url, without=guards, buffer_bytes=16_777_216, **QUICK) as process:
        connection = not_reading(process, large)
        assert not is_cut_amid(process, large)
        assert process.counted("frontrow_stream_connections") >= 1
        connection.close()
