"""Connections that don't wait for ever for a server that has fallen silent.

`statement_timeout` is kept by the server. One that is frozen, or behind a network that drops what
it is sent, keeps nothing, and TCP alone notices after many minutes: every thread that asks it
would hang that long.
"""

from typing import Any

import psycopg
from psycopg import errors


class Impatient(psycopg.Connection[Any]):
    """Raises `psycopg.OperationalError` where one statement isn't answered in `seconds`."""

    seconds: float

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Drive one exchange with the server, within the time there is for it."""
        if timeout is not None:  # psycopg's own affair
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.seconds)
        except errors._WaitTimeout as error:
            # In the middle of an exchange it is of no use to anybody else: the pool drops it.
            self.close()
            raise psycopg.OperationalError(f"no answer within {self.seconds:g} s") from error


def impatient(seconds: float) -> type[Impatient]:
    """Return a connection class with that much patience."""
    return type("Impatient", (Impatient,), {"seconds": seconds})
