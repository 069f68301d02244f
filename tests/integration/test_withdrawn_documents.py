"""Note [Cached documents]: nobody gets a withdrawn document, even while one is being built.

The control takes the guard away and expects what was withdrawn.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import OperationalError

from kernel.caching import shared
from kernel.caching.request import CachePolicy, CacheRequest
from kernel.db import replica
from kernel.errors import DomainError, Kind
from kernel.redis import clients
from tests.support import catalogue, factories
from tests.support.catalogue import IN_PROCESS, RECIPE, changed, read
from tests.support.waiting import await_that


@pytest.fixture(autouse=True)
def _as_a_new_process(db_ready) -> None:
    catalogue.forget_documents()
    replica.forget_health()


class Withdrawn(DomainError):
    kind = Kind.NOT_FOUND


def withdrawn() -> bytes:
    raise Withdrawn


class PausedBuilder:
    """Builds by `outcome` once it may go on."""

    def __init__(self, outcome: Callable[[], bytes]) -> None:
        self.building, self.go_on = threading.Event(), threading.Event()
        self._outcome = outcome

    def __call__(self) -> bytes:
        self.building.set()
        assert self.go_on.wait(20)
        return self._outcome()


@contextmanager
def beside_a_builder(outcome: Callable[[], bytes], **options) -> Iterator[PausedBuilder]:
    """Run the block while another thread builds; it may go on at the end at the latest."""
    builder = PausedBuilder(outcome)

    def build() -> None:
        with suppress(Withdrawn):
            read(builder, **options)

    thread = threading.Thread(target=build)
    thread.start()
    try:
        assert builder.building.wait(10)
        yield builder
    finally:
        builder.go_on.set()
        thread.join()


@pytest.mark.parametrize("policy", [RECIPE, IN_PROCESS])
def test_what_was_withdrawn_nobody_gets_beside_the_builder(policy):
    factories.make_concert()
    read(lambda: b"public", policy=policy)
    changed()
    with beside_a_builder(withdrawn, policy=policy) as builder:
        reading = Reading(policy)
        builder.go_on.set()
        assert isinstance(reading.outcome(), Withdrawn)


class Reading:
    """A reader in a thread of its own, who would build what was withdrawn."""

    def __init__(self, policy: CachePolicy) -> None:
        self._results: list[object] = []
        self._recipe = policy
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            self._results.append(read(withdrawn, policy=self._recipe).body)
        except Withdrawn as refusal:
            self._results.append(refusal)

    def outcome(self) -> object:
        self._thread.join()
        return self._results[0]


@pytest.mark.control
def test_control_an_entry_of_other_markers_would_be_answered_beside_the_builder(monkeypatch):
    monkeypatch.setattr(
        CacheRequest,
        "is_usable",
        lambda self, found, markers: found is not None,
    )
    factories.make_concert()
    read(lambda: b"public")
    changed()
    with beside_a_builder(withdrawn):
        assert read(withdrawn).body == b"public"


def test_what_a_clock_withdrew_is_gone_after_the_first_refusal():
    """Nothing was written, so the markers are the same: the sale has ended by itself."""
    read(lambda: b"public")
    with pytest.raises(Withdrawn):
        read(withdrawn, later=31)
    with beside_a_builder(withdrawn, later=31) as builder:
        assert clients.client("cache").get("fr:c:doc:test:one") is None
        assert shared.local.get("test:one") is None
        builder.go_on.set()


def test_what_was_withdrawn_stays_gone_while_the_databases_are_away():
    factories.make_concert()
    read(lambda: b"public")
    changed()

    def fail() -> bytes:
        raise OperationalError("the database is unavailable")

    with pytest.raises(OperationalError):
        read(fail)


def test_a_crowd_at_a_withdrawn_page_shares_the_refusal():
    factories.make_concert()
    read(lambda: b"public")
    changed()
    builds = []

    def refuse() -> bytes:
        builds.append(1)
        raise Withdrawn

    with beside_a_builder(withdrawn) as builder:
        results: list[object] = []

        def ask() -> None:
            try:
                read(refuse)
            except Withdrawn as refusal:
                results.append(refusal)

        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        await_that(lambda: _waiting("test:one") == 13, "all wait for the builder")
        builder.go_on.set()
        for thread in threads:
            thread.join()
    assert (len(results), len(builds)) == (12, 0)


def _waiting(key: str) -> int:
    return shared._single_flight._locks.get(key, (None, 0))[1]


def test_what_is_published_again_is_not_refused_for_a_moment_longer():
    factories.make_concert()
    with pytest.raises(Withdrawn):
        read(withdrawn)
    changed()
    assert read(lambda: b"there again").body == b"there again"


def test_a_refusal_passes_through_and_is_not_kept():
    with pytest.raises(Withdrawn):
        read(withdrawn)
    assert read(lambda: b"there now").body == b"there now"
