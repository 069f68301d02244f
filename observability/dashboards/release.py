"""A release beside the one before it: the same figures by version."""

from observability.dashboards.panels import Dashboard, Figure, Graph, Panel, Query, page

# Each process says its version; a series gets that of the process that it comes from.
BY_VERSION = (
    "* on (job, instance) group_left (version, color)"
    " max by (job, instance, version, color) (frontrow_release_info)"
)
# The API says it by a name of its own, because several processes answer as one.
STARTED = "process_start_time_seconds or frontrow_process_start_time_seconds"
HOLDS = (
    'django_http_requests_latency_seconds_by_view_method_bucket{view="reservations",method="POST"}'
)
STATUS = "django_http_responses_total_by_status_total"
ALL = f"sum by (version, color) (sum by (job, instance) (rate({STATUS}[2m])) {BY_VERSION})"
FAILED = ALL.replace(STATUS, f'{STATUS}{{status=~"5.."}}')

PANELS: list[Panel] = [
    Figure(
        "Versions that run",
        "실행 중인 버전",
        "short",
        Query("count(count by (version) (frontrow_release_info))"),
        2,
    ),
    Figure(
        "Started in ten minutes",
        "10분 내 시작",
        "short",
        Query(f"count(time() - ({STARTED}) < 600) or vector(0)"),
    ),
    Figure(
        "Errors",
        "오류율",
        "percentunit",
        Query(f'(sum(rate({STATUS}{{status=~"5.."}}[1m])) or vector(0)) / sum(rate({STATUS}[1m]))'),
        0.01,
    ),
    Graph(
        "Processes by version",
        "버전별 프로세스",
        "short",
        [Query("count by (version, color) (frontrow_release_info)", "{{version}} {{color}}")],
    ),
    Graph(
        "Requests by version",
        "버전별 요청",
        "reqps",
        [
            Query(
                "sum by (version, color) (sum by (job, instance) "
                f"(rate(django_http_requests_before_middlewares_total[1m])) {BY_VERSION})",
                "{{version}} {{color}}",
            )
        ],
    ),
    Graph(
        "Errors by version",
        "버전별 오류율",
        "percentunit",
        [
            Query(
                f"({FAILED} or 0 * {ALL}) / {ALL}",
                "{{version}} {{color}}",
            )
        ],
        limit=0.01,
    ),
    Graph(
        "p99 of holds by version",
        "버전별 선점 p99",
        "s",
        [
            Query(
                "histogram_quantile(0.99, sum by (version, color, le)"
                f" (sum by (job, instance, le) (rate({HOLDS}[2m])) {BY_VERSION}))",
                "{{version}} {{color}}",
            )
        ],
        limit=2,
    ),
    Graph(
        "Memory by process",
        "프로세스별 메모리",
        "bytes",
        [Query("max by (job, instance) (process_resident_memory_bytes)", "{{instance}}")],
    ),
    Graph(
        "Starts",
        "시작 횟수",
        "short",
        [
            Query(
                "max by (job, instance) (changes(process_start_time_seconds[10m])"
                " or changes(frontrow_process_start_time_seconds[10m]))",
                "{{instance}}",
            )
        ],
    ),
    Graph(
        "Retried calls",
        "재시도한 호출",
        "ops",
        [Query("sum by (callable) (rate(stamina_retries_total[5m]))", "{{callable}}")],
    ),
]


def build() -> Dashboard:
    """Return the dashboard `release`."""
    return page("release", "Release", "릴리스", PANELS)
