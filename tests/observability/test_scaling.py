"""Each query that pods are scaled by returns one number of pods, whatever there is to see."""

import json
import subprocess
import sys

import pytest
from django.conf import settings

from observability import scaling
from observability.promql import family, labels_in, metrics_in
from stack.application import WORKERS
from tests.observability.rule_files import ROOT
from tests.observability.test_rules import LABELS, known_metrics

LATENCY = "django_http_requests_latency_seconds_by_view_method"
BUCKETS = ("0.1", "0.5", "1.0", "2.0", "5.0", "+Inf")
PAIRS = [(workload, trigger) for workload, ones in scaling.QUERIES.items() for trigger in ones]


def quiet(pods: int = 6) -> list[dict]:
    """Return the series of a site that nobody uses."""
    states = {
        "frontrow_wanted_api_pods": 0,
        "frontrow_wanted_fastpath_pods": 0,
        "frontrow_outbox_age_seconds": 0,
        'frontrow_consumer_lag{group="statistics",topic="t"}': 0,
    }
    queues = [queue for names, _, _ in WORKERS.values() for queue in names.split(",")]
    states |= {f'frontrow_celery_oldest_task_seconds{{queue="{one}"}}': 0 for one in queues}
    states |= {f'up{{job="api",instance="{n}"}}': 1 for n in range(pods)}
    return [{"series": name, "values": f"{value}+0x40"} for name, value in states.items()]


def asked(per_step: dict[str, int], *, job: str = "api", view: str = "concerts") -> list[dict]:
    """Return a histogram that grows by so many every 15 s in each bucket, by its bound."""
    method = "POST" if view == "queue" else "GET"
    labels = f'job="{job}",view="{view}",method="{method}"'
    buckets = [
        {"series": f'{LATENCY}_bucket{{{labels},le="{le}"}}', "values": f"0+{per_step[le]}x40"}
        for le in BUCKETS
    ]
    count = {"series": f"{LATENCY}_count{{{labels}}}", "values": f"0+{per_step['+Inf']}x40"}
    return [*buckets, count]


def all_within(bound: str, count: int) -> dict[str, int]:
    """Return buckets where all fall between `bound` and the one before it."""
    place = BUCKETS.index(bound)
    return {le: count if number >= place else 0 for number, le in enumerate(BUCKETS)}


def changed(series: list[dict], **values: float) -> list[dict]:
    """Return the series with other values, by the beginning of their names."""
    return [
        next(
            (
                {**one, "values": f"{value}+0x40"}
                for name, value in values.items()
                if one["series"].startswith(name)
            ),
            one,
        )
        for one in series
    ]


@pytest.fixture
def wanted(number):
    """Return how many pods a query wants after ten minutes of the series."""
    return lambda workload, trigger, series: number(scaling.QUERIES[workload][trigger], series)


@pytest.mark.parametrize(("workload", "trigger"), PAIRS)
def test_where_nobody_comes_few_or_no_pods_are_wanted(wanted, workload, trigger):
    pods = wanted(workload, trigger, quiet())
    assert pods == (3 if trigger == "p95" else 0)


@pytest.mark.parametrize(
    ("within", "pods"), [("0.1", 3.0), ("0.5", 5.76), ("1.0", 11.7), ("2.0", 12.0), ("5.0", 12.0)]
)
def test_slow_answers_want_more_pods_and_twice_as_many_at_most(wanted, within, pods):
    series = [*quiet(), *asked(all_within(within, 300))]
    assert wanted("api", "p95", series) == pytest.approx(pods, abs=0.01)


@pytest.mark.parametrize(("workload", "pods"), [("api", 30.3), ("fastpath", 4.5)])
def test_ten_thousand_joins_a_second_want_the_pods_that_bear_them(wanted, workload, pods):
    joins = asked(all_within("0.1", 150_000), job="fastpath", view="queue")
    assert wanted(workload, "joins", [*quiet(), *joins]) == pytest.approx(pods, abs=0.1)


@pytest.mark.parametrize("workload", ["api", "fastpath"])
def test_the_calendar_says_how_many_it_wants(wanted, workload):
    series = changed(quiet(), **{f"frontrow_wanted_{workload}_pods": 31})
    another = f'frontrow_wanted_{workload}_pods{{instance="of-the-next-release"}}'
    both = [*series, {"series": another, "values": "31x40"}]
    assert wanted(workload, "calendar", both) == 31  # they count once


def test_tasks_events_and_messages_that_wait_want_more(wanted):
    waits = changed(
        quiet(),
        frontrow_celery_oldest_task_seconds=25,
        frontrow_outbox_age_seconds=12,
        frontrow_consumer_lag=12_000,
    )
    for workload in ("worker-promotion", "worker-general", "worker-background"):
        assert wanted(workload, "oldest-task", waits) == 2.5
    assert wanted("worker-relay", "oldest-event", waits) == 2.4
    assert wanted("consumers", "lag", waits) == 2.4
    many = changed(quiet(), frontrow_consumer_lag=1_000_000)
    assert wanted("consumers", "lag", many) == scaling.PARTITIONS


@pytest.mark.control
@pytest.mark.parametrize(("workload", "trigger"), PAIRS)
def test_control_what_nobody_measures_is_no_number(says_nothing, workload, trigger):
    """But the joins, which there may never have been: then an autoscaler stays as it is."""
    none = [{"labels": "{}", "value": 0}] if trigger == "joins" else []
    assert says_nothing(scaling.QUERIES[workload][trigger], none)


def test_they_read_metrics_and_labels_that_exist():
    known = {*known_metrics(), "up"}
    for ones in scaling.QUERIES.values():
        for query in ones.values():
            assert {family(one) for one in metrics_in(query)} <= known, query
            assert labels_in(query) <= LABELS, query


def test_a_pod_bears_there_what_it_bears_for_the_calendar():
    for name in ("API_POD_FANS_PER_SECOND", "FASTPATH_POD_JOINS_PER_SECOND"):
        assert getattr(scaling, name) == getattr(settings, name)
    assert scaling.PARTITIONS == settings.KAFKA_TOPIC_PARTITIONS


def test_every_worker_has_a_query_of_its_own_queues():
    for name, (queues, _, _) in WORKERS.items():
        [query] = scaling.QUERIES[f"worker-{name}"].values()
        assert name == "relay" or f'"{queues.replace(",", "|")}"' in query


def test_the_command_prints_them():
    argv = [sys.executable, "-m", "observability.scaling"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == scaling.QUERIES
