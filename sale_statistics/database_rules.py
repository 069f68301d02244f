"""Why each constraint, index, trigger and function of this app's tables exists."""

RULES: dict[str, str] = {
    "statistics_hourlysales.performance_id": (
        "Django's own; the unique index on (performance, hour, currency) serves the same queries."
    ),
    "statistics_hour_unique": (
        "One row a performance, hour and currency; the consumer adds to it by upsert."
    ),
    "statistics_points_hour_unique": (
        "One row an hour and currency; the consumer adds to it by upsert."
    ),
}
