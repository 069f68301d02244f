"""Why each constraint, index, trigger and function of this app's tables exists."""

RULES: dict[str, str] = {
    "events_outbox_unpublished": (
        "The relay's next events of a shard, in order; its size is the backlog's, not the table's."
    ),
    "events_outbox_dead": "The events that Kafka refused: their count, and replaying them.",
}
