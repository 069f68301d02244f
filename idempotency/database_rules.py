"""Why each constraint, index, trigger and function of this app's tables exists."""

RULES: dict[str, str] = {
    "idempotency_finished_has_status": "A finished record can be replayed, a running one cannot.",
    "idempotency_expires_at": "The purge of expired records, in batches.",
}
