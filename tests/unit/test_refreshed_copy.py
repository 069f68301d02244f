"""A forked process keeps its copy of rows fresh by itself (Note [Refreshed copy])."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from types import SimpleNamespace

import pytest

from kernel.caching import refreshed_copy
from kernel.caching.refreshed_copy import RefreshedCopy

_fork = multiprocessing.get_context("fork")


class Rows(RefreshedCopy):
    """A copy whose first process is still reading when it forks."""

    name = "rows-of-a-test"
    failures = SimpleNamespace(inc=lambda: None)

    def __init__(self) -> None:
        super().__init__()
        self.parent = os.getpid()
        self.is_reading, self.may_go_on = threading.Event(), threading.Event()
        self.read_by = 0

    def refresh(self) -> None:
        if os.getpid() == self.parent:
            self.is_reading.set()
            self.may_go_on.wait(60)
        self.read_by = os.getpid()
        self.has_copy = True


@pytest.fixture
def rows() -> Iterator[Rows]:
    copy = Rows()
    first = threading.Thread(target=copy.start)
    first.start()
    assert copy.is_reading.wait(20)
    yield copy
    copy.may_go_on.set()
    first.join()
    copy.stop()


def _read(copy: Rows, result: Connection) -> None:
    copy.start()
    result.send(copy.read_by)


def _look(copy: Rows, result: Connection) -> None:
    result.send(copy._starting.locked())


def in_a_fork(work, copy: Rows):
    """Return what `work` sends from a child process."""
    received, sent = _fork.Pipe(duplex=False)
    child = _fork.Process(target=work, args=(copy, sent))
    child.start()
    try:
        assert received.poll(20), "the child waits for a lock that nobody holds"
        return received.recv(), child.pid
    finally:
        child.kill()
        child.join()


def test_a_process_forked_while_a_thread_starts_the_copy_reads_for_itself(rows):
    read_by, child = in_a_fork(_read, rows)
    assert read_by == child


def test_a_forked_process_begins_with_its_own_lock(rows):
    assert rows._starting.locked()
    assert in_a_fork(_look, rows)[0] is False


@pytest.mark.control
def test_without_the_hook_a_forked_process_would_wait_for_its_parents_lock(rows):
    refreshed_copy._copies.discard(rows)
    assert in_a_fork(_look, rows)[0] is True
