"""A primary whose commits wait for a standby that is not there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.support import servers
from tests.support.interleaving import InBackground
from tests.support.waiting import await_that

_NAMES = "synchronous_standby_names"


class MissingStandby:
    """From `demand` to `forgive` each commit waits; by an operator's connection."""

    def __init__(self, operator: psycopg.Connection) -> None:
        self._operator = operator
        self._probe: InBackground | None = None
        self._is_over = threading.Event()

    def demand(self) -> None:
        """Let commits wait from now on, and return once one does."""
        self._operator.execute(f"ALTER SYSTEM SET {_NAMES} = 'ANY 1 (nobody)'")
        self._operator.execute("SELECT pg_reload_conf()")
        self._is_over.clear()
        self._probe = InBackground(self._commit_on_and_on)
        await_that(lambda: self._waiting("probe"), "a commit waits for the standby")

    def forgive(self) -> None:
        """Let commits wait for nobody again; those that wait go on."""
        self._operator.execute(f"ALTER SYSTEM RESET {_NAMES}")
        self._operator.execute("SELECT pg_reload_conf()")
        self._is_over.set()
        if self._probe is not None:
            self._probe.result()
            self._probe = None

    def cancel(self, application: str) -> None:
        """Cancel the wait of a commit, as an operator may by hand."""
        await_that(lambda: self._waiting(application), "the commit waits")
        [pid] = self._waiting(application)
        self._operator.execute("SELECT pg_cancel_backend(%s)", [pid])

    def _waiting(self, application: str) -> list[int]:
        rows = self._operator.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE wait_event = 'SyncRep' AND application_name = %s",
            [application],
        )
        return [pid for (pid,) in rows]

    def _commit_on_and_on(self) -> None:
        with psycopg.connect(_admin_url(), autocommit=True, application_name="probe") as probe:
            while not self._is_over.is_set():
                probe.execute("SELECT pg_logical_emit_message(true, 'probe', 'x')")


def _admin_url() -> str:
    assert servers.running is not None
    url: str = servers.running.servers.admin_url()
    return url


@contextmanager
def missing_standby() -> Iterator[MissingStandby]:
    """Yield a primary's missing standby; in the end nobody waits for one."""
    options = "-c synchronous_commit=local"
    with psycopg.connect(_admin_url(), autocommit=True, options=options) as operator:
        standby = MissingStandby(operator)
        try:
            yield standby
        finally:
            standby.forgive()
