"""The live streams without a connection: changes of documents, repeating, slow readers."""

import asyncio
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream import documents, rooms
from stream.documents import BadDocument, SeatFeed, StatusFeed, changes
from stream.listeners import Listener
from stream.rooms import Room, TooSlow
from stream.settings import BadSetting, Settings, from_environment

SETTINGS = Settings("http://127.0.0.1:1")
ID = "0190a000-0000-7000-8000-000000000001"
LETTERS = st.text(alphabet="ATRB", min_size=300, max_size=300)


def hall(statuses: str, *, second: int = 0, layout: int = 1) -> dict[str, Any]:
    as_of = f"2026-11-26T20:00:{second:02}.000Z"
    return {"layout_version": layout, "as_of": as_of, "statuses": statuses, "stream_url": None}


def status(serving: int, *, second: int = 0) -> dict[str, Any]:
    as_of = f"2026-11-26T20:00:{second:02}.000Z"
    return {"state": "OPEN", "serving": serving, "as_of": as_of, "stream_url": "/x/"}


def parsed(chunk: bytes) -> list[tuple[str, str, dict[str, Any]]]:
    """Return id, name and data of each event."""
    found = []
    for block in filter(None, chunk.decode().split("\n\n")):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line[0] != ":")
        found.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
    return found


@given(LETTERS, LETTERS)
def test_the_changes_lead_from_one_string_to_the_other(before: str, after: str):
    letters = list(before)
    for letter, indices in changes(before, after).items():
        for index in indices:
            assert letters[index] != letter
            letters[index] = letter
    assert "".join(letters) == after


def test_an_event_names_the_seats_and_the_whole():
    feed = SeatFeed()
    assert list(feed.take(hall("AAAA"))) == []
    [event] = feed.take(hall("ATAR", second=1))
    assert (event.name, json.loads(event.data)) == (
        "seats",
        {
            "layout_version": 1,
            "as_of": "2026-11-26T20:00:01.000Z",
            "crc": zlib.crc32(b"ATAR"),
            "T": [1],
            "R": [3],
        },
    )
    assert list(feed.take(hall("ATAR", second=2))) == []
    assert json.loads(feed.greeting().data)["as_of"] == "2026-11-26T20:00:02.000Z"


@pytest.mark.parametrize(
    "then",
    [
        hall("AAAA", layout=2),
        hall("AAAAA"),
        hall("T" * (documents.MOST_CHANGES + 1)),
    ],
    ids=["another layout", "another size", "most of the hall"],
)
def test_where_changes_say_too_little_or_too_much_the_document_is_read_again(then):
    feed = SeatFeed()
    first = "A" * (len(then["statuses"]) if "T" in then["statuses"] else 4)
    feed.take(hall(first))
    assert [event.name for event in feed.take(then)] == ["reload"]


@pytest.mark.parametrize(
    "document",
    [{}, hall("AAXA"), {**hall("A"), "layout_version": "1"}, {**hall("A"), "as_of": None}],
    ids=["nothing", "another letter", "a version that is none", "no moment"],
)
def test_what_is_no_availability_is_refused(document):
    with pytest.raises(BadDocument):
        SeatFeed().take(document)


def test_a_status_is_news_only_if_more_than_the_moment_differs():
    feed = StatusFeed()
    assert len(feed.take(status(1))) == 1
    assert list(feed.take({**status(1, second=1), "stream_url": None})) == []
    [event] = feed.take(status(2, second=2))
    assert json.loads(event.data) == status(2, second=2)


@pytest.fixture
def room() -> Room:
    made = Room("availability", ID, SETTINGS)
    made.take(hall("AAAA"), 0.0)
    return made


class Wire:
    """A connection that takes what is pushed, unless its reader is slow."""

    def __init__(self) -> None:
        self.is_full = False
        self.written = b""

    def push(self, framed: bytes) -> bool:
        if self.is_full:
            return False
        length, _, rest = framed.partition(b"\r\n")
        assert rest.endswith(b"\r\n")
        assert len(rest) == int(length, 16) + 2
        self.written += rest[:-2]
        return True

    def abort(self) -> None:
        raise AssertionError("nobody was too slow")


class Heard:
    """A listener of a room, and how often its task has been woken."""

    def __init__(self, room: Room) -> None:
        self.wire = Wire()
        self.listener = Listener(self.wire)
        _, self.listener.position = room.greeting(None, 0.0)
        room.listeners.add(self.listener)
        self.woken = 0

    async def wait(self) -> None:
        while True:
            await self.listener.woken()
            self.woken += 1

    async def __aenter__(self) -> "Heard":
        self._task = asyncio.create_task(self.wait())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()


async def turns() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_who_has_everything_gets_the_next_event_without_a_turn_of_the_task(room: Room):
    async def listen() -> None:
        async with Heard(room) as heard:
            for second, letters in enumerate(("TAAA", "TTAA"), 1):
                room.take(hall(letters, second=second), second)
            await turns()
            assert [data["T"] for _, _, data in parsed(heard.wire.written)] == [[0], [1]]
            assert (heard.listener.position, heard.woken) == (room.position, 0)

    asyncio.run(listen())


def test_who_reads_slowly_is_woken_and_nothing_overtakes_what_waits(room: Room):
    async def listen() -> None:
        async with Heard(room) as heard:
            heard.wire.is_full = True
            place = heard.listener.position
            room.take(hall("TAAA", second=1), 1.0)
            heard.wire.is_full = False  # but one event is missing already
            room.take(hall("TTAA", second=2), 2.0)
            await turns()
            assert heard.wire.written == b""
            assert (heard.listener.position, heard.woken) == (place, 1)
            assert len(parsed(room.after(place))) == 2

    asyncio.run(listen())


def test_whose_task_is_writing_is_written_to_by_nobody_else(room: Room):
    async def listen() -> None:
        heard = Heard(room)  # its task has not come to wait yet: the greeting is under way
        room.take(hall("TAAA", second=1), 1.0)
        assert heard.wire.written == b""
        async with heard:
            await turns()
            assert heard.woken == 1

    asyncio.run(listen())


def test_the_end_of_a_room_wakes_everybody(room: Room):
    async def listen() -> None:
        async with Heard(room) as heard:
            room.end(1.0)
            await turns()
            assert b"event: reload" in heard.wire.written
            assert heard.woken == 1

    asyncio.run(listen())


def test_who_comes_back_gets_what_was_missed(room: Room):
    _, place = room.greeting(None, 0.0)
    room.take(hall("TAAA", second=1), 1.0)
    [(known, _, _)] = parsed(room.after(place))
    room.take(hall("TTAA", second=2), 2.0)
    room.take(hall("TTTA", second=3), 3.0)
    again, place = room.greeting(known, 60.0)
    names = [(name, data.get("T")) for _, name, data in parsed(again)]
    assert names == [("seats", [1]), ("seats", [2]), ("seats", None)]
    assert place == room.position


@pytest.mark.parametrize("last_id", ["x", "{room}-", "{room}-9", "{room}-1x", "other-1", "-1"])
def test_an_id_that_is_none_of_ours_reads_the_document_again(room: Room, last_id: str):
    room.take(hall("TAAA"), 1.0)
    start, _ = room.greeting(last_id.format(room=room.name), 2.0)
    assert [name for _, name, _ in parsed(start)] == ["reload", "seats"]


def test_after_a_minute_nothing_is_repeated(room: Room):
    room.take(hall("TAAA"), 1.0)
    room.take(hall("TTAA"), 2.0)
    room.take(hall("TTTA"), 61.5)
    start, _ = room.greeting(f"{room.name}-1", 62.5)
    assert [name for _, name, _ in parsed(start)] == ["reload", "seats"]
    start, _ = room.greeting(f"{room.name}-2", 62.5)
    assert [name for _, name, _ in parsed(start)] == ["seats", "seats"]


@pytest.mark.control
def test_control_a_log_that_forgets_too_early_repeats_nothing(room: Room, monkeypatch):
    monkeypatch.setattr(rooms, "REPEATED_SECONDS", 0.5)
    for second in (1, 2, 3):
        room.take(hall("T" * second + "A" * (4 - second)), float(second))
    start, _ = room.greeting(f"{room.name}-1", 3.0)
    assert [name for _, name, _ in parsed(start)] == ["reload", "seats"]


def test_who_comes_back_to_a_waiting_room_gets_the_newest_status_alone():
    room = Room("queue", ID, SETTINGS)
    for serving in range(5):
        room.take(status(serving), float(serving))
    start, _ = room.greeting(f"{room.name}-1", 5.0)
    assert [(name, data["serving"]) for _, name, data in parsed(start)] == [("status", 4)]


def test_a_reader_behind_the_buffer_is_too_slow():
    settings = Settings("http://127.0.0.1:1", buffer_bytes=4096)
    room = Room("availability", ID, settings)
    room.take(hall("A" * 500), 0.0)
    _, place = room.greeting(None, 0.0)
    for second in range(60):
        letters = "AT"[second % 2] * 500
        room.take(hall(letters, second=second), float(second) / 10)
    assert room.after(room.position - 1)
    with pytest.raises(TooSlow):
        room.after(place)


def test_the_events_of_a_room_are_bounded():
    settings = Settings("http://127.0.0.1:1", room_bytes=65_536)
    room = Room("availability", ID, settings)
    for second in range(1000):
        room.take(hall("AT"[second % 2] * 500), 0.0)
    assert sum(len(entry.chunk) for entry in room._log) <= 65_536


def test_a_quiet_room_says_that_it_lives(room: Room):
    room.take(hall("TAAA", second=1), 1.0)
    room.take(hall("TAAA", second=15), 15.0)
    room.beat(15.9)
    place = room.position
    room.beat(16.0)
    chunk = room.after(place)
    assert chunk.startswith(b":")
    assert parsed(chunk) == [("", "alive", {"as_of": "2026-11-26T20:00:15.000Z"})]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STREAM_SOURCE_URL", "127.0.0.1:8000"),
        ("STREAM_SOURCE_URL", "http://127.0.0.1:8000/api/"),
        ("STREAM_CONNECTIONS", "0"),
        ("STREAM_CONNECTIONS", "many"),
        ("STREAM_BUFFER_BYTES", "1"),
    ],
)
def test_nonsense_in_the_environment_is_named(name: str, value: str):
    with pytest.raises(BadSetting, match=name):
        from_environment({"STREAM_SOURCE_URL": "http://127.0.0.1:8000", name: value})
