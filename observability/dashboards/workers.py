"""Celery's workers and beat, letters, webhooks, the machine that all run on."""

from observability.dashboards.panels import Dashboard, Figure, Graph, Panel, Query, page

DISK = 'fstype!~"tmpfs|overlay|squashfs"'

PANELS: list[Panel] = [
    Figure(
        "Oldest task",
        "가장 오래된 작업",
        "s",
        Query("max(frontrow_celery_oldest_task_seconds)"),
        30,
    ),
    Figure(
        "Beat's last tick",
        "마지막 beat",
        "s",
        Query("time() - max(frontrow_beat_tick_timestamp_seconds)"),
        60,
    ),
    Figure(
        "Last audit",
        "마지막 감사",
        "s",
        Query("time() - max(frontrow_audit_finished_timestamp_seconds)"),
        300,
    ),
    Figure(
        "Letters late by",
        "편지 지연",
        "s",
        Query("max(frontrow_notifications_overdue_seconds)"),
        60,
    ),
    Figure(
        "Webhooks late by", "웹훅 지연", "s", Query("max(frontrow_webhook_overdue_seconds)"), 60
    ),
    Figure("Targets down", "응답 없는 대상", "short", Query("count(up == 0) or vector(0)"), 1),
    Graph(
        "Tasks that wait",
        "대기 작업",
        "short",
        [Query("max by (queue) (frontrow_celery_queue_length)", "{{queue}}")],
    ),
    Graph(
        "Oldest task",
        "가장 오래된 작업",
        "s",
        [Query("max by (queue) (frontrow_celery_oldest_task_seconds)", "{{queue}}")],
        limit=30,
    ),
    Graph(
        "Runs",
        "실행",
        "ops",
        [
            Query(
                "topk(12, sum by (task, state) (rate(frontrow_task_runs_total[1m])))",
                "{{task}} {{state}}",
            )
        ],
    ),
    Graph(
        "From sending to the run: p99",
        "전송부터 실행까지 p99",
        "s",
        [
            Query(
                "topk(12, histogram_quantile(0.99, sum by (task, le)"
                " (rate(frontrow_task_wait_seconds_bucket[5m]))))",
                "{{task}}",
            )
        ],
    ),
    Graph(
        "Holds that were swept",
        "만료 처리된 선점",
        "ops",
        [Query("sum by (noticed_by) (rate(frontrow_holds_expired_total[1m]))", "{{noticed_by}}")],
    ),
    Graph(
        "Letters and webhooks",
        "편지와 웹훅",
        "ops",
        [
            Query(
                "sum by (outcome) (rate(frontrow_notifications_total[5m]))",
                "letters {{outcome}}",
            ),
            Query(
                "sum by (outcome) (rate(frontrow_webhook_tries_total[5m]))",
                "webhooks {{outcome}}",
            ),
        ],
    ),
    Graph(
        "Processors",
        "프로세서",
        "percentunit",
        [
            Query(
                '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m]))',
                "{{instance}}",
            )
        ],
    ),
    Graph(
        "Memory left",
        "남은 메모리",
        "percentunit",
        [Query("node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "{{instance}}")],
    ),
    Graph(
        "Disk left",
        "남은 디스크",
        "percentunit",
        [
            Query(
                f"node_filesystem_avail_bytes{{{DISK}}} / node_filesystem_size_bytes",
                "{{instance}} {{mountpoint}}",
            )
        ],
    ),
]


def build() -> Dashboard:
    """Return the dashboard `workers`."""
    return page("workers", "Workers and machines", "워커와 서버", PANELS)
