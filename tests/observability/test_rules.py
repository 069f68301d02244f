"""Each alert is complete, fires when it should, and asks for what exists."""

import re

import pytest

from observability.promql import family, labels_in, metrics_in
from proof.checks import CHECKS, letters, settling
from tests.observability.rule_files import (
    ROOT,
    RULES,
    RUNBOOK,
    alerts,
    anchor,
    expressions,
    recorded,
    rule_cases,
    rule_groups,
)

GROUPS = {"trust", "fans", "queue", "postgresql", "valkey", "kafka", "workers", "platform"}
DASHBOARDS = {"on-sale", "api", "postgresql", "valkey", "events", "workers", "release"}
# Of ours, of Django's, of the exporters'; nobody's id, seat, address or token is among them.
LABELS = {
    *(
        "alias",
        "check",
        "clock",
        "cmd",
        "code",
        "collector",
        "color",
        "currency",
        "database",
        "datname",
        "event",
    ),
    *(
        "found",
        "fstype",
        "group",
        "host",
        "instance",
        "job",
        "le",
        "method",
        "mountpoint",
        "outcome",
    ),
    *("part", "performance", "promise", "quantile", "queue", "reason", "relname", "result"),
    *(
        "release",
        "role",
        "slo",
        "slot_name",
        "state",
        "status",
        "table",
        "task",
        "topic",
        "version",
        "view",
    ),
}
# Always fires, so it has no silence: somebody outside calls when it stops.
NEVER_SILENT = {"Watchdog"}
# What the documents on infrastructure ask to be alerted on, and the alerts that do.
ASKED = {
    "replication lag": {"ReplicaLag", "ReplicaFarBehind"},
    "deadlocks": {"Deadlocks"},
    "long queries": {"LongQuery", "IdleInTransaction"},
    "connection pool": {"PoolNearlyUsed", "PoolWaits"},
    "cache latency spike": {"ValkeySlow"},
    "expiry surge": {"KeysExpireInSurge"},
    "failover": {"PostgresFailedOver", "ValkeyFailedOver"},
    "memory fragmentation": {"ValkeyFragmented"},
    "consumer lag": {"ConsumerLag", "ConsumerLagGrows"},
    "topic growth": {"TopicGrows"},
    "errored messages": {"DeadLetters", "EventRetries", "OutboxDead"},
    "p95 and p99": {"SlowP95", "SlowP99"},
    "error ratio": {"ServerErrors", "ErrorBudgetBurnsFast", "ErrorBudgetBurns"},
    "TPS": {"TrafficFellInSale"},
    "hold failures": {"HoldsFail"},
    "lock waits": {"LockWaits"},
    "slow-query trend": {"QueriesSlowerThanLastWeek", "SlowStatements"},
    "queue length": {"AdmissionStalled", "TasksWait"},
    "promotion rate": {"PromotionSlow"},
    "mean wait": {"WaitsLongerThanSaid"},
    "hold expiry": {"HoldsExpire"},
    "payment failure": {"PaymentsFail", "ChargesFail"},
    "idempotency conflicts": {"IdempotencyConflicts"},
}
PAGES = {
    *("OversellOrLedgerViolation", "SaleHaltedByAudit", "UnknownPaymentOld"),
    *("ErrorBudgetBurnsFast", "ErrorBudgetBurns", "ServerErrors", "HoldsExpire"),
    *("JoinSlow", "AdmissionStalled", "NoWritableLeader", "TwoWritableLeaders", "NoSyncStandby"),
    *("ReplicaFarBehind", "SlotsNotCovered", "OutboxVeryOld", "Watchdog"),
}


def known_metrics() -> set[str]:
    listed = (ROOT / "observability" / "exporter_metrics.txt").read_text().splitlines()
    page = (ROOT / "docs" / "metrics.md").read_text()
    ours = re.findall(r"`((?:frontrow|stamina)_\w+)`", page)
    known = {line for line in listed if line and not line.startswith("#")}
    return {family(name) for name in {*known, *ours, *recorded()}}


def test_promtool_accepts_every_rule(promtool):
    files = sorted(RULES.glob("*.yml"))
    assert len(files) == len(GROUPS) + 1
    promtool("check", "rules", *files)


def test_the_alerts_fire_and_are_silent_as_their_cases_say(promtool):
    files = sorted((RULES / "tests").glob("*.yml"))
    assert promtool("test", "rules", *files).count("SUCCESS") == len(files) > 8


def test_each_alert_has_a_case_that_fires_and_one_that_is_silent():
    cases = rule_cases()
    for name, (_, rule) in alerts().items():
        fires = {fires for alert, fires, _ in cases if alert == name}
        assert fires == ({True} if name in NEVER_SILENT else {True, False}), name
        read = metrics_in(rule["expr"]) - {"vector"}
        for _, _, given in [case for case in cases if case[0] == name and not case[1]]:
            # Silence says something only where there is something to look at.
            assert given & (read | {s for s in given if "slo:" not in s and _feeds(s, read)}), name
    assert {alert for alert, _, _ in cases} <= set(alerts())


def test_what_settles_by_itself_is_late_and_never_a_wrong_seat_or_money():
    late = {one.name for one in CHECKS if one.find.__module__ == settling.__name__}
    late.add(letters.dead_letters_are_settled.__name__)
    named = re.compile(r'check(=~|!~)"([^"]+)"')
    split = {}
    for name in ("OversellOrLedgerViolation", "AuditFindsDelay"):
        [(split[name], checks)] = named.findall(alerts()[name][1]["expr"])
        assert set(checks.split("|")) == late, name
    assert split == {"OversellOrLedgerViolation": "!~", "AuditFindsDelay": "=~"}


def _feeds(series: str, read: set[str]) -> bool:
    """Return whether a series goes into a recorded one that is read."""
    rules = [rule for rules in rule_groups().values() for rule in rules if "record" in rule]
    wanted, before = set(read), set()
    while wanted != before:
        before = set(wanted)
        for rule in rules:
            if rule["record"] in wanted:
                wanted |= metrics_in(rule["expr"])
    return series in wanted


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_who_is_called_what_it_is_and_what_to_do(name):
    group, rule = alerts()[name]
    assert rule["labels"] == {"severity": "page" if name in PAGES else "ticket", "area": group}
    # It would stand in place of the series' own: two consumer groups become one, and none is sent.
    assert not set(rule["labels"]) & labels_in(rule["expr"])
    notes = rule["annotations"]
    assert set(notes) == {"summary", "summary_ko", "dashboard", "runbook_url"}
    assert re.fullmatch(r"[^가-힣]{10,}\.", notes["summary"])
    assert re.search(r"[가-힣].*\.$", notes["summary_ko"])
    assert notes["dashboard"] in DASHBOARDS
    page, _, heading = notes["runbook_url"].partition("#")
    titles = re.findall(r"^#+ (.+)$", (ROOT / "docs" / page).read_text(), re.MULTILINE)
    assert heading in map(anchor, titles)


def test_the_table_of_alerts_is_complete():
    assert set(rule_groups()) >= GROUPS
    assert {group for group, _ in alerts().values()} == GROUPS
    missing = {asked: names - set(alerts()) for asked, names in ASKED.items()}
    assert {asked: names for asked, names in missing.items() if names} == {}
    assert len(alerts()) > 80


def test_a_page_of_the_runbook_says_four_things_in_their_order():
    pages = re.findall(
        r"^### (.+?)\n\n(.+?)(?=^##|\Z)", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL
    )
    named = {}
    for title, text in pages:
        found = re.findall(r"^- \*\*(.+?):\*\*", text, re.MULTILINE)
        assert found == ["Fans notice", "Look", "Do", "Undo"], title
        for name in re.findall(r"`(\w+)`", text.split("\n\n")[0]):
            named[name] = f"{RUNBOOK.name}#{anchor(title)}"
    wanted = {name: rule["annotations"]["runbook_url"] for name, (_, rule) in alerts().items()}
    assert named == wanted


def test_every_metric_that_a_rule_reads_exists():
    known = known_metrics()
    lacking = {
        name: lacks
        for name, expression in expressions().items()
        if (lacks := {one for one in metrics_in(expression) if family(one) not in known})
    }
    assert lacking == {}


def test_rules_look_at_no_label_that_could_name_a_person_or_a_seat():
    used = set().union(*(labels_in(expression) for expression in expressions().values()))
    for _, rule in alerts().values():
        used |= set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    assert used - LABELS == set()
    assert len(used) > 25


def test_the_promises_are_recorded_over_every_window():
    names = recorded()
    assert {f"slo:error_ratio:rate{window}" for window in ("5m", "30m", "1h", "6h", "3d")} <= names
    slos = {}
    for rule in (rule for rules in rule_groups().values() for rule in rules):
        if slo := rule["labels"].get("slo") if "record" in rule and "labels" in rule else None:
            slos.setdefault(slo, set()).add(rule["record"])
    assert len(slos) == 8
    assert set(map(frozenset, slos.values())) == {
        frozenset({"slo:requests:rate5m", "slo:errors:rate5m", "slo:budget:ratio"})
    }


def test_the_page_of_promises_says_what_the_rules_say():
    text = (ROOT / "docs" / "slo.md").read_text()
    rows = re.findall(r"^\|.*?\| `(\w+)` \| .*? \| ([\d.]+) % \| (.+?) \|", text, re.MULTILINE)
    budgets = {}
    for rule in rule_groups()["slo-budgets"]:
        budget = float(rule["expr"].removeprefix("vector(").removesuffix(")"))
        budgets[rule["labels"]["slo"]] = budget
    assert {slo: round(100 * (1 - budget), 4) for slo, budget in budgets.items()} == {
        slo: float(target) for slo, target, _ in rows
    }
    for slo, _, time in rows:
        units = {"h": 3600, "min": 60, "s": 1}
        seconds = sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+) (h|min|s)\b", time))
        assert seconds == round(30 * 86400 * budgets[slo]), slo


@pytest.mark.parametrize(
    ("expression", "metrics", "labels"),
    [
        ('sum by (le) (rate(a_bucket{x="b_c",le!="1"}[5m])) > 1e9', {"a_bucket"}, {"le", "x"}),
        ("a offset 1w unless on (job, x) (b or vector(0)) > bool 2", {"a", "b"}, {"job", "x"}),
        ("slo:x:rate5m / (up > 0)", {"slo:x:rate5m", "up"}, set()),
        ("count_over_time(max(a)[30m:1m]) and b", {"a", "b"}, set()),
    ],
)
def test_names_are_found_in_expressions(expression, metrics, labels):
    assert (metrics_in(expression), labels_in(expression)) == (metrics, labels)
