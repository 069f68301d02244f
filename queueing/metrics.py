"""Metrics of every waiting room, for settings.METRIC_COLLECTORS."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from kernel import clock
from queueing import openings, policy, queries
from queueing.models import RoomState
from queueing.queue_server import queue_server
from queueing.wanted_pods import Opening
from queueing.wanted_pods import wanted_pods as pods_wanted

_ROOMS = 100  # a label a room: more would only hide what matters
_ADMITTING = (RoomState.OPEN, RoomState.DRAINING)
_AHEAD = timedelta(days=8)  # a week to prepare in
_OPENINGS = 1000  # within an hour


def waiting_rooms(*, now: datetime) -> Iterable[Metric]:
    """Yield queue length, active fans, capacity, promotion rate and waiting time by performance.

    Only rooms that the queue server knows; asking also brings them up to now, which harms nobody.
    """
    labels = ["performance"]
    waiting = GaugeMetricFamily("frontrow_queue_waiting", "Fans waiting", labels=labels)
    active = GaugeMetricFamily("frontrow_queue_active", "Fans admitted now", labels=labels)
    capacity = GaugeMetricFamily("frontrow_queue_capacity", "Places at a time", labels=labels)
    rate = GaugeMetricFamily(
        "frontrow_queue_promotion_rate", "Fans admitted a second, as seen lately", labels=labels
    )
    configured = GaugeMetricFamily(
        "frontrow_queue_rate_configured",
        "Fans to be admitted a second as staff say, 0 while the room admits nobody",
        labels=labels,
    )
    mean = GaugeMetricFamily(
        "frontrow_queue_mean_wait_seconds", "Mean wait of the admitted", labels=labels
    )
    admitted = CounterMetricFamily("frontrow_queue_admitted", "Fans admitted", labels=labels)
    waited = CounterMetricFamily(
        "frontrow_queue_waited_seconds", "Waiting time of the admitted", labels=labels
    )
    for config in queries.busiest_rooms(now=now, limit=_ROOMS):
        totals = queue_server.tick(
            performance_id=config.performance_id, now_ms=clock.to_ms(now)
        ).totals
        if totals is None:
            continue
        label = [str(config.performance_id)]
        seconds = totals.waited_ms / 1000
        waiting.add_metric(label, totals.waiting)
        active.add_metric(label, totals.active)
        capacity.add_metric(label, totals.capacity)
        rate.add_metric(label, totals.pace)
        admits = queries.rules_of(config).state_at(now) in _ADMITTING
        configured.add_metric(label, float(config.rate_per_second) if admits else 0.0)
        mean.add_metric(label, seconds / totals.admitted if totals.admitted else 0.0)
        admitted.add_metric(label, totals.admitted)
        waited.add_metric(label, seconds)
    return [waiting, active, capacity, rate, configured, mean, admitted, waited]


def upcoming_sales(*, now: datetime) -> Iterable[Metric]:
    """Yield when the queues of the next days open, in seconds, and how many fans staff expect."""
    labels = ["performance"]
    opens = GaugeMetricFamily(
        "frontrow_sale_opens_seconds", "Until the queue opens, of those to come", labels=labels
    )
    expected = GaugeMetricFamily(
        "frontrow_expected_fans", "Fans that staff expect, where they say", labels=labels
    )
    for config in openings.rooms(after=now, until=now + _AHEAD, limit=_ROOMS):
        label = [str(config.performance_id)]
        opens.add_metric(label, (config.queue_opens_at - now).total_seconds())
        if config.expected_fans is not None:
            expected.add_metric(label, config.expected_fans)
    return [opens, expected]


def wanted_pods(*, now: datetime) -> Iterable[Metric]:
    """Yield how many pods the calendar wants (Note [Wanted by the calendar])."""
    after, until = now - policy.PODS_AFTER, now + policy.PODS_BEFORE
    rooms = openings.rooms(after=after, until=until, limit=_OPENINGS)
    near = [Opening(room.queue_opens_at, room.expected_fans) for room in rooms]
    api = GaugeMetricFamily(
        "frontrow_wanted_api_pods", "Pods of the API that the sales about to open want"
    )
    fastpath = GaugeMetricFamily(
        "frontrow_wanted_fastpath_pods", "Pods of fastpath that the sales about to open want"
    )
    for family, borne in (
        (api, settings.API_POD_FANS_PER_SECOND),
        (fastpath, settings.FASTPATH_POD_JOINS_PER_SECOND),
    ):
        family.add_metric([], pods_wanted(near, now=now, fans_per_second=borne))
    return [api, fastpath]
