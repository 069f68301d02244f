"""Connections that give up on a server that has stopped responding.

The server enforces `statement_timeout`. One that is frozen, or behind a network that drops packets,
enforces nothing, and TCP alone notices after many minutes: every thread that uses it would hang
that long.
"""

from typing import Any

import psycopg
from psycopg import errors


class TimeoutConnection(psycopg.Connection[Any]):
    """Raises `psycopg.OperationalError` where one exchange takes more than `seconds`."""

    seconds: float

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Drive one exchange with the server, within the time allowed for it."""
        if timeout is not None:  # psycopg has set its own limit
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.seconds)
        except errors._WaitTimeout as error:  # Note [Private attributes]
            # Left in the middle of an exchange, nobody else can use it: the pool drops it.
            self.close()
            raise psycopg.OperationalError(f"no response within {self.seconds:g} s") from error


def timeout_connection(seconds: float) -> type[TimeoutConnection]:
    """Return a connection class with this response timeout."""
    return type("TimeoutConnection", (TimeoutConnection,), {"seconds": seconds})
