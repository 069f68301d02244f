"""The connections to PostgreSQL: how long they wait, and what they believe.

Note [Patience]
The server enforces `statement_timeout`. One that is frozen, or behind a network that drops packets,
enforces nothing, and TCP alone notices after many minutes: every thread that uses it would hang
that long. Nor does the server limit a commit that waits for its copy on a standby. So the client
has a limit of its own, after which the connection is closed.

Note [Unknown outcome]
A COMMIT whose reply does not come may have been carried out. One that waits for a standby ends as
well where somebody cancels the wait: the server then says "done" and, in a mere warning, that no
standby has it yet. If that server dies next, what was "done" is gone. Both close the connection and
raise `CommitUnknown`: the caller hears neither "done" nor "nothing was changed", and finds out by
its Idempotency-Key. For the same reason no code of ours cancels what a server is doing.

Note [Demoted server]
A server that has become a standby while connections to it were open refuses to write (25006). The
first one to hear it closes itself and every other one of its pool, so no thread gets a second
refusal: new connections lead to the server that takes writes (`target_session_attrs`). The same
where a server ends a connection or responds no more, and for stale reads that have come to lead to
the server that takes writes (replica.py).
"""

from typing import Any

import psycopg
from psycopg import errors
from psycopg.errors import Diagnostic
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from kernel.db import pool_metrics
from kernel.db.failures import CommitUnknown, leaves_commit_open

# The function that warns, and how its words begin: these may be translated, the name is not.
_WAIT_FOR_STANDBYS = "SyncRepWaitForLSN"
_WORDS = ("canceling wait for synchronous", "canceling the wait for synchronous")


class _Notices:
    """What the server has said besides its results (not the connection: that would be a cycle)."""

    def __init__(self) -> None:
        self.wait_was_cancelled = False

    def hear(self, notice: Diagnostic) -> None:
        words = notice.message_primary or ""
        if notice.source_function == _WAIT_FOR_STANDBYS or words.startswith(_WORDS):
            self.wait_was_cancelled = True


class PatientConnection(psycopg.Connection[Any]):
    """A connection that waits `seconds` for a reply, without a limit where that is None.

    Raises `psycopg.OperationalError` after that, and `CommitUnknown` where nobody can say whether a
    commit will last. See the notes above.
    """

    seconds: float | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heard = _Notices()
        self.add_notice_handler(self._heard.hear)
        pool_metrics.watch.begin()

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Drive one exchange with the server, within the time allowed for it."""
        if timeout is not None:  # psycopg has set its own limit
            return super().wait(gen, interval, timeout)
        try:
            result = super().wait(gen, interval, self.seconds)
        except errors._WaitTimeout as error:  # Note [Private attributes]
            # Left in the middle of an exchange, nobody else can use it.
            self.leave_with_its_pool()
            raise psycopg.OperationalError(f"no response within {self.seconds:g} s") from error
        except errors.ReadOnlySqlTransaction:
            self.leave_with_its_pool()
            raise
        except psycopg.OperationalError:
            if self.broken:
                self.leave_with_its_pool()
            raise
        if self._heard.wait_was_cancelled:
            self.close()
            raise CommitUnknown("no standby has confirmed: somebody cancelled the wait")
        return result

    def commit(self) -> None:
        """Commit; raises `CommitUnknown` where the reply does not come."""
        was_open = not self.closed and self.info.transaction_status == TransactionStatus.INTRANS
        try:
            super().commit()
        except psycopg.Error as error:
            if was_open and leaves_commit_open(error):
                raise CommitUnknown(str(error)) from error
            raise

    def leave_with_its_pool(self) -> None:
        """Close this connection and the idle ones of its pool; those in use when they come back."""
        pool: ConnectionPool[Any] | None = getattr(self, "_pool", None)  # Note [Private attributes]
        self.close()
        if pool is not None:
            pool.drain()


def patient_for(seconds: float | None) -> type[PatientConnection]:
    """Return the connection class that waits so long for a reply."""
    return type("PatientConnection", (PatientConnection,), {"seconds": seconds})
