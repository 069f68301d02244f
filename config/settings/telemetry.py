"""The settings of metrics and health."""

from django.core.exceptions import ImproperlyConfigured

from kernel import env

OPS_TOKEN = env.string(
    "OPS_TOKEN",
    default="",
    secret=True,
    help="Bearer token of /metrics and the detail of /healthz/ready, asked for in production.",
)
OPS_TOKEN_REQUIRED = False
SERVICE_NAME = env.string(
    "OTEL_SERVICE_NAME",
    default="frontrow",
    help="The process's name in log lines and traces: api, fastpath, worker-relay and the like.",
)
FRONTROW_RELEASE = env.string(
    "FRONTROW_RELEASE",
    default="dev",
    help="What runs, in log lines and traces: a version or commit.",
)
TRACES_ENDPOINT = env.string(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    default="",
    help="Where traces are sent (OTLP by HTTP, http://host:4318); empty: none are recorded.",
)
TRACES_PACKAGES = env.string(
    "TRACES_PACKAGES",
    default="",
    help="The folder of requirements/tracing.txt, where its packages are not beside all others.",
)
TRACES_EXPORTER = "kernel.telemetry.span_export.OtlpSpans"
TRACES_RATIO = env.ratio(
    "OTEL_TRACES_SAMPLER_ARG",
    default=0.01,
    help="The ratio of traces that are recorded; beside those asked for with the operator's token.",
)
METRICS_HOST = env.string(
    "METRICS_HOST",
    default="127.0.0.1",
    help="Where fastpath, workers, beat and consumers serve their metrics and their health.",
)
CONSUMER_METRICS_PORT = env.integer(
    "CONSUMER_METRICS_PORT", default=0, maximum=65535, help="`manage.py consume`; 0: none."
)
BEAT_METRICS_PORT = env.integer(
    "BEAT_METRICS_PORT", default=0, maximum=65535, help="Beat; 0: none."
)
FASTPATH_METRICS_PORT = env.integer(
    "FASTPATH_METRICS_PORT", default=0, maximum=65535, help="The service fastpath; 0: none."
)


def _ports(words: list[str]) -> dict[str, int]:
    ports = {}
    for word in words:
        name, _, port = word.partition("=")
        if not port.isdigit():
            raise ImproperlyConfigured(f"WORKER_METRICS_PORTS: {word!r} is not name=port")
        ports[name] = int(port)
    return ports


WORKER_METRICS_PORTS = _ports(
    env.words(
        "WORKER_METRICS_PORTS",
        default=[],
        help="A worker's metrics port by its node name: promotion=9101,relay=9102,general=9103.",
    )
)
CERTIFICATE_FILE = env.string(
    "CERTIFICATE_FILE",
    default="",
    help="The site's certificate (PEM), whose end is a metric; empty: the one at FRONTROW_URL.",
)
RELEASE_COLOR = env.string(
    "RELEASE_COLOR", default="", help="Which of two releases side by side it is: blue, green."
)
# Of django_http_* and django_db_*: every promise is a bound of one of them.
PROMETHEUS_LATENCY_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
    float("inf"),
)

# Note [One exporter of state] in kernel/telemetry/exposition.py
METRIC_STATE = env.boolean(
    "METRIC_STATE",
    default=True,
    help="Whether the API's /metrics has the state of the system too; "
    "no where `manage.py state_metrics` runs.",
)
# Functions that return metric families, asked at most once in so many seconds.
METRIC_STATE_SECONDS = 5.0
METRIC_COLLECTORS: list[str] = [
    "kernel.telemetry.metrics.replica_lag",
    "kernel.telemetry.metrics.celery_queues",
    "kernel.telemetry.metrics.celery_tasks",
    "kernel.telemetry.metrics.beat",
    "kernel.telemetry.metrics.partitions",
    "kernel.telemetry.failovers.failovers",
    "kernel.telemetry.certificates.certificate",
    "events.metrics.outbox",
    "events.metrics.freeze",
    "notifications.metrics.waiting",
    "webhooks.metrics.waiting",
    "queueing.metrics.waiting_rooms",
    "queueing.metrics.upcoming_sales",
    "queueing.metrics.wanted_pods",
    "reservations.metrics.live_holds",
    "reservations.metrics.seats",
    "sale_statistics.metrics.revenue",
    "payments.open_money.unsettled",
]

# What /healthz/ready lists, by name; "primary" and "clock" alone may make it say no.
HEALTH_PARTS: dict[str, str] = {
    "primary": "kernel.telemetry.dependencies.primary",
    "clock": "kernel.telemetry.dependencies.clock",
    "replica": "kernel.telemetry.dependencies.replica",
    "idempotency": "kernel.telemetry.dependencies.idempotency",
    "partitions": "kernel.telemetry.dependencies.partitions",
    "cache": "kernel.telemetry.dependencies.cache_redis",
    "lock": "kernel.telemetry.dependencies.lock_redis",
    "queue": "kernel.telemetry.dependencies.queue_redis",
    "broker": "kernel.telemetry.dependencies.broker",
    "kafka": "events.health.kafka_part",
    "outbox": "events.health.outbox_part",
    "payment_gateway": "payments.health.gateway_part",
    "streams": "kernel.telemetry.dependencies.streams",
}
# Functions that raise ImproperlyConfigured, OSError or ValueError where this process can't work.
CONFIGURATION_CHECKS: list[str] = ["kernel.signing.keyring.ring"]
PRIMARY_AWAY_LIMIT_SECONDS = 30.0
DRAIN_FILE = env.string(
    "DRAIN_FILE", default="", help="While this file exists, /healthz/ready of the process says no."
)
