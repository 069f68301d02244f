"""A connection of one's own, for work whose state lives in the session.

Session advisory locks belong to a connection, so it may not come from the pool: a lock forgotten
there would be handed to whoever borrows the connection next. Closing this one, by leaving the block
or by dying, frees everything. (Behind PgBouncer it needs session pooling.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from kernel.db.impatient import impatient

# Django's adapters read jsonb as text and its cursors count metrics; plain psycopg is wanted here.
_DJANGOS_OWN = ("context", "cursor_factory", "prepare_threshold")


@contextmanager
def dedicated_connection(
    *, application: str, using: str = DEFAULT_DB_ALIAS, patience: float | None = None
) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Yield an unpooled connection in autocommit mode and close it at the end.

    With `patience` (seconds) a server that doesn't answer is given up after so long.
    Raises `psycopg.OperationalError` when the server can't be reached.
    """
    parameters = connections[using].get_connection_params()
    for name in _DJANGOS_OWN:
        parameters.pop(name, None)
    parameters["application_name"] = application
    kind = psycopg.Connection if patience is None else impatient(patience)
    connection = kind.connect(**parameters, autocommit=True)
    try:
        yield connection
    finally:
        connection.close()
