"""PostgreSQL: who leads, sessions, statements, pools, storage."""

from observability.dashboards.panels import Dashboard, Figure, Graph, Panel, Query, page

PANELS: list[Panel] = [
    Figure("Take writes", "쓰기 서버", "short", Query("sum(pg_leader_writable)"), 2),
    Figure("Standbys stream", "대기 서버", "short", Query("sum(pg_leader_standbys_streaming)")),
    Figure("Lag", "복제 지연", "s", Query("max(pg_standby_replay_lag_seconds)"), 1),
    Figure("Lock waits", "잠금 대기", "short", Query("max(pg_sessions_waiting_for_lock)"), 5),
    Figure(
        "Longest statement",
        "가장 긴 질의",
        "s",
        Query("max(pg_sessions_query_seconds_max)"),
        30,
    ),
    Figure(
        "Partitions ahead",
        "남은 파티션(월)",
        "short",
        Query("min(frontrow_partitions_months_ahead)"),
    ),
    Graph(
        "Commits and rollbacks",
        "커밋과 롤백",
        "ops",
        [
            Query(
                "sum by (instance) (rate(pg_stat_database_xact_commit[1m]))",
                "commit {{instance}}",
            ),
            Query(
                "sum by (instance) (rate(pg_stat_database_xact_rollback[1m]))",
                "rollback {{instance}}",
            ),
        ],
    ),
    Graph(
        "Sessions",
        "세션",
        "short",
        [
            Query("pg_sessions_clients", "{{instance}}"),
            Query("max(pg_sessions_clients_most)", "allowed"),
            Query("pg_sessions_waiting_for_lock", "wait for a lock {{instance}}"),
            Query("pg_sessions_waiting_for_standby", "wait for a standby {{instance}}"),
        ],
    ),
    Graph(
        "Pools: connections in use",
        "연결 풀 사용",
        "percentunit",
        [
            Query(
                "sum by (job, instance, database) (frontrow_db_pool_size - frontrow_db_pool_idle)"
                " / sum by (job, instance, database) (frontrow_db_pool_max)",
                "{{instance}} {{database}}",
            )
        ],
        limit=0.8,
    ),
    Graph(
        "Pools: who waits",
        "연결 풀 대기",
        "short",
        [
            Query(
                "sum by (job, instance, database) (frontrow_db_pool_waiting)",
                "{{instance}} {{database}}",
            ),
            Query(
                "sum by (database) (rate(frontrow_db_pool_wait_seconds_total[1m]))",
                "seconds waited a second {{database}}",
            ),
        ],
    ),
    Graph(
        "Statements: p99, and a week ago",
        "질의 p99와 지난주",
        "s",
        [
            Query("db:query_seconds:p99", "{{alias}}"),
            Query("db:query_seconds:p99 offset 1w", "a week ago {{alias}}"),
        ],
    ),
    Graph(
        "Statements a second",
        "초당 질의",
        "ops",
        [Query("sum by (alias) (rate(django_db_execute_total[1m]))", "{{alias}}")],
    ),
    Graph(
        "Replication lag",
        "복제 지연",
        "s",
        [
            Query("max by (instance) (pg_standby_replay_lag_seconds)", "{{instance}}"),
            Query("max(frontrow_replica_lag_seconds)", "as the product sees it"),
        ],
        limit=1,
    ),
    Graph(
        "Deadlocks and failovers",
        "교착 상태와 장애 조치",
        "short",
        [
            Query("sum by (datname) (increase(pg_stat_database_deadlocks[5m]))", "{{datname}}"),
            Query(
                'sum by (part) (increase(frontrow_failovers_total{part="postgres"}[5m]))',
                "failover",
            ),
        ],
    ),
    Graph(
        "WAL that slots keep",
        "슬롯이 붙잡은 WAL",
        "bytes",
        [Query("max by (slot_name) (pg_slot_kept_bytes)", "{{slot_name}}")],
        limit=1e9,
    ),
    Graph(
        "Dead rows",
        "죽은 행",
        "percentunit",
        [
            Query(
                "topk(8, max by (relname) (pg_rows_dead / (pg_rows_dead + pg_rows_live)))",
                "{{relname}}",
            )
        ],
    ),
    Graph(
        "Size",
        "크기",
        "bytes",
        [Query("max by (datname) (pg_database_size_bytes)", "{{datname}}")],
    ),
    Graph(
        "Archive and backup",
        "보관과 백업",
        "s",
        [
            Query("max(pg_archiver_failing_seconds)", "archiving has failed for"),
            Query("time() - max(frontrow_backup_last_timestamp_seconds)", "age of the backup"),
            Query(
                "time() - (max(pg_archiver_last_archived_timestamp_seconds) > 0)",
                "age of the newest segment",
            ),
        ],
    ),
]


def build() -> Dashboard:
    """Return the dashboard `postgresql`."""
    return page("postgresql", "PostgreSQL", "PostgreSQL", PANELS)
