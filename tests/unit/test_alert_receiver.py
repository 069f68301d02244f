"""What the alerts' drill keeps of what it is sent, and what it says of it."""

import json
import time
import urllib.error
import urllib.request

import pytest

from drills.alerts import command, page
from drills.alerts.fault import DELIVERY_SECONDS, pending_seconds
from drills.alerts.faults import BY_NAME, FAULTS
from drills.alerts.receiver import AlertReceiver, listening
from drills.alerts.running import TriedFault


def message(*alerts: tuple[str, str], **labels: str) -> dict:
    return {
        "alerts": [
            {"status": status, "labels": {"alertname": name, **labels}} for name, status in alerts
        ]
    }


def test_an_alert_that_is_sent_again_is_no_news():
    receiver = AlertReceiver()
    receiver.keep(message(("Deadlocks", "firing")), 1.0)
    receiver.keep(message(("Deadlocks", "firing")), 2.0)
    receiver.keep(message(("Deadlocks", "resolved")), 3.0)
    receiver.keep(message(("Deadlocks", "firing")), 4.0)
    assert [one.at for one in receiver.fired(0)] == [1.0, 4.0]
    assert [one.at for one in receiver.fired(0, 4.0)] == [1.0]
    assert [one.at for one in receiver.fired(2.0)] == [4.0]


def test_an_alert_has_ended_when_all_that_it_is_about_have():
    receiver = AlertReceiver()
    for instance in ("api-1", "api-2"):
        receiver.keep(message(("TargetDown", "firing"), instance=instance), 1.0)
    receiver.keep(message(("TargetDown", "resolved"), instance="api-1"), 5.0)
    assert receiver.active("TargetDown")
    assert receiver.resolved_at("TargetDown", 0) is None
    receiver.keep(message(("TargetDown", "resolved"), instance="api-2"), 7.0)
    assert not receiver.active("TargetDown")
    assert receiver.resolved_at("TargetDown", 0) == 7.0
    assert receiver.resolved_at("TargetDown", 8.0) is None


def test_the_dead_mans_switch_calls_nobody():
    receiver = AlertReceiver()
    receiver.keep(message(("Watchdog", "firing")), 1.0)
    assert receiver.fired(0) == []


def post(url: str, body: bytes) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_it_hears_a_webhook_and_refuses_what_is_none():
    receiver, before = AlertReceiver(), time.monotonic()
    with listening(receiver) as url:
        assert post(url, json.dumps(message(("LongQuery", "firing"))).encode()) == 200
        for body in (b"", b"[]", b'{"alerts": [{}]}'):
            assert post(url, body) == 400
    [heard] = receiver.fired(0)
    assert heard.name == "LongQuery"
    assert before <= heard.at <= time.monotonic()


def test_every_fault_has_an_alert_that_a_rule_makes_and_a_limit_by_it():
    assert len(FAULTS) >= 14
    assert len({one.alert for one in FAULTS}) == len(FAULTS)
    for one in FAULTS:
        assert one.limit == one.takes + pending_seconds(one.alert) + DELIVERY_SECONDS
        assert all(pending_seconds(name) >= 0 for name in one.brings)
    assert BY_NAME["stream"].limit == 150


def test_what_never_came_is_said_so():
    tried = TriedFault(BY_NAME["deadlock"], 10.0, others={"LongQuery": 1})
    found = tried.as_json()
    assert (found["received_after"], found["ended_after"]) == (None, None)
    assert found["unexpected"] == {"LongQuery": 1}
    report = {
        "date": "2026-11-27", "flows_per_second": 2.0, "audit": "clean", "quiet": None,
        "machine": {"cores": 2, "processor": "x", "memory_gib": 4, "system": "Linux",
                    "python": "3.11", "load": 1.0},
        "faults": [found], "seconds": 5, "verdict": "BROKEN", "broken": ["it"], "missed": [],
        "late": [],
    }  # fmt: skip
    assert "never" in command.summary(report)
    kept = {"quiet": None, "faults": {"deadlock": {**found, **report}}}
    assert "| never |" in page.page(kept)
    assert "`LongQuery` (not expected)" in page.page(kept)


@pytest.mark.parametrize("words", [["nothing"], ["deadlock", "--rate", "0"], ["--load"]])
def test_mistyped_words_are_refused_before_anything_starts(words, capsys):
    try:
        code = command.main(words)
    except SystemExit as end:
        code = end.code
    assert code == 4
    assert "drills" in capsys.readouterr().err
