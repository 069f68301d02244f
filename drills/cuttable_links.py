"""Links to a local port that can be cut as a network is: nothing is refused, nothing arrives."""

import asyncio
import threading
from collections.abc import Iterable
from contextlib import suppress

from stack.service import HOST

_AT_ONCE = 65536  # bytes
_START_SECONDS = 10.0


class CuttableLinks:
    """A link for each name, on a port of its own, to the port `target`; runs in a thread.

    While a link is cut, what either side sends waits, new connections as well, and comes through
    when it is mended: late, as TCP sends it again after a partition.
    """

    def __init__(self, names: Iterable[str], target: int) -> None:
        self.ports: dict[str, int] = {}
        self._names = tuple(names)
        self._target = target
        self._whole: dict[str, asyncio.Event] = {}
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Listen on `ports`; raises OSError."""
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        listening.result(_START_SECONDS)

    def cut(self, name: str) -> None:
        """Let nothing through from now on."""
        self._loop.call_soon_threadsafe(self._whole[name].clear)

    def mend(self, name: str) -> None:
        """Let everything through again, first what waited."""
        self._loop.call_soon_threadsafe(self._whole[name].set)

    def close(self) -> None:
        """Close every connection, and end the thread; where it never started too."""
        if self._thread.is_alive():
            ending = asyncio.run_coroutine_threadsafe(self._end(), self._loop)
            ending.result(_START_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        for name in self._names:
            whole = self._whole[name] = asyncio.Event()
            whole.set()

            async def connected(
                reader: asyncio.StreamReader,
                writer: asyncio.StreamWriter,
                whole: asyncio.Event = whole,
            ) -> None:
                await self._join(reader, writer, whole)

            server = await asyncio.start_server(connected, HOST, 0)
            self._servers.append(server)
            self.ports[name] = server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # a turn in which what was aborted is closed

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, whole: asyncio.Event
    ) -> None:
        """Carry one connection to the target and back until both sides have ended it."""
        try:
            await whole.wait()
            there, back = await asyncio.open_connection(HOST, self._target)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_carry(reader, back, whole), _carry(there, writer, whole))
        except asyncio.CancelledError:
            back.transport.abort()
            writer.transport.abort()
            raise
        back.close()
        writer.close()


async def _carry(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, whole: asyncio.Event
) -> None:
    """Pass on what comes, its end too, whenever the link is whole."""
    with suppress(OSError):
        data = b"-"
        while data:
            data = await source.read(_AT_ONCE)
            await whole.wait()
            target.write(data)
            await target.drain()
    with suppress(OSError, RuntimeError):
        target.write_eof()
