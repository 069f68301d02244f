"""Metrics of the door: check-ins by outcome."""

from prometheus_client import Counter

checkins = Counter(
    "frontrow_checkins_total", "Scans of tickets at the door, by outcome", ["outcome"]
)


def count_checkin(outcome: str) -> None:
    """Count a scan: `admitted`, `undone`, or the code of the refusal."""
    checkins.labels(outcome).inc()
