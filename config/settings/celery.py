"""The settings of Celery: broker, queues, beat schedule."""

from kernel import env

CELERY_BROKER_URL = env.url(
    "CELERY_BROKER_URL", schemes=("redis", "rediss"), secret=True, help="Celery's broker."
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "socket_timeout": 5}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "sweep"
WORKER_QUEUES = ("promotion", "relay", "sweep", "mail", "uploads", "payments", "webhooks")
CELERY_TASK_SEND_SENT_EVENT = True
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# By name, so that a task sent from anywhere reaches the workers meant for it.
CELERY_TASK_ROUTES = {
    "queueing.draws": {"queue": "sweep"},  # a roster takes seconds, which no tick may wait for
    "queueing.*": {"queue": "promotion"},
    "events.*": {"queue": "relay"},
    "mail.*": {"queue": "mail"},
    "notifications.*": {"queue": "mail"},
    "webhooks.*": {"queue": "webhooks"},
    "concerts.read_layouts": {"queue": "uploads"},
    "concerts.delete_unused_posters": {"queue": "uploads"},
    "payments.*": {"queue": "payments"},
}
# A tick that waited longer than its `expires` is dropped: the next one does its work.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    "reservations.sweep": {
        "task": "reservations.sweep",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "reservations.warm_gate": {
        "task": "reservations.warm_gate",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "concerts.repeat_invalidations": {
        "task": "concerts.repeat_invalidations",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "concerts.read_layouts": {
        "task": "concerts.read_layouts",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "concerts.delete_unused_posters": {
        "task": "concerts.delete_unused_posters",
        "schedule": 6 * 3600.0,
        "options": {"expires": 3600},
    },
    "payments.reconcile": {
        "task": "payments.reconcile",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "payments.refund_cancelled": {
        "task": "payments.refund_cancelled",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "events.relay": {
        "task": "events.relay",
        "schedule": 0.5,
        "options": {"expires": 1},
    },
    "notifications.send": {
        "task": "notifications.send",
        "schedule": 1.0,
        "options": {"expires": 1},
    },
    "webhooks.send": {
        "task": "webhooks.send",
        "schedule": 1.0,
        "options": {"expires": 1},
    },
    "webhooks.give_up": {
        "task": "webhooks.give_up",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "kernel.partitions": {
        "task": "kernel.partitions",
        "schedule": 6 * 3600.0,
        "options": {"expires": 3600},
    },
    "kernel.purge_partitions": {
        "task": "kernel.purge_partitions",
        "schedule": 6 * 3600.0,
        "options": {"expires": 3600},
    },
    "accounts.purge_sessions": {
        "task": "accounts.purge_sessions",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "accounts.repeat_revocations": {
        "task": "accounts.repeat_revocations",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "accounts.purge_claims": {
        "task": "accounts.purge_claims",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "idempotency.purge": {
        "task": "idempotency.purge",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "proof.watch": {
        "task": "proof.watch",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "tickets.purge_refused_scans": {
        "task": "tickets.purge_refused_scans",
        "schedule": 6 * 3600.0,
        "options": {"expires": 3600},
    },
    "queueing.draws": {
        "task": "queueing.draws",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "queueing.tick": {
        "task": "queueing.tick",
        "schedule": 1.0,
        "options": {"expires": 2},
    },
}
