"""The queries that a cluster scales its pods by: `python -m observability.scaling` prints them.

Each returns one number: how many pods are wanted now (threshold 1). The chart has them from here,
as JSON by workload and trigger, and a test compares. An autoscaler takes the largest, between its
own least and most. One that returns nothing is a fault of what observes, never "none are wanted":
where nobody came for a while the queries say so by themselves. Why so:
docs/decisions/0079-pods-are-there-before-the-fans.md.
"""

import json
import sys

# What is asked of the API: half of what a fan reads at most in one answer is promised to take
# (docs/slo.md); at half of it half the pods would do, at twice of it twice as many, and no query
# asks for more than that at once.
P95_SECONDS = 0.5
# What a pod bears, as in docs/capacity.md; the settings of these names say the same.
API_POD_FANS_PER_SECOND = 330
FASTPATH_POD_JOINS_PER_SECOND = 2200
# One worker more for each so many seconds that the oldest task waits, and one group of consumers
# more for so many messages; more of these than partitions would stand idle.
TASK_SECONDS, RELAY_SECONDS = 10, 5
MESSAGES, PARTITIONS = 5000, 6

_JOINS = (
    "(sum(rate(django_http_requests_latency_seconds_by_view_method_count"
    '{view="queue",method="POST"}[1m])) or vector(0))'
)
# NaN where nobody asked: then it is quick.
_P95 = (
    "(histogram_quantile(0.95, sum by (le) (rate("
    'django_http_requests_latency_seconds_by_view_method_bucket{job="api"}[1m]))) >= 0'
    " or vector(0))"
)


def _oldest(queues: str, seconds: int) -> str:
    """Return the query for workers of the queues: a regular expression of their names."""
    return f'max(frontrow_celery_oldest_task_seconds{{queue=~"{queues}"}}) / {seconds}'


# By workload and trigger.
QUERIES: dict[str, dict[str, str]] = {
    "api": {
        "p95": f'count(up{{job="api"}} == 1) * clamp({_P95} / {P95_SECONDS}, 0.5, 2)',
        "joins": f"{_JOINS} / {API_POD_FANS_PER_SECOND}",
        "calendar": "max(frontrow_wanted_api_pods)",
    },
    "fastpath": {
        "joins": f"{_JOINS} / {FASTPATH_POD_JOINS_PER_SECOND}",
        "calendar": "max(frontrow_wanted_fastpath_pods)",
    },
    "worker-promotion": {"oldest-task": _oldest("promotion", TASK_SECONDS)},
    "worker-general": {"oldest-task": _oldest("sweep|payments", TASK_SECONDS)},
    "worker-background": {"oldest-task": _oldest("mail|uploads|webhooks", TASK_SECONDS)},
    "worker-relay": {"oldest-event": f"max(frontrow_outbox_age_seconds) / {RELAY_SECONDS}"},
    "consumers": {"lag": f"clamp_max(sum(frontrow_consumer_lag) / {MESSAGES}, {PARTITIONS})"},
}


def main() -> None:
    """Print them."""
    json.dump(QUERIES, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
