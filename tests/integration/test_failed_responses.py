"""Failures of the site within a minute: counted where they are logged, for all processes."""

from datetime import timedelta

import pytest
from django.test import Client

from boxoffice import attention, board, performances
from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import breaker, client
from kernel.telemetry import access_log, failed_responses
from kernel.telemetry.failed_responses import FailedResponses
from tests.support import factories
from tests.support.waiting import await_that
from tests.unit.test_access_log_batches import RESPONSE


@pytest.fixture(autouse=True)
def nothing_counted(db_ready):
    access_log.flush()
    failed_responses.flush()
    client("cache").flushall()


def counted(*, later=timedelta()):
    return failed_responses.in_last_minute(now=clock.now() + later)


def test_failures_of_fast_paths_and_views_are_counted_within_seconds(monkeypatch):
    for status in (200, 404, 409, 500, 503, 503):
        access_log.record_response(RESPONSE._replace(status=status))
    monkeypatch.setattr(board, "figures", None)  # a defect of a view
    browser = Client(raise_request_exception=False)
    assert browser.get("/api/v1/performances/broken/").status_code == 404
    failed_responses.count(500)
    await_that(lambda: counted() == FailedResponses(defects=2, all=4), "all counted")


def test_a_view_that_raises_is_a_defect(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError

    monkeypatch.setattr("boxoffice.staff_pages.redirect_to_login", broken)
    browser = Client(raise_request_exception=False)
    assert browser.get("/en/staff/").status_code == 500
    await_that(lambda: counted() == FailedResponses(defects=1, all=1), "counted")


def test_a_probe_that_says_no_is_no_failure(monkeypatch):
    monkeypatch.setattr("kernel.http.middleware.is_probe", lambda request: True)
    monkeypatch.setattr("boxoffice.staff_pages.redirect_to_login", None)
    assert Client(raise_request_exception=False).get("/en/staff/").status_code == 500
    failed_responses.flush()
    assert counted() == FailedResponses(defects=0, all=0)


def test_what_is_older_than_a_minute_is_over():
    failed_responses.count(503, 7)
    failed_responses.flush()
    assert counted().all == 7
    assert counted(later=timedelta(seconds=50)).all == 7
    assert counted(later=timedelta(seconds=70)).all == 0


def test_without_failures_nothing_is_sent(monkeypatch):
    monkeypatch.setattr(failed_responses, "guarded", None)
    failed_responses.count(499, 1_000)
    failed_responses.flush()


def test_what_cannot_be_sent_goes_once_the_cache_server_is_back(parts):
    parts.part("cache").stop()
    try:
        failed_responses.count(502, 3)
        with pytest.raises(DependencyUnavailable):
            failed_responses.flush()
        assert counted() is None
    finally:
        parts.part("cache").start()
        breaker("cache").reset()
    await_that(lambda: counted() == FailedResponses(defects=0, all=3), "counted", seconds=30)


def test_after_a_long_outage_old_failures_are_not_of_the_last_minute(monkeypatch):
    then = clock.now() - timedelta(minutes=10)
    with monkeypatch.context() as patch:
        patch.setattr(failed_responses.time, "time", then.timestamp)
        failed_responses.count(503, 50)
    failed_responses.count(503, 2)
    failed_responses.flush()
    assert counted() == FailedResponses(defects=0, all=2)


def test_the_board_shows_them_and_says_when_they_are_many():
    performance = factories.make_performance(seats=2)

    def figures():
        now = clock.now()
        return board.figures(performances.find(performance.pk, now=now), now=now)

    failed_responses.count(500, attention.DEFECTS_AT_LEAST - 1)
    failed_responses.flush()
    assert figures()["failures"] == {"defects": 4, "all": 4}
    assert "requests_fail" not in [one["code"] for one in figures()["alerts"]]
    failed_responses.count(500)
    failed_responses.flush()
    assert "requests_fail" in [one["code"] for one in figures()["alerts"]]
