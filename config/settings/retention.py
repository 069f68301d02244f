"""The retention of monthly partitions."""

from django.core.exceptions import ImproperlyConfigured

from config.settings.events import KAFKA_TOPIC_RETENTION_HOURS
from kernel import env
from kernel.db.retention import Retention

# Tables in monthly partitions, which `manage.py partitions` and beat keep ahead.
PARTITIONED_TABLES: list[str] = [
    "accounts_auditentry",
    "events_inboxentry",
    "events_outboxevent",
    "notifications_notification",
    "reservations_reservation",
    "webhooks_webhookdelivery",
]

OUTBOX_RETENTION_MONTHS = env.integer(
    "OUTBOX_RETENTION_MONTHS",
    default=3,
    maximum=1200,
    help="Months an event is kept after it was published; 0: for ever.",
)
INBOX_RETENTION_MONTHS = env.integer(
    "INBOX_RETENTION_MONTHS",
    default=3,
    maximum=1200,
    help="Months a group remembers an event as applied, at least as long as the outbox keeps it; "
    "0: for ever.",
)
NOTIFICATION_RETENTION_MONTHS = env.integer(
    "NOTIFICATION_RETENTION_MONTHS",
    default=12,
    minimum=1,
    maximum=1200,
    help="Months it is kept what letters were sent to whom.",
)
WEBHOOK_RETENTION_MONTHS = env.integer(
    "WEBHOOK_RETENTION_MONTHS",
    default=3,
    minimum=1,
    maximum=1200,
    help="Months it is kept what was delivered to integrators' endpoints, at least as long as the "
    "inbox.",
)
AUDIT_RETENTION_MONTHS = env.integer(
    "AUDIT_RETENTION_MONTHS",
    default=0,
    maximum=1200,
    help="Months audit entries are kept; 0: for ever.",
)
REFUSED_SCAN_RETENTION_DAYS = env.integer(
    "REFUSED_SCAN_RETENTION_DAYS",
    default=90,
    minimum=7,
    maximum=36500,
    help="Days a scan is kept that a gate let in without a network and that was refused once it "
    "was sent.",
)

# Note [Inbox outlives Kafka]
# An event that Kafka delivers again after its inbox row is gone would be applied twice (and finds
# no partition). It may lie in its topic, then among the dead letters, then, replayed, in its topic
# again: three times the topic's retention. One published late counts from then: the outbox keeps
# its month, and the inbox keeps every month that the outbox still has.
_LONGEST_IN_KAFKA_HOURS = 3 * KAFKA_TOPIC_RETENTION_HOURS
_SHORTEST_MONTH_HOURS = 28 * 24
for _name, _months in {
    "OUTBOX_RETENTION_MONTHS": OUTBOX_RETENTION_MONTHS,
    "INBOX_RETENTION_MONTHS": INBOX_RETENTION_MONTHS,
}.items():
    if _months and _months * _SHORTEST_MONTH_HOURS < _LONGEST_IN_KAFKA_HOURS:
        raise ImproperlyConfigured(
            f"{_name}: {_months} months is less than three times KAFKA_TOPIC_RETENTION_HOURS: "
            "an event could be applied twice"
        )

# In order: the outbox before the inbox. Reservations are not here: other rows refer to them.
PARTITION_RETENTION: dict[str, Retention] = {
    "events_outboxevent": Retention(
        months=OUTBOX_RETENTION_MONTHS,
        unless=(
            "published_at IS NULL AND dead_at IS NULL",
            "dead_at IS NOT NULL",
            "published_at >= %(since)s",
        ),
    ),
    "events_inboxentry": Retention(months=INBOX_RETENTION_MONTHS, after="events_outboxevent"),
    "notifications_notification": Retention(
        months=NOTIFICATION_RETENTION_MONTHS,
        unless=("status = 'WAITING'",),
        after="events_inboxentry",
    ),
    "webhooks_webhookdelivery": Retention(
        months=WEBHOOK_RETENTION_MONTHS,
        unless=("status = 'WAITING'",),
        after="events_inboxentry",
    ),
    "accounts_auditentry": Retention(months=AUDIT_RETENTION_MONTHS),
}
