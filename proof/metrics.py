"""The metrics of the audit that runs each minute."""

from prometheus_client import Counter, Gauge

from proof.findings import AuditReport

audits = Counter(
    "frontrow_audits_total",
    "Audits of what is new, by outcome (clean, violated, incomplete)",
    ["outcome"],
)
violations = Gauge(
    "frontrow_audit_violations", "Violations that the last audit found, by check", ["check"]
)
audit_halts = Counter("frontrow_audit_halts_total", "Halts of sales by audits")
finished_at = Gauge(
    "frontrow_audit_finished_timestamp_seconds", "When the last audit that saw all it should ended"
)


def count(report: AuditReport, *, halts: int) -> None:
    """Count one audit."""
    audits.labels(report.outcome).inc()
    audit_halts.inc(halts)
    for result in report.results:
        violations.labels(result.check).set(len(result.violations))
    if not report.failures:
        finished_at.set(report.as_of.timestamp())
