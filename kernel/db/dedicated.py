"""A connection outside the pool, for work whose state lives in the session.

Session advisory locks belong to a connection, so it may not come from the pool: a lock left there
would pass to the next user of the connection. Closing this one, at the end of the block or of the
process, frees everything. (Behind PgBouncer it needs session pooling.)

Note [Silent owners]
A process that is stopped (SIGSTOP, a paused virtual machine), or whose host has vanished, does not
close its connection, and a session lock has no time-out. So the server ends a session that sends
nothing for `SILENT_SECONDS`, and finds out by keepalives, as soon, that a host is gone. The work
between two statements of such a session must take less; an owner that comes back later gets
`OperationalError` at its next statement.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections

from kernel.db.connection import PatientConnection, patient_for

SILENT_SECONDS = 25
RESPONSE_SECONDS = 60.0  # Note [Patience] in connection.py
_KEEPALIVE = {"idle": 5, "interval": 5, "count": 3}  # seconds, seconds, probes: 20 s in all

# Django's adapters read jsonb as text and its cursors count metrics; plain psycopg is wanted here.
_DJANGO_ONLY = ("context", "cursor_factory", "prepare_threshold")


@contextmanager
def dedicated_connection(
    *,
    application: str,
    using: str = DEFAULT_DB_ALIAS,
    response_timeout: float = RESPONSE_SECONDS,
    silent_seconds: int | None = None,
) -> Iterator[PatientConnection]:
    """Yield an unpooled connection in autocommit mode and close it at the end.

    The server ends it after `silent_seconds` without a statement, `SILENT_SECONDS` if none are
    given (Note [Silent owners]). A server that does not respond within `response_timeout` seconds
    is given up. Raises `psycopg.OperationalError` when the server can't be reached.
    """
    parameters = connections[using].get_connection_params()
    for name in _DJANGO_ONLY:
        parameters.pop(name, None)
    parameters["application_name"] = application
    silent = SILENT_SECONDS if silent_seconds is None else silent_seconds
    parameters["options"] = f"{parameters.get('options', '')} {_session_options(silent)}".strip()
    connection = patient_for(response_timeout).connect(**parameters, autocommit=True)
    try:
        yield connection
    finally:
        connection.close()


def _session_options(silent_seconds: int) -> str:
    limits = {"idle_session_timeout": f"{silent_seconds}s"}
    limits |= {f"tcp_keepalives_{name}": str(value) for name, value in _KEEPALIVE.items()}
    return " ".join(f"-c {name}={value}" for name, value in limits.items())
