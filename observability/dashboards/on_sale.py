"""The cockpit of an on-sale: what staff watch while fans wait and buy."""

from observability.dashboards.panels import Dashboard, Figure, Graph, Panel, Query, page

ROOM = '{performance=~"$performance"}'
LEFT = 'frontrow_seats{performance=~"$performance",state="available"}'

FIGURES: list[Panel] = [
    Figure(
        "Waiting",
        "대기",
        "short",
        Query(f"sum(max by (performance) (frontrow_queue_waiting{ROOM}))"),
    ),
    Figure(
        "Inside",
        "입장 중",
        "short",
        Query(f"sum(max by (performance) (frontrow_queue_active{ROOM}))"),
    ),
    Figure(
        "Admitted a second",
        "초당 입장",
        "short",
        Query(f"sum(max by (performance) (frontrow_queue_promotion_rate{ROOM}))"),
    ),
    Figure(
        "Mean wait",
        "평균 대기",
        "s",
        Query(f"max(max by (performance) (frontrow_queue_mean_wait_seconds{ROOM}))"),
    ),
    Figure("Holds now", "현재 선점", "short", Query("max(frontrow_holds_live)")),
    Figure(
        "Seats left",
        "잔여석",
        "short",
        Query(f"sum(max by (performance) ({LEFT}))"),
    ),
    Figure(
        "Sold for",
        "판매 금액",
        "short",
        Query(f"sum(max by (performance, currency) (frontrow_revenue{ROOM}))"),
    ),
    Figure(
        "Audit's findings",
        "감사 위반",
        "short",
        Query("sum(max by (check) (frontrow_audit_violations))"),
        limit=1,
    ),
]
GRAPHS: list[Panel] = [
    Graph(
        "Waiting and inside",
        "대기와 입장",
        "short",
        [
            Query(
                f"max by (performance) (frontrow_queue_waiting{ROOM})",
                "waiting {{performance}}",
            ),
            Query(f"max by (performance) (frontrow_queue_active{ROOM})", "inside {{performance}}"),
            Query(
                f"max by (performance) (frontrow_queue_capacity{ROOM})",
                "capacity {{performance}}",
            ),
        ],
    ),
    Graph(
        "Admitted a second, and the rate",
        "초당 입장과 설정 속도",
        "short",
        [
            Query(
                f"max by (performance) (rate(frontrow_queue_admitted_total{ROOM}[1m]))",
                "admitted {{performance}}",
            ),
            Query(
                f"max by (performance) (frontrow_queue_rate_configured{ROOM})",
                "rate {{performance}}",
            ),
        ],
    ),
    Graph(
        "Wait of those admitted",
        "입장한 팬의 대기 시간",
        "s",
        [
            Query(
                f"max by (performance) (rate(frontrow_queue_waited_seconds_total{ROOM}[2m])"
                f" / (rate(frontrow_queue_admitted_total{ROOM}[2m]) > 0))",
                "{{performance}}",
            )
        ],
    ),
    Graph(
        "Holds by outcome",
        "선점 결과",
        "reqps",
        [Query("sum by (outcome) (rate(frontrow_holds_total[1m]))", "{{outcome}}")],
    ),
    Graph(
        "Held, sold, expired, released",
        "선점·판매·만료·취소",
        "short",
        [
            Query('60 * sum(rate(frontrow_holds_total{outcome="held"}[2m]))', "held / min"),
            Query("60 * sum(rate(frontrow_reservations_confirmed_total[2m]))", "sold / min"),
            Query("60 * sum(rate(frontrow_holds_expired_total[2m]))", "expired / min"),
            Query("60 * sum(rate(frontrow_holds_released_total[2m]))", "released / min"),
        ],
    ),
    Graph(
        "Seats by state",
        "상태별 좌석",
        "short",
        [
            Query(
                f"sum by (state) (max by (performance, state) (frontrow_seats{ROOM}))", "{{state}}"
            )
        ],
    ),
    Graph(
        "Sold for, by currency",
        "통화별 판매 금액",
        "short",
        [
            Query(
                f"sum by (currency) (max by (performance, currency) (frontrow_revenue{ROOM}))",
                "{{currency}}",
            )
        ],
    ),
    Graph(
        "Payments by outcome",
        "결제 결과",
        "reqps",
        [
            Query(
                "sum by (method, outcome) (rate(frontrow_payments_total[1m]))",
                "{{method}} {{outcome}}",
            )
        ],
    ),
    Graph(
        "Budgets left of thirty days, by the last three",
        "최근 3일 기준 남은 예산",
        "percentunit",
        [
            Query(
                "1 - slo:error_ratio:rate3d / on (slo) slo:budget:ratio",
                "{{slo}}",
            )
        ],
    ),
    Graph(
        "Burn rate over an hour",
        "1시간 소진 속도",
        "short",
        [Query("slo:error_ratio:rate1h / on (slo) slo:budget:ratio", "{{slo}}")],
        limit=14.4,
    ),
    Graph(
        "Promises: p99",
        "약속별 p99",
        "s",
        [Query("promise:latency_seconds:p99", "{{promise}}")],
    ),
    Graph(
        "Money on its way",
        "확정되지 않은 결제",
        "s",
        [
            Query("max(frontrow_unknown_payments_oldest_seconds)", "unknown, oldest"),
            Query("max(frontrow_late_captures_oldest_seconds)", "late, oldest"),
        ],
        limit=600,
    ),
    Graph(
        "Next openings",
        "다음 오픈까지",
        "s",
        [Query("min by (performance) (frontrow_sale_opens_seconds)", "{{performance}}")],
    ),
    Graph(
        "Fans that staff expect",
        "예상 인원",
        "short",
        [Query("max by (performance) (frontrow_expected_fans)", "{{performance}}")],
    ),
]


def build() -> Dashboard:
    """Return the dashboard `on-sale`."""
    return page(
        "on-sale", "On-sale cockpit", "판매 상황판", [*FIGURES, *GRAPHS], by_performance=True
    )
