"""What a release is judged by while some fans meet it: `python -m observability.analysis`.

Prometheus labels what a pod of the API says with its `release`, the hash of the pod's template, and
Argo Rollouts puts those of the new pods and the old ones in place of `{{args.canary}}` and
`{{args.stable}}`. Each query returns one number, which may be `at_most` so much:

- `comparison`: the new pods against the old ones beside them, in the same minutes. Where either
  side has served too few of a kind to compare, the difference is 0.
- `trust`: seats, money and events of the whole site. One bad answer takes it back.

One that returns nothing is a fault of what observes, and no release goes on by it. The chart has
them from here, as JSON, and a test compares. Why so:
docs/decisions/0081-a-release-is-judged-by-its-neighbours.md.
"""

import json
import sys
from dataclasses import asdict, dataclass

# Fewer requests of a kind in the window than this give no percentile and no share, and fewer
# failures than that are nobody's fault in particular.
WINDOW, COMPARABLE, FAILURES = "5m", 50, 3
# Note [Slow by chance]
# Of a hundred requests five make the 95th percentile, and a process that has just started is slow
# with as many. So with few of a kind one in ten of the new pods' has to be slower than what the old
# pods' slowest twentieth takes; with many their percentiles are compared as they are.
TIMED, MANY_TIMED = 100, 1000
# What the audit finds that settles by itself once a part is back (observability/rules/trust.yml).
SETTLES = (
    "late_money_goes_back|outcomes_become_known|gateway_is_asked|events_are_published"
    "|events_are_accepted|dead_letters_are_settled"
)

_RESPONSES = "django_http_responses_total_by_status_view_method_total"
_LATENCY = "django_http_requests_latency_seconds_by_view_method"
_CANARY, _STABLE = "{{args.canary}}", "{{args.stable}}"
_FAILED, _TAKEN = ',status=~"5.."', ',status="409"'
_DEAD = 'frontrow_consumer_events_total{result="dead"}'
_KINDS = {
    "join": ',view="queue",method="POST"',
    "hold": ',view="reservations",method="POST"',
    "pay": ',view=~"payments|payment-confirm",method="POST"',
}
# Nothing where Prometheus asks none of the new pods, else 0.
_SEEN = f'0 * count(up{{job="api",release="{_CANARY}"}} == 1)'


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a release: good up to `at_most`; `failures` bad ones in all are let pass."""

    name: str
    query: str
    at_most: float
    failures: int = 0


def _served(side: str, labels: str) -> str:
    return f'sum(increase({_RESPONSES}{{job="api",release="{side}"{labels}}}[{WINDOW}]))'


def _share(side: str, what: str, of: str = "") -> str:
    """Return the query for the share of responses that have the labels `what` as well."""
    return f"(({_served(side, of + what)} or vector(0)) / ({_served(side, of)} > 0))"


def _quantile(share: float, side: str, labels: str) -> str:
    rate = f'rate({_LATENCY}_bucket{{job="api",release="{side}"{labels}}}[{WINDOW}])'
    return f"histogram_quantile({share}, sum by (le) ({rate}))"


def _comparable(query: str, labels: str = "", least: int = COMPARABLE) -> str:
    """Return the query where both sides have served `least` or more, else 0."""
    enough = " and ".join(f"({_served(side, labels)} >= {least})" for side in (_CANARY, _STABLE))
    return f"({query}) and {enough} or {_SEEN}"


def _more_failed() -> Measure:
    query = f"{_share(_CANARY, _FAILED)} - {_share(_STABLE, _FAILED)}"
    query += f" and {_served(_CANARY, _FAILED)} >= {FAILURES}"
    return Measure("failed", _comparable(query), at_most=0.002, failures=1)


def _slower(kind: str) -> Measure:
    """See Note [Slow by chance]."""
    of = _KINDS[kind]
    usual = _quantile(0.95, _STABLE, of)
    with_many = f"{_quantile(0.95, _CANARY, of)} and {_served(_CANARY, of)} >= {MANY_TIMED}"
    query = f"({with_many} or {_quantile(0.9, _CANARY, of)}) / {usual}"
    return Measure(f"{kind}-p95", _comparable(query, of, TIMED), at_most=1.2, failures=1)


def _taken_otherwise() -> Measure:
    """Seats would be found taken, or free, that are not."""
    hold = _KINDS["hold"]
    query = f"abs({_share(_CANARY, _TAKEN, hold)} - {_share(_STABLE, _TAKEN, hold)})"
    return Measure("hold-taken", _comparable(query, hold), at_most=0.05, failures=1)


# A process that the release restarts says nothing for a while: then its last word counts.
MEASURES: dict[str, tuple[Measure, ...]] = {
    "comparison": (_more_failed(), *map(_slower, _KINDS), _taken_otherwise()),
    "trust": (
        Measure(
            "violations",
            f'max(max_over_time(frontrow_audit_violations{{check!~"{SETTLES}"}}[5m]))',
            at_most=0,
        ),
        Measure(
            "unknown-payments",
            "max(last_over_time(frontrow_unknown_payments_oldest_seconds[2m]))",
            at_most=60,
        ),
        Measure("outbox-age", "max(last_over_time(frontrow_outbox_age_seconds[2m]))", at_most=30),
        Measure(
            "dead-letters",
            # Consumers that can apply nothing stop by themselves, soon after the first letters.
            f"sum(increase({_DEAD}[5m])) > 0"
            f" or sum(max_over_time({_DEAD}[5m]) unless {_DEAD} offset 5m) > 0"
            " or 0 * count(last_over_time(frontrow_consumer_running[5m]))",
            at_most=0,
        ),
    ),
}
# A step in which the new pods have served fewer says nothing: it is looked at so often again.
REQUESTS, LEAST_REQUESTS, LOOKS = f"{_served(_CANARY, '')} or {_SEEN}", 200, 40


def document() -> dict[str, object]:
    """Return what the chart has of it."""
    measures = {kind: [asdict(one) for one in ones] for kind, ones in MEASURES.items()}
    traffic = {"query": REQUESTS, "at_least": LEAST_REQUESTS, "looks": LOOKS}
    return {**measures, "traffic": traffic}


def main() -> None:
    """Print it."""
    json.dump(document(), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
