"""What a release is judged by: each measure tells a bad release from a good one."""

import json
import re
import subprocess
import sys

import pytest

from observability import analysis
from observability.promql import family, labels_in, metrics_in
from tests.observability.rule_files import ROOT, alerts
from tests.observability.test_rules import LABELS, known_metrics

MEASURES = {one.name: one for ones in analysis.MEASURES.values() for one in ones}
COMPARED = [one.name for one in analysis.MEASURES["comparison"]]
RESPONSES = "django_http_responses_total_by_status_view_method_total"
LATENCY = "django_http_requests_latency_seconds_by_view_method"
BUCKETS = ("0.1", "0.5", "1.0", "2.0", "+Inf")
VIEWS = {"join": "queue", "hold": "reservations", "pay": "payments"}
MINUTES = 12


def filled(query: str) -> str:
    return query.replace("{{args.canary}}", "new").replace("{{args.stable}}", "old")


def grows(series: str, each_minute: float) -> dict[str, str]:
    return {"series": series, "values": f"0+{each_minute / 4}x{4 * MINUTES}"}


def stays(series: str, value: float = 0) -> dict[str, str]:
    return {"series": series, "values": f"{value}+0x{4 * MINUTES}"}


def served(release: str, kind: str, each_minute: int, *, within: str, **shares: float):
    """Return a release's responses of a kind: how many, how quick, which share has which status."""
    labels = f'job="api",release="{release}",view="{VIEWS[kind]}",method="POST"'
    good = 1 - sum(shares.values())
    for status, share in {"201": good, **shares}.items():
        yield grows(f'{RESPONSES}{{{labels},status="{status.lstrip("_")}"}}', each_minute * share)
    for le in BUCKETS:
        count = each_minute if BUCKETS.index(le) >= BUCKETS.index(within) else 0
        yield grows(f'{LATENCY}_bucket{{{labels},le="{le}"}}', count)


def site(*more, releases=("new", "old"), each_minute=40, within="0.5", **shares):
    """Return a site where both releases do alike; `more` comes on top."""
    return [
        *(stays(f'up{{job="api",release="{one}"}}', 1) for one in releases),
        *(
            series
            for release in releases
            for kind in VIEWS
            for series in served(release, kind, each_minute, within=within, **shares)
        ),
        stays('frontrow_audit_violations{check="seats_are_sold_once"}'),
        stays('frontrow_audit_violations{check="events_are_published"}', 3),
        stays("frontrow_unknown_payments_oldest_seconds"),
        stays("frontrow_outbox_age_seconds", 0.4),
        stays('frontrow_consumer_running{group="statistics"}', 1),
        *more,
    ]


def both(new, old):
    """Return a site whose two releases differ: `served` arguments of each, for every kind."""
    apart = [series for series in site() if "django_http" not in series["series"]]
    for release, words in (("new", new), ("old", old)):
        for kind in VIEWS:
            apart += served(release, kind, **({"each_minute": 40, "within": "0.5"} | words))
    return apart


@pytest.mark.parametrize("name", MEASURES)
def test_a_release_like_the_one_before_it_is_good(number, name):
    one = MEASURES[name]
    value = number(filled(one.query), site())
    # With few requests the slowest tenth stands for the slowest twentieth of buckets up to 0.5 s.
    alike = (0.1 + 0.9 * 0.4) / (0.1 + 0.95 * 0.4)
    assert value == pytest.approx(alike if name.endswith("p95") else 0.4 * (name == "outbox-age"))
    assert value <= one.at_most


@pytest.mark.parametrize("kind", VIEWS)
def test_one_slow_request_of_fourteen_is_chance_with_few_and_a_fault_with_many(number, kind):
    """Seven of a hundred are in the slowest twentieth, and not in the slowest tenth."""
    one = MEASURES[f"{kind}-p95"]

    def value(each_minute):
        slow = [*served("new", kind, each_minute, within="0.5")]
        for series in slow:
            if "_bucket" in series["series"] and 'le="+Inf"' not in series["series"]:
                share = 1 if 'le="2.0"' in series["series"] else 0.93
                quick = 'le="0.1"' not in series["series"]
                series["values"] = f"0+{each_minute / 4 * share * quick}x{4 * MINUTES}"
        others = [two for two in both({}, {}) if 'release="new"' not in two["series"]]
        return number(filled(one.query), [*others, *slow, stays('up{job="api",release="new"}', 1)])

    assert value(each_minute=40) <= one.at_most
    assert value(each_minute=400) > one.at_most


@pytest.mark.parametrize("name", COMPARED)
def test_what_both_do_badly_is_not_the_new_ones_fault(number, name):
    bad = {"within": "2.0", "_503": 0.05, "_409": 0.4}
    one = MEASURES[name]
    assert number(filled(one.query), both(bad, bad)) <= one.at_most


@pytest.mark.control
@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("failed", {"_500": 0.03}),
        ("join-p95", {"within": "1.0"}),
        ("hold-p95", {"within": "1.0"}),
        ("pay-p95", {"within": "1.0"}),
        ("hold-taken", {"_409": 0.07}),
    ],
)
def test_control_what_the_new_one_alone_does_badly_is_seen(number, name, new):
    one = MEASURES[name]
    assert number(filled(one.query), both(new, {})) > one.at_most


@pytest.mark.parametrize("old", [{"_409": 0.3}, {"_409": 0.2}])
def test_seats_found_taken_more_seldom_are_a_difference_too(number, old):
    one = MEASURES["hold-taken"]
    assert number(filled(one.query), both({"_409": 0.1}, old)) > one.at_most


@pytest.mark.parametrize("name", COMPARED)
def test_too_few_of_a_kind_are_not_compared(number, name):
    few = {"each_minute": 2, "within": "2.0", "_500": 0.5, "_409": 0.5}
    assert number(filled(MEASURES[name].query), both(few, {})) == 0


def test_one_failure_takes_no_release_back(number):
    one = MEASURES["failed"]
    # Two in five minutes of 600 are a greater share than is let pass.
    assert one.at_most < 2 / 600
    assert number(filled(one.query), both({"_500": 2 / 600}, {})) == 0


@pytest.mark.control
@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("violations", stays('frontrow_audit_violations{check="money_adds_up"}', 1)),
        ("unknown-payments", stays('frontrow_unknown_payments_oldest_seconds{instance="2"}', 90)),
        ("outbox-age", stays('frontrow_outbox_age_seconds{instance="2"}', 31)),
        ("dead-letters", grows('frontrow_consumer_events_total{result="dead"}', 1)),
        # The first of all: its counter begins with it.
        ("dead-letters", {"series": 'frontrow_consumer_events_total{result="dead"}',
                          "values": "_x35 1x12"}),
        # Of consumers that have stopped since.
        ("dead-letters", {"series": 'frontrow_consumer_events_total{result="dead"}',
                          "values": "_x38 10x2 stale"}),
    ],
)  # fmt: skip
def test_control_seats_money_and_events_that_go_wrong_are_seen(number, name, series):
    one = MEASURES[name]
    assert number(filled(one.query), site(series)) > one.at_most


@pytest.mark.parametrize("name", MEASURES)
def test_what_nobody_measures_is_no_number(says_nothing, name):
    assert says_nothing(filled(MEASURES[name].query))


def test_a_step_counts_what_the_new_pods_have_served(number, says_nothing):
    requests = filled(analysis.REQUESTS)
    assert number(requests, site()) == pytest.approx(600, rel=0.1)  # 3 x 40 in each of 5 minutes
    idle = stays('up{job="api",release="new"}', 1)
    assert number(requests, [idle]) == 0
    assert says_nothing(requests)


def test_they_read_metrics_and_labels_that_exist():
    known = {*known_metrics(), "up"}
    for query in (analysis.REQUESTS, *(one.query for one in MEASURES.values())):
        assert {family(one) for one in metrics_in(filled(query))} <= known, query
        assert labels_in(filled(query)) <= LABELS, query


def test_what_settles_by_itself_is_what_the_alerts_say():
    _, rule = alerts()["OversellOrLedgerViolation"]
    [settles] = re.findall(r'check!~"([^"]+)"', rule["expr"])
    assert settles == analysis.SETTLES


def test_the_command_prints_them():
    argv = [sys.executable, "-m", "observability.analysis"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == analysis.document()
