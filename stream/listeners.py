"""Somebody who listens: woken by each event, by the end, and by leaving."""

import asyncio
from typing import Protocol


class ReaderConnection(Protocol):
    """What a listener has of its connection beside what ASGI gives."""

    def push(self, framed: bytes) -> bool:
        """Write what is framed for the wire, unless something waits; return whether it was."""

    def abort(self) -> None:
        """Close at once, whatever has not been sent yet."""


class Listener:
    """One connection's place in a room's log; to be used on one event loop."""

    __slots__ = (
        *("_connection", "_is_idle", "_woken"),
        *("cut_because", "has_left", "position", "sending_since"),
    )

    def __init__(self, connection: ReaderConnection) -> None:
        self._connection = connection
        self._is_idle = False  # all of its task's writes are done
        self._woken = asyncio.Event()
        self.has_left = False
        self.cut_because = ""
        self.position = 0
        self.sending_since: float | None = None  # while a write waits for the reader

    def take(self, framed: bytes, position: int) -> None:
        """Get the entry at `position`: at once if it is the next, else its task is woken for it."""
        is_next = self._is_idle and self.position == position - 1
        if is_next and self._connection.push(framed):
            self.position = position
        else:
            self._woken.set()

    def wake(self) -> None:
        """Let it look at what there is."""
        self._woken.set()

    async def woken(self) -> None:
        """Wait until there is something to look at."""
        self._is_idle = True
        await self._woken.wait()
        self._is_idle = False
        self._woken.clear()

    def leave(self) -> None:
        """Take note that the connection is lost."""
        self.has_left = True
        self._woken.set()

    def cut(self, reason: str) -> None:
        """Close the connection of a reader who is too slow, once."""
        if not self.cut_because:
            self.cut_because = reason
            self._connection.abort()
