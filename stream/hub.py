"""The rooms of the process: made while somebody listens, watched, kept a while, and bounded.

Note [Watched while listened to]
A room's document is read every half second as long as it has a listener, and no more once the last
one has left; the room is kept for as long as an event may be repeated, so that who comes back hears
what was missed. The first reading, which also finds out that there is no such performance, has a
pace of its own: made-up ids take no reading from the rooms.
"""

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from stream import metrics
from stream.documents import BadDocument, Document
from stream.listeners import Listener
from stream.problems import NoStream, problem, retry_after
from stream.rooms import REPEATED_SECONDS, Room
from stream.settings import Settings
from stream.source import Pacer, ReadFailed, Source, TooMany, unreachable

log = logging.getLogger(__name__)

READ_SECONDS = 0.5
SLOW_SECONDS = 10.0  # that one write may wait for its reader
_LONGEST_READ_SECONDS = 5.0  # between readings that fail
_OPENING_PATIENCE = 2.0
_READING_PATIENCE = 60.0  # rooms are bounded, so this is never long
_SWEEP_SECONDS = 1.0
_REFUSED_SECONDS = 2.0
_REFUSALS = 1024
# Seconds after which a reader whose connection broke comes back: not all in the same one.
_RETRY_SECONDS = (1.0, 4.0)

Key = tuple[str, str]


class Hub:
    """All rooms and listeners; an asynchronous context manager, to be used on one event loop."""

    def __init__(self, settings: Settings, source: Source) -> None:
        self.settings = settings
        self.is_draining = False
        self.connections = 0
        self._source = source
        self._rooms: dict[Key, Room] = {}
        self._watching: dict[Key, asyncio.Task[None]] = {}
        self._opening: dict[tuple[str, str, str], asyncio.Task[Room]] = {}
        self._refused: dict[tuple[str, str, str], tuple[float, NoStream]] = {}
        self._reading = Pacer(settings.reads_per_second, patience=_READING_PATIENCE)
        self._openings = Pacer(settings.openings_per_second, patience=_OPENING_PATIENCE)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._sweeper = self._loop.create_task(self._sweep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks: list[asyncio.Task[Any]] = [
            self._sweeper, *self._watching.values(), *self._opening.values()
        ]  # fmt: skip
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def state(self) -> str:
        """Return `open`, `full` or `draining`: whether a newcomer would be taken."""
        if self.is_draining:
            return "draining"
        return "full" if self.connections >= self.settings.connections else "open"

    @contextmanager
    def place(self, language: str) -> Iterator[None]:
        """Count a connection while it is there. Raises NoStream where there is no place."""
        state = self.state
        if state != "open":
            metrics.refused.labels(state).inc()
            raise problem(503, "stream_full", language, retry_after(10))
        self.connections += 1
        try:
            yield
        finally:
            self.connections -= 1

    async def room(self, kind: str, performance_id: str, language: str) -> Room:
        """Return a watched room, or one with a document of this moment. Raises NoStream."""
        key, asked = (kind, performance_id), (kind, performance_id, language)
        if key in self._watching:
            return self._rooms[key]
        refused = self._refused.get(asked)
        if refused is not None and self._loop.time() < refused[0]:
            metrics.refused.labels("unknown").inc()
            raise refused[1].again()
        opening = self._opening.get(asked)
        if opening is None:
            self._make_way(language)
            opening = self._loop.create_task(self._open(key, language))
            self._opening[asked] = opening
            opening.add_done_callback(lambda _: self._opening.pop(asked, None))
        return await asyncio.shield(opening)

    def join(self, opened: Room, listener: Listener) -> Room:
        """Let a listener hear a room, which is watched from now on; return that room."""
        room = self._rooms.setdefault(opened.key, opened)
        room.listeners.add(listener)
        metrics.connections.labels(room.kind).inc()
        if room.key not in self._watching:
            self._watching[room.key] = self._loop.create_task(self._watch(room))
        return room

    def part(self, room: Room, listener: Listener) -> None:
        """Take a listener out of its room."""
        room.listeners.discard(listener)
        room.left_at = self._loop.time()
        metrics.connections.labels(room.kind).dec()
        if listener.cut_because:
            metrics.cut.labels(listener.cut_because).inc()

    def retry_milliseconds(self) -> int:
        """Return when a reader comes back after a break; drained ones come spread out."""
        spread = (1.0, float(self.settings.drain_seconds))
        return round(1000 * random.uniform(*(spread if self.is_draining else _RETRY_SECONDS)))  # noqa: S311

    def drain(self) -> None:
        """Take nobody more, and send off who listens."""
        self.is_draining = True
        for room in self._rooms.values():
            for listener in room.listeners:
                listener.wake()

    def _make_way(self, language: str) -> None:
        """Drop the room that was left first if there are too many. Raises NoStream."""
        if len(self._rooms) + len(self._opening) < self.settings.rooms:
            return
        left = [room for key, room in self._rooms.items() if key not in self._watching]
        if not left:
            metrics.refused.labels("rooms").inc()
            raise problem(503, "stream_full", language, retry_after(10))
        del self._rooms[min(left, key=lambda room: room.left_at).key]

    async def _open(self, key: Key, language: str) -> Room:
        room = self._rooms.get(key) or Room(*key, self.settings)
        try:
            await self._openings.turn()
            room.take(await self._source.read(*key, language=language), self._loop.time())
        except TooMany as error:
            metrics.refused.labels("busy").inc()
            raise problem(503, "stream_full", language, retry_after(5)) from error
        except (ReadFailed, BadDocument) as error:
            metrics.refused.labels("unreachable").inc()
            raise unreachable(language) from error
        except NoStream as refusal:
            metrics.refused.labels("unknown").inc()
            self._keep_refusal((*key, language), refusal.again())
            raise
        room.left_at = self._loop.time()
        # Two languages may open a room at a time: the first one is it.
        return self._rooms.setdefault(key, room)

    def _keep_refusal(self, asked: tuple[str, str, str], refusal: NoStream) -> None:
        if len(self._refused) >= _REFUSALS:
            self._refused.clear()
        self._refused[asked] = (self._loop.time() + _REFUSED_SECONDS, refusal)

    async def _watch(self, room: Room) -> None:
        """Read a room's document while somebody listens (Note [Watched while listened to])."""
        failures = 0
        try:
            while room.listeners:
                begun = self._loop.time()
                is_read = await self._read_once(room)
                if room.is_over:
                    return
                failures = 0 if is_read else failures + 1
                wait = min(READ_SECONDS * 2**failures, _LONGEST_READ_SECONDS)
                await asyncio.sleep(max(0.0, begun + wait - self._loop.time()))
        finally:
            if not room.is_over:  # else somebody may have opened another one by now
                self._watching.pop(room.key, None)

    async def _read_once(self, room: Room) -> bool:
        try:
            document = await self._turn_and_read(room)
            self._take(room, document)
        except NoStream:  # the performance is there no more, or its waiting room
            room.end(self._loop.time())
            del self._rooms[room.key], self._watching[room.key]
        except (ReadFailed, BadDocument, TooMany) as error:
            log.info("%s %s was not read: %s", *room.key, error)
            return False
        return True

    def _take(self, room: Room, document: Document) -> None:
        """Send a document's news, and note when the last of them was handed to the kernel."""
        now, before = self._loop.time(), room.position
        room.take(document, now)
        if room.position != before:
            # The loop hands over what was written at the end of its turn.
            self._loop.call_soon(lambda: metrics.lag.observe(self._loop.time() - now))

    async def _turn_and_read(self, room: Room) -> Document:
        await self._reading.turn()
        return await self._source.read(*room.key)

    async def _sweep(self) -> None:
        """Each second: heartbeats, readers who hold a write up, and rooms that nobody misses."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = self._loop.time()
            oldest = 0.0
            for room in list(self._rooms.values()):
                if room.listeners:
                    room.beat(now)
                    _cut_slow(room, now)
                    oldest = max(oldest, now - room.read_at)
                elif room.key not in self._watching and now - room.left_at > REPEATED_SECONDS:
                    del self._rooms[room.key]
            metrics.rooms.set(len(self._rooms))
            metrics.age.set(oldest)


def _cut_slow(room: Room, now: float) -> None:
    for listener in list(room.listeners):
        since = listener.sending_since
        if since is not None and now - since > SLOW_SECONDS:
            listener.cut("time")
