"""What needs the attention of staff, judged from facts alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.functional import Promise

from events.queries import OutboxState
from kernel.i18n import text
from kernel.telemetry.failed_responses import FailedResponses
from payments.desk_queries import AttemptFigures, RefundFigures
from queueing.queries import QueueRules
from queueing.room_figures import RoomFigures
from reservations.queries import SaleAhead

SOON = timedelta(days=7)  # before the opening: then a sale should be ready
OUTBOX_SECONDS = 30
FAILED_AT_LEAST, FAILED_SHARE = 5, 0.2  # of attempts to pay within the board's minute
DEFECTS_AT_LEAST, FAILURES_AT_LEAST = 5, 300  # responses within a minute, of the whole site
_STOPPED = {"PAUSED", "DRAINING", "CLOSED"}


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to look at: a stable `code`, and the page on which something can be done.

    `url` is empty where that is none of these pages.
    """

    code: str
    says: Promise
    url: str


_SAYS = {
    "halted": ("sale", text(en="The sale is halted.", ko="판매가 중지되었습니다.")),
    "no_policy": ("prepare", text(en="It has no sale policy.", ko="판매 정책이 없습니다.")),
    "not_on_sale": (
        "prepare",
        text(
            en="The sale opens soon and its seats are not on sale.",
            ko="판매 시작이 가까운데 좌석 판매가 시작되지 않았습니다.",
        ),
    ),
    "draft": (
        "prepare",
        text(en="The concert is not published.", ko="공연이 공개되지 않았습니다."),
    ),
    "queue_stopped": (
        "queue",
        text(
            en="The sale is open, and the waiting room lets nobody join.",
            ko="판매 중이지만 대기실에 들어올 수 없습니다.",
        ),
    ),
    "queue_unreachable": (
        "queue",
        text(en="The queue server does not respond.", ko="대기열 서버가 응답하지 않습니다."),
    ),
    "payments_fail": (
        "sale",
        text(
            en="Many payments have failed in the last minute.",
            ko="최근 1분간 결제 실패가 많습니다.",
        ),
    ),
    "refunds_refused": (
        "",
        text(en="The gateway has refused refunds.", ko="결제 대행사가 거절한 환불이 있습니다."),
    ),
    "events_late": (
        "",
        text(
            en="Events wait to be published: letters and statistics come late.",
            ko="이벤트 발행이 밀려 알림과 통계가 늦어지고 있습니다.",
        ),
    ),
    "requests_fail": (
        "",
        text(
            en="Many requests have failed in the last minute.",
            ko="최근 1분간 실패한 요청이 많습니다.",
        ),
    ),
    "events_dead": (
        "",
        text(en="Events were set aside.", ko="따로 보관된 이벤트가 있습니다."),
    ),
}


def of_sale(sale: SaleAhead, rules: QueueRules | None, *, now: datetime) -> list[Alert]:
    """Return what needs attention at a performance, as far as its settings say."""
    return [_alert(code, sale) for code in _of_settings(sale, rules, now)]


def of_board(
    sale: SaleAhead,
    room: RoomFigures | None,
    rules: QueueRules | None,
    attempts: AttemptFigures,
    refunds: RefundFigures,
    outbox: OutboxState,
    failed: FailedResponses | None,
) -> list[Alert]:
    """Return what needs attention while a sale runs."""
    ended = attempts.paid + attempts.failed
    found = {
        "queue_unreachable": rules is not None and rules.queue_required and room is None,
        "payments_fail": attempts.failed >= max(FAILED_AT_LEAST, FAILED_SHARE * ended),
        "refunds_refused": refunds.refused > 0,
        "events_late": outbox.age_seconds > OUTBOX_SECONDS,
        "events_dead": outbox.dead > 0,
        "requests_fail": failed is not None
        and (failed.defects >= DEFECTS_AT_LEAST or failed.all >= FAILURES_AT_LEAST),
    }
    return [_alert(code, sale) for code, is_so in found.items() if is_so]


def _of_settings(sale: SaleAhead, rules: QueueRules | None, now: datetime) -> Iterator[str]:
    policy = sale.policy
    if sale.performance.status == sale.performance.Status.CANCELLED:
        return
    if sale.halted:
        yield "halted"
    if policy is None:
        if sale.performance.starts_at > now:
            yield "no_policy"
        return
    if policy.sale_closes_at <= now:
        return
    opens_soon = policy.sale_opens_at <= now + SOON
    if opens_soon and not sale.is_on_sale:
        yield "not_on_sale"
    if opens_soon and not sale.performance.is_public():
        yield "draft"
    is_open = policy.sale_opens_at <= now and sale.is_on_sale
    if is_open and rules is not None and rules.queue_required and rules.state in _STOPPED:
        yield "queue_stopped"


def _alert(code: str, sale: SaleAhead) -> Alert:
    page, says = _SAYS[code]
    url = reverse(f"boxoffice:{page}", args=[sale.performance.pk]) if page else ""
    return Alert(code, says, url)
