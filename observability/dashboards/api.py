"""API, fastpath, streams and the gateway: rates, errors, latency, limits."""

from observability.dashboards.panels import Dashboard, Figure, Graph, Panel, Query, page

STATUS = "django_http_responses_total_by_status_total"
LATENCY = "django_http_requests_latency_seconds_by_view_method_bucket"

ERRORS = f'sum(rate({STATUS}{{status=~"5.."}}[1m])) or vector(0)'
PANELS: list[Panel] = [
    Figure("Requests a second", "초당 요청", "reqps", Query("site:requests:rate1m")),
    Figure(
        "Errors",
        "오류율",
        "percentunit",
        Query(f"({ERRORS}) / sum(rate({STATUS}[1m]))"),
        limit=0.01,
    ),
    Figure("Connections", "연결", "short", Query("sum(nginx_connections_active)")),
    Figure("Listeners", "스트림 접속", "short", Query("sum(frontrow_stream_connections)")),
    Figure(
        "Breakers open",
        "열린 차단기",
        "short",
        Query("sum(max by (part) (frontrow_breaker_open)) or vector(0)"),
        1,
    ),
    Figure("Clock off", "시계 오차", "s", Query("max(abs(frontrow_clock_offset_seconds))"), 0.1),
    Graph(
        "Requests by process",
        "프로세스별 요청",
        "reqps",
        [
            Query(
                "sum by (job, instance) (rate(django_http_requests_before_middlewares_total[1m]))",
                "{{instance}}",
            )
        ],
    ),
    Graph(
        "Responses by status",
        "상태별 응답",
        "reqps",
        [Query(f"sum by (status) (rate({STATUS}[1m]))", "{{status}}")],
    ),
    Graph(
        "Requests by view",
        "뷰별 요청",
        "reqps",
        [
            Query(
                "topk(12, sum by (view, method) "
                "(rate(django_http_requests_total_by_view_transport_method_total[1m])))",
                "{{method}} {{view}}",
            )
        ],
    ),
    Graph(
        "p95 by view",
        "뷰별 p95",
        "s",
        [
            Query(
                f"topk(12, histogram_quantile(0.95, sum by (view, le) (rate({LATENCY}[2m]))))",
                "{{view}}",
            )
        ],
    ),
    Graph(
        "Promises: p95 and p99",
        "약속별 p95와 p99",
        "s",
        [
            Query("promise:latency_seconds:p95", "p95 {{promise}}"),
            Query("promise:latency_seconds:p99", "p99 {{promise}}"),
        ],
    ),
    Graph(
        "Refused by limits",
        "제한으로 거절",
        "reqps",
        [
            Query("sum by (route) (rate(frontrow_rate_limited_total[1m]))", "{{route}}"),
            Query("sum by (limit) (rate(frontrow_function_limited_total[1m]))", "{{limit}}"),
        ],
    ),
    Graph(
        "Fans in one call of fastpath",
        "fastpath 한 번에 처리한 인원",
        "short",
        [
            Query(
                "sum by (kind) (rate(frontrow_batch_fans_sum[1m]))"
                " / (sum by (kind) (rate(frontrow_batch_fans_count[1m])) > 0)",
                "{{kind}}",
            )
        ],
    ),
    Graph(
        "Handed over to the API",
        "API로 넘긴 요청",
        "reqps",
        [Query("sum by (instance) (rate(frontrow_handed_over_total[1m]))", "{{instance}}")],
    ),
    Graph(
        "Cached documents",
        "캐시 문서",
        "reqps",
        [Query("sum by (source) (rate(frontrow_cached_documents_total[1m]))", "{{source}}")],
    ),
    Graph(
        "Live streams",
        "실시간 스트림",
        "short",
        [
            Query("sum by (kind) (frontrow_stream_connections)", "{{kind}}"),
            Query(
                "sum by (reason) (rate(frontrow_stream_refused_total[1m]))",
                "refused {{reason}}",
            ),
        ],
    ),
    Graph(
        "Streams are late by",
        "스트림 지연",
        "s",
        [
            Query(
                "histogram_quantile(0.99, sum by (le)"
                " (rate(frontrow_stream_lag_seconds_bucket[2m])))",
                "p99",
            ),
            Query("max(frontrow_stream_age_seconds)", "oldest document"),
        ],
        limit=1,
    ),
    Graph(
        "Repeated keys",
        "중복 요청 키",
        "reqps",
        [
            Query("sum by (found) (rate(frontrow_idempotency_conflicts_total[1m]))", "{{found}}"),
            Query("sum(rate(frontrow_idempotent_requests_total[1m]))", "with a key"),
        ],
    ),
    Graph(
        "Security events",
        "보안 사건",
        "reqps",
        [Query("sum by (event) (rate(frontrow_security_events_total[5m]))", "{{event}}")],
    ),
]


def build() -> Dashboard:
    """Return the dashboard `api`."""
    return page("api", "API and streams", "API와 스트림", PANELS)
