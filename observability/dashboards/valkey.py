"""Valkey by role: commands, latency, memory, keys, clusters, and what the product lacks."""

from observability.dashboards.panels import Dashboard, Figure, Graph, Panel, Query, page

PANELS: list[Panel] = [
    Figure("Servers up", "동작 중인 서버", "short", Query("sum(redis_up)")),
    Figure(
        "Commands a second",
        "초당 명령",
        "ops",
        Query("sum(rate(redis_commands_processed_total[1m]))"),
    ),
    Figure("Memory", "메모리", "bytes", Query("sum(redis_memory_used_bytes)")),
    Figure(
        "Slots covered",
        "담당 슬롯",
        "short",
        Query("min(max by (role) (redis_cluster_slots_ok))"),
    ),
    Figure(
        "Breakers open",
        "열린 차단기",
        "short",
        Query('sum(max by (part) (frontrow_breaker_open{part=~"redis_.*"})) or vector(0)'),
        1,
    ),
    Figure("Epochs", "에포크", "short", Query("sum(increase(frontrow_queue_epochs_total[1h]))"), 1),
    Graph(
        "Commands",
        "명령",
        "ops",
        [Query("sum by (role) (rate(redis_commands_processed_total[1m]))", "{{role}}")],
    ),
    Graph(
        "Mean time of commands",
        "명령 평균 시간",
        "s",
        [
            Query(
                "topk(8, sum by (role, cmd) (rate(redis_commands_duration_seconds_total[1m]))"
                " / (sum by (role, cmd) (rate(redis_commands_total[1m])) > 0))",
                "{{role}} {{cmd}}",
            )
        ],
        limit=0.005,
    ),
    Graph(
        "p99 of commands since the start",
        "시작 이후 명령 p99",
        "s",
        [
            Query(
                'topk(8, max by (role, cmd) (redis_latency_percentiles_usec{quantile="99"}) / 1e6)',
                "{{role}} {{cmd}}",
            )
        ],
    ),
    Graph(
        "Memory",
        "메모리",
        "bytes",
        [
            Query("redis_memory_used_bytes", "{{instance}}"),
            Query("max by (role) (redis_memory_max_bytes > 0)", "allowed {{role}}"),
        ],
    ),
    Graph(
        "Fragmentation where it matters",
        "단편화",
        "short",
        [
            Query(
                "redis_mem_fragmentation_ratio and redis_memory_used_bytes > 16777216",
                "{{instance}}",
            )
        ],
        limit=1.5,
    ),
    Graph(
        "Keys",
        "키",
        "short",
        [Query("sum by (role) (redis_db_keys)", "{{role}}")],
    ),
    Graph(
        "Keys that expire or are evicted",
        "만료·방출된 키",
        "ops",
        [
            Query("valkey:expired_keys:rate5m", "expired {{role}}"),
            Query("sum by (role) (rate(redis_evicted_keys_total[5m]))", "evicted {{role}}"),
        ],
    ),
    Graph(
        "Clients",
        "클라이언트",
        "short",
        [Query("sum by (role) (redis_connected_clients)", "{{role}}")],
    ),
    Graph(
        "Network",
        "네트워크",
        "Bps",
        [
            Query("sum by (role) (rate(redis_net_output_bytes_total[1m]))", "out {{role}}"),
            Query("sum by (role) (rate(redis_net_input_bytes_total[1m]))", "in {{role}}"),
        ],
    ),
    Graph(
        "Processor",
        "프로세서",
        "percentunit",
        [Query("sum by (instance) (rate(redis_cpu_user_seconds_total[1m]))", "{{instance}}")],
    ),
    Graph(
        "Replicas' links",
        "복제 연결",
        "short",
        [Query("min by (instance) (redis_master_link_up)", "{{instance}}")],
    ),
    Graph(
        "Failovers and failed calls",
        "장애 조치와 실패한 호출",
        "short",
        [
            Query(
                'sum by (part) (increase(frontrow_failovers_total{part!="postgres"}[5m]))',
                "failover {{part}}",
            ),
            Query(
                'sum by (part) (rate(frontrow_part_failures_total{part=~"redis_.*"}[1m]))',
                "{{part}}",
            ),
        ],
    ),
]


def build() -> Dashboard:
    """Return the dashboard `valkey`."""
    return page("valkey", "Valkey", "Valkey", PANELS)
