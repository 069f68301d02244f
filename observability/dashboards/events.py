"""Events from the outbox through Kafka to the consumers."""

from observability.dashboards.panels import Dashboard, Figure, Graph, Panel, Query, page

PANELS: list[Panel] = [
    Figure(
        "Oldest event", "가장 오래된 이벤트", "s", Query("max(frontrow_outbox_age_seconds)"), 10
    ),
    Figure("To publish", "발행 대기", "short", Query("max(frontrow_outbox_backlog)")),
    Figure("Set aside", "보류", "short", Query("max(frontrow_outbox_dead)"), 1),
    Figure("To read", "읽기 대기", "short", Query("sum(frontrow_consumer_lag)"), 10000),
    Figure(
        "Controllers",
        "컨트롤러",
        "short",
        Query("sum(kafka_controller_kafkacontroller_activecontrollercount)"),
        2,
    ),
    Figure(
        "Too few copies",
        "복제 부족",
        "short",
        Query("sum(kafka_server_replicamanager_underreplicatedpartitions)"),
        1,
    ),
    Graph(
        "Published",
        "발행",
        "ops",
        [Query("sum by (topic) (rate(frontrow_outbox_published_total[1m]))", "{{topic}}")],
    ),
    Graph(
        "Until published and until applied: p99",
        "발행·적용까지 p99",
        "s",
        [
            Query(
                "histogram_quantile(0.99, sum by (le)"
                " (rate(frontrow_outbox_publish_seconds_bucket[5m])))",
                "published",
            ),
            Query(
                "histogram_quantile(0.99, sum by (group, le)"
                " (rate(frontrow_consumer_delay_seconds_bucket[5m])))",
                "applied {{group}}",
            ),
        ],
        limit=60,
    ),
    Graph(
        "Lag",
        "지연",
        "short",
        [Query("sum by (group) (frontrow_consumer_lag)", "{{group}}")],
        limit=10000,
    ),
    Graph(
        "Applied",
        "적용",
        "ops",
        [
            Query(
                "sum by (group, result) (rate(frontrow_consumer_events_total[1m]))",
                "{{group}} {{result}}",
            )
        ],
    ),
    Graph(
        "Groups run, or are frozen",
        "그룹 동작·정지",
        "short",
        [
            Query("max by (group) (frontrow_consumer_running)", "runs {{group}}"),
            Query("max(frontrow_consumers_frozen)", "frozen"),
        ],
    ),
    Graph(
        "Retries and parked",
        "재시도와 보류",
        "short",
        [
            Query(
                "sum by (group) (rate(frontrow_consumer_retries_total[5m]))",
                "retries {{group}}",
            ),
            Query("sum by (group) (frontrow_consumer_parked)", "parked {{group}}"),
        ],
    ),
    Graph(
        "Kafka: bytes in, by topic",
        "토픽별 유입",
        "Bps",
        [Query("kafka:topic_bytes:rate15m", "{{topic}}")],
    ),
    Graph(
        "Kafka: size of topics",
        "토픽 크기",
        "bytes",
        [Query("sum by (topic) (kafka_log_size_bytes)", "{{topic}}")],
    ),
    Graph(
        "Relay passes that failed",
        "실패한 릴레이",
        "ops",
        [Query("sum by (part) (rate(frontrow_relay_failures_total[5m]))", "{{part}}")],
    ),
]


def build() -> Dashboard:
    """Return the dashboard `events`."""
    return page("events", "Kafka and events", "Kafka와 이벤트", PANELS)
