"""Short calls to one server over kept connections.

Note [Lines]
A call of a function costs the server 20 to 60 us; redis-py's client adds 75 us of its own around
it (is the pooled connection still good, telemetry, retries), under the interpreter's lock. Here a
thread takes a connection of the same pool's making, sends, reads and puts it back. That the server
closed it meanwhile is found out by using it: then every kept one is closed, and the command is
sent once more over a new connection. So a command may run twice, as it may with redis-py's own
retries; the functions stand that.
"""

from collections import deque
from contextlib import suppress
from typing import Any

from hiredis import pack_command
from redis import ConnectionPool
from redis import exceptions as redis_errors
from redis.connection import ConnectionInterface


class Lines:
    """Kept connections to the server of `pool`, as many as there are threads asking at once."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        # Appending to and popping from a deque needs no lock.
        self._open: deque[ConnectionInterface] = deque()
        self._closed: deque[ConnectionInterface] = deque()

    def ask(self, *words: Any) -> Any:
        """Send one command and return its reply; raises redis-py's exceptions."""
        command = [pack_command(words)]
        with suppress(IndexError):
            line = self._open.pop()
            try:
                return self._talk(line, command)
            except redis_errors.ConnectionError:
                self.hang_up()
        return self._talk(self._closed_line(), command)

    def hang_up(self) -> None:
        """Close every connection that no thread is using; they are opened again when needed."""
        with suppress(IndexError):
            while True:
                line = self._open.pop()
                line.disconnect()  # type: ignore[no-untyped-call]
                self._closed.append(line)

    def _closed_line(self) -> ConnectionInterface:
        try:
            return self._closed.pop()
        except IndexError:
            return self._pool.make_connection()

    def _talk(self, line: ConnectionInterface, command: list[bytes]) -> Any:
        try:
            line.send_packed_command(command)  # type: ignore[no-untyped-call]
            reply = line.read_response()
        except redis_errors.ResponseError:
            self._open.append(line)  # an answer like any other
            raise
        except BaseException:
            line.disconnect()  # type: ignore[no-untyped-call]
            self._closed.append(line)
            raise
        self._open.append(line)
        return reply
