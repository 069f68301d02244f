"""Expiry of tasks by the primary's clock, not by those of the hosts that send and run them.

Celery writes the moment of expiry by the sender's host and compares it with the runner's: a worker
two seconds ahead of beat would drop every tick of the relay (Note [One clock] in clock.py).
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from celery import Task
from celery.worker.request import Request
from celery.worker.state import revoked as revoked_tasks

from kernel import clock


class PrimaryTimeRequest(Request):
    """A received task that is past its time once the primary's clock says so."""

    def maybe_expire(self) -> Literal[True] | None:
        """Say whether the task has expired, and have it dropped if so."""
        if self.expires is None or clock.now() <= self.expires:
            return None
        revoked_tasks.add(self.id)
        return True


if TYPE_CHECKING:  # generic for the type checker only
    _Task = Task[Any, Any]
else:
    _Task = Task


class PrimaryTimeTask(_Task):
    """The base of all tasks."""

    Request = f"{PrimaryTimeRequest.__module__}:{PrimaryTimeRequest.__qualname__}"


def expire_by_primary(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Move the expiry of a task about to be sent from the host's clock to the primary's."""
    # A task that is sent again keeps the expiry it was first sent with.
    if not headers or not headers.get("expires") or headers.get("retries"):
        return
    correction = clock.now() - datetime.now(UTC)
    headers["expires"] = (datetime.fromisoformat(headers["expires"]) + correction).isoformat()
