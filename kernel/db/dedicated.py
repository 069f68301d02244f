"""A connection of one's own, for work whose state lives in the session.

Session advisory locks belong to a connection, so it may not come from the pool: a lock forgotten
there would be handed to whoever borrows the connection next. Closing this one, by leaving the block
or by dying, frees everything. (Behind PgBouncer it needs session pooling.)

Note [Silent owners]
A process that is stopped (SIGSTOP, a paused virtual machine) or whose host has gone without a word
doesn't close its connection, and a session lock knows no time-out. So the server ends a session
that says nothing for `SILENT_SECONDS`, and notices by keepalives, as soon, that a host is gone.
What is done between two statements of such a session must take less; who comes back later meets
`OperationalError` at the next statement.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from kernel.db.response_timeout import impatient

SILENT_SECONDS = 25
_KEEPALIVE = {"idle": 5, "interval": 5, "count": 3}  # seconds, seconds, probes: 20 s in all

# Django's adapters read jsonb as text and its cursors count metrics; plain psycopg is wanted here.
_DJANGOS_OWN = ("context", "cursor_factory", "prepare_threshold")


@contextmanager
def dedicated_connection(
    *,
    application: str,
    using: str = DEFAULT_DB_ALIAS,
    patience: float | None = None,
    silent_seconds: int | None = None,
) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Yield an unpooled connection in autocommit mode and close it at the end.

    The server ends it after `silent_seconds` without a statement, `SILENT_SECONDS` if none are
    given (Note [Silent owners]). With `patience` (seconds) a server that doesn't answer is given
    up after so long. Raises `psycopg.OperationalError` when the server can't be reached.
    """
    parameters = connections[using].get_connection_params()
    for name in _DJANGOS_OWN:
        parameters.pop(name, None)
    parameters["application_name"] = application
    silent = SILENT_SECONDS if silent_seconds is None else silent_seconds
    parameters["options"] = f"{parameters.get('options', '')} {_session_options(silent)}".strip()
    kind = psycopg.Connection if patience is None else impatient(patience)
    connection = kind.connect(**parameters, autocommit=True)
    try:
        yield connection
    finally:
        connection.close()


def _session_options(silent_seconds: int) -> str:
    limits = {"idle_session_timeout": f"{silent_seconds}s"}
    limits |= {f"tcp_keepalives_{name}": str(value) for name, value in _KEEPALIVE.items()}
    return " ".join(f"-c {name}={value}" for name, value in limits.items())
