"""A connection to a Redis role for one event loop: calls are sent, and nobody waits in a thread.

Note [Calls from a loop]
A thread that waits for a reply and a loop that reads requests take the interpreter's lock from each
other, which costs more than the call. So an event loop sends its calls over one connection, as many
as it likes, and hears the replies in order. Only the plain case is served here. Where a server is
reached by TLS or is a cluster, while the breaker is open, before the library is loaded, and
whatever goes wrong, `call` returns None: then the caller makes the same call the ordinary way, in a
thread, which finds out what is the matter and says so. So a call may run twice, as it may there.
"""

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

from hiredis import Reader, pack_command
from redis import Redis
from redis import exceptions as redis_errors
from redis.connection import DefaultParser

from kernel.redis import watched
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import breaker, guarded
from kernel.redis.functions import FunctionLibrary

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class LoopConnection:
    """Calls of one library's functions; to be used on one event loop.

    `executor` runs what has to wait: opening the connection and loading the library.
    """

    def __init__(self, library: FunctionLibrary, executor: Executor) -> None:
        self._library = library
        self._executor = executor
        self._protocol: _Replies | None = None
        self._seconds = 1.0
        self._opening: asyncio.Task[None] | None = None

    async def call(self, function: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Return the reply to a call of `function`, None where it cannot be had from here."""
        protocol = self._protocol
        if protocol is None or protocol.is_closed or breaker(self._library.role).is_open:
            self._open_later()
            return None
        command = pack_command(("FCALL", function, len(keys), *keys, *args))
        try:
            with watched.call_of(function, self._library.role):
                async with asyncio.timeout(self._seconds):
                    reply = await protocol.send(command)
        except (TimeoutError, ConnectionError):
            protocol.close()  # a late reply would be taken for that of another call
            return None
        if isinstance(reply, Exception):
            protocol.close()  # the name may lead to another server by now
            return None
        return reply

    async def open(self) -> None:
        """Open the connection and load the library; whatever fails is tried again at a call."""
        loop = asyncio.get_running_loop()
        try:
            opened = await loop.run_in_executor(self._executor, self._opened)
        except (DependencyUnavailable, redis_errors.RedisError, OSError) as error:
            log.warning("no connection for the loop", extra={"error": repr(error)})
            opened = None
        if opened is not None:
            connection, plain = opened
            _, self._protocol = await loop.create_connection(
                lambda: _Replies(connection), sock=plain
            )

    def close(self) -> None:
        """Close the connection, or give up opening it."""
        if self._opening is not None:
            self._opening.cancel()
        if self._protocol is not None:
            self._protocol.close()

    def _open_later(self) -> None:
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._open_and_rest())

    async def _open_and_rest(self) -> None:
        await self.open()
        await asyncio.sleep(_RETRY_SECONDS)

    def _opened(self) -> tuple[Any, socket.socket] | None:
        """Open a connection and load the library; None where only the ordinary way works."""
        if self._protocol is None:
            self._library.load_if_missing()
        else:
            self._library.load()  # the server may have been restarted, or be another one
        connection = guarded(self._library.role, _connected)
        plain = None if connection is None else connection._sock  # Note [Private attributes]
        if plain is None or isinstance(plain, ssl.SSLSocket):
            return None
        self._seconds = connection.socket_timeout or self._seconds
        plain.setblocking(False)
        return connection, plain


class _Replies(asyncio.Protocol):
    """The replies of one connection, in the order of the commands."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection  # kept: it closes its socket when it is dropped
        self._reader = Reader(
            protocolError=redis_errors.InvalidResponse, replyError=DefaultParser.parse_error
        )
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self.is_closed = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, command: bytes) -> "asyncio.Future[Any]":
        """Send a command; the result is its reply, or the error that the server replied."""
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(answered)
        self._transport.write(command)
        return answered

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                answered = self._waiting.popleft()
                if not answered.done():
                    answered.set_result(reply)
        except (redis_errors.InvalidResponse, IndexError):
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        for answered in self._waiting:
            if not answered.done():
                answered.set_exception(ConnectionError("closed by the server"))
        self._waiting.clear()
        self._connection.disconnect()

    def close(self) -> None:
        """Close the connection, at once even where the server takes no bytes; what waits fails."""
        self.is_closed = True
        self._transport.abort()


def _connected(server: Redis) -> Any:
    pool = getattr(server, "connection_pool", None)  # a cluster has one for each node
    if pool is None:
        return None
    # Not by the pool, which counts what it makes: this one is never given back.
    connection: Any = pool.connection_class(**pool.connection_kwargs)
    connection.connect()
    return connection
