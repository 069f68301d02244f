"""A change still shows within seconds if the cache server missed its invalidation."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from concerts import store, tasks
from concerts.models import PriceGrade, StaleDocument
from concerts.usecases import layouts, programme
from kernel import clock
from kernel.caching import shared
from kernel.db.transaction import transaction
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import breaker, client, guarded
from tests.support import catalogue, factories


@pytest.fixture
def performance(db_ready):
    catalogue.forget_documents()
    performance = factories.make_performance(seats=2, on_sale=False)
    tasks.repeat_invalidations()
    return performance


@contextmanager
def out_of_reach(monkeypatch) -> Iterator[None]:
    """Freeze the cache server until the breaker is open, so that nothing waits in its socket.

    It keeps its data, as it would behind a network that is cut: an empty one can't be old.
    """
    monkeypatch.setattr(breaker("cache"), "_retry_seconds", 60.0)
    process = client("cache").info("server")["process_id"]
    os.kill(process, signal.SIGSTOP)
    try:
        for _ in range(3):
            with suppress(DependencyUnavailable):
                guarded("cache", lambda server: server.get("fr:c:anything"))
        assert breaker("cache").is_open
        yield
    finally:
        os.kill(process, signal.SIGCONT)
        breaker("cache").reset()


def price_of(api, performance) -> int:
    shown = api.get(f"/api/v1/performances/{performance.pk}/seatmap/").json()
    return shown["sections"][0]["price"]["amount"]


def set_price(performance, price: int) -> None:
    grade = PriceGrade.objects.get(performance=performance)
    layouts.set_price(grade_id=grade.pk, price=price, actor_id=None, reason="test", now=clock.now())


def change_unheard(api, performance, monkeypatch) -> None:
    assert price_of(api, performance) == 100_000
    with out_of_reach(monkeypatch):
        set_price(performance, 70_000)
        tasks.repeat_invalidations()  # in vain
    assert StaleDocument.objects.exists()


def test_the_next_tick_after_the_cache_is_back_shows_the_change(api, performance, monkeypatch):
    change_unheard(api, performance, monkeypatch)
    tasks.repeat_invalidations()
    assert price_of(api, performance) == 70_000
    assert not StaleDocument.objects.exists()


@pytest.mark.control
def test_control_without_the_tick_the_old_price_stays(api, performance, monkeypatch):
    change_unheard(api, performance, monkeypatch)
    assert price_of(api, performance) == 100_000
    catalogue.forget_documents()  # another process, which has only what the cache server keeps
    assert price_of(api, performance) == 100_000


def test_a_process_that_dies_right_after_the_commit_is_made_up_for(api, performance, monkeypatch):
    assert price_of(api, performance) == 100_000
    with monkeypatch.context() as dying:
        dying.setattr(shared, "invalidate", lambda *names: False)
        set_price(performance, 70_000)
    tasks.repeat_invalidations()
    assert price_of(api, performance) == 70_000


def test_a_concert_withdrawn_unheard_does_not_stay_visible(api, performance, monkeypatch):
    assert price_of(api, performance) == 100_000
    with out_of_reach(monkeypatch):
        programme.unpublish(
            concert_id=performance.concert_id, actor_id=None, reason="test", now=clock.now()
        )
    tasks.repeat_invalidations()
    assert api.get(f"/api/v1/performances/{performance.pk}/seatmap/").status_code == 404


def test_an_undone_change_leaves_nothing_to_repeat(performance):
    with pytest.raises(ZeroDivisionError), transaction():
        store.layouts_changed(performance_ids=[performance.pk])
        raise ZeroDivisionError
    assert store.repeat_invalidations() == 0


def test_without_the_cache_server_a_process_learns_of_a_change_in_seconds(
    api, performance, parts, monkeypatch
):
    with catalogue.stopped(parts, "cache"):
        assert price_of(api, performance) == 100_000
        set_price(performance, 70_000)
        later = clock.now() + shared.ALONE
        monkeypatch.setattr(clock, "now", lambda: later)
        assert price_of(api, performance) == 70_000
