"""Put two transactions into the order a test is about: by locks and events, never by time."""

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from django.db import connection, connections, transaction

from tests.support.login_api import log_in
from tests.support.waiting import await_that


class InBackground:
    """A call in a thread of its own; `outcome` waits for what it returned or raised."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._outcome: Any = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._outcome = self._call()
        except Exception as error:  # noqa: BLE001  (what happened is the outcome)
            self._outcome = error
        finally:
            connections.close_all()

    def outcome(self) -> Any:
        self._thread.join(30)
        assert not self._thread.is_alive(), "it never came to an end"
        return self._outcome

    def result(self) -> Any:
        """Return what the call returned, or raise what it raised."""
        outcome = self.outcome()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Stop:
    """A function of the product whose first calls stop, before or after it, until let go."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        module: Any,
        name: str,
        *,
        after: bool = False,
        calls: int = 1,
    ) -> None:
        self._reached = [threading.Event() for _ in range(calls)]
        self._go = [threading.Event() for _ in range(calls)]
        original, numbers = getattr(module, name), count()

        def stopping(*args: Any, **kwargs: Any) -> Any:
            number = next(numbers)
            if number >= calls:
                return original(*args, **kwargs)
            if after:
                result = original(*args, **kwargs)
            self._reached[number].set()
            assert self._go[number].wait(30), "nobody let it go on"
            return result if after else original(*args, **kwargs)

        monkeypatch.setattr(module, name, stopping)

    def await_reached(self, number: int = 0) -> None:
        assert self._reached[number].wait(30), "it did not come as far as that"

    def let_go(self, number: int = 0) -> None:
        self._go[number].set()


def meet_after(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, threads: int) -> None:
    """Let the first call of each of so many threads return once all of them have made theirs.

    What each has read or locked by then, it has at the same moment as the others.
    """
    all_have_called, original = threading.Barrier(threads, timeout=30), getattr(module, name)
    mine = threading.local()

    def meeting(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if not hasattr(mine, "has_met"):
            mine.has_met = True
            all_have_called.wait()
        return result

    monkeypatch.setattr(module, name, meeting)


def await_a_waiting_session() -> None:
    """Wait until some session of the server waits for a lock."""
    await_that(_somebody_waits, "a session waits for a lock")


def in_another_session(call: Callable[[], Any]) -> Any:
    """Run a call in a session of its own; return or raise what it does."""
    return InBackground(call).result()


def log_in_around(deed: Callable[[], Any]) -> Any:
    """Return the answer to a login that was judged before `deed` and saved after it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE accounts_session IN SHARE MODE")  # no session is written
        login = InBackground(log_in)
        await_a_waiting_session()  # the login has been judged and wants to write
        in_another_session(deed)
    return login.result()


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone()[0]
