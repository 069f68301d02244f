"""Ticks expire by the primary's clock: Note [One clock]."""

from datetime import UTC, datetime, timedelta

import pytest
from celery.worker.request import Request
from django.conf import settings

from config.celery import app
from kernel import clock
from kernel.workers.task_expiry import PrimaryTimeRequest, expire_by_primary

MINUTES = timedelta(minutes=10)


@pytest.fixture(params=[MINUTES, -MINUTES], ids=["host behind", "host ahead"])
def now(request, monkeypatch) -> datetime:
    """The primary's present, far from this host's."""
    moment = datetime.now(UTC) + request.param
    monkeypatch.setattr(clock, "now", lambda: moment)
    return moment


def sent(seconds: float) -> dict:
    """What Celery sends of a task that expires `seconds` from this host's present."""
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    headers = {"expires": expires.isoformat(), "retries": 0}
    expire_by_primary(headers=headers)
    return headers


def received(headers: dict, kind: type[Request] = PrimaryTimeRequest) -> Request:
    request = object.__new__(kind)
    request.id = "some task"
    request._expires = datetime.fromisoformat(headers["expires"])
    return request


def test_a_tick_reaches_a_worker_whose_host_has_another_time(now):
    assert not received(sent(5)).maybe_expire()


def test_a_tick_that_waited_too_long_is_dropped_there_too(now):
    assert received(sent(-5)).maybe_expire()


@pytest.mark.control
def test_control_celerys_own_request_goes_by_the_host(monkeypatch):
    moment = datetime.now(UTC) - MINUTES  # this host is ahead
    monkeypatch.setattr(clock, "now", lambda: moment)
    assert received(sent(5), Request).maybe_expire()


def test_a_task_sent_again_keeps_its_expiry(now):
    headers = {"expires": now.isoformat(), "retries": 1}
    expire_by_primary(headers=headers)
    assert headers["expires"] == now.isoformat()


@pytest.mark.parametrize(
    "tick", settings.CELERY_BEAT_SCHEDULE.values(), ids=lambda tick: tick["task"]
)
def test_every_tick_expires_and_is_received_so(tick):
    app.loader.import_default_modules()
    assert tick["options"]["expires"] > 0
    assert app.tasks[tick["task"]].Request == "kernel.workers.task_expiry:PrimaryTimeRequest"
