"""The terms of a sale, as every hold needs them, and the check list before it."""

from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q
from django.utils.functional import Promise

from concerts.models import Performance, PriceGrade, Seat
from kernel.caching.short_lived import ShortLivedCache
from kernel.i18n import text
from reservations import policy
from reservations.models import SaleHalt, SalePolicy
from reservations.queries.rules import SaleRules


@dataclass(frozen=True, slots=True)
class SaleTerms(SaleRules):
    """The rules, and terms that decide nothing under lock, as this process knows them.

    `performance` comes with its concert and venue.
    """

    performance: Performance
    orphan_rule: bool
    holds_per_minute: int | None
    holds_per_minute_per_address: int | None
    lapses_before_backoff: int
    backoff_seconds: int


_EMPTY: dict[Any, Any] = {int: 0, bool: False}
_NOT_OF_POLICY = {"performance", "status", "public", "halted"}
# The names that terms share with `SalePolicy`, each with its value where there is none.
_OF_POLICY: dict[str, Any] = {
    term.name: _EMPTY.get(term.type)
    for term in fields(SaleTerms)
    if term.name not in _NOT_OF_POLICY
}

# Unknown ids are kept too.
_terms: ShortLivedCache[UUID, SaleTerms | None] = ShortLivedCache(
    seconds=policy.POLICY_CACHE_SECONDS
)


def sale_terms(performance_id: UUID) -> SaleTerms | None:
    """Return the terms, at most `policy.POLICY_CACHE_SECONDS` old in this process.

    None: there is no such performance. No SQL while cached.
    """
    return _terms.get(performance_id, partial(_read_terms, performance_id))


def forget_sale_terms() -> None:
    """Read the terms again at this process's next hold (after a staff change, and in tests)."""
    _terms.clear()


def _read_terms(performance_id: UUID) -> SaleTerms | None:
    halts = SaleHalt.objects.filter(performance_id=OuterRef("pk"), lifted_at__isnull=True)
    performance = (
        Performance.objects.select_related("concert__venue", "sale_policy")
        .filter(pk=performance_id)
        .annotate(halted=Exists(halts))
        .first()
    )
    if performance is None:
        return None
    sale: SalePolicy | None = getattr(performance, "sale_policy", None)
    return SaleTerms(
        performance=performance,
        status=performance.status,
        public=performance.is_public(),
        halted=performance.halted,  # type: ignore[attr-defined]  # annotated above
        **{name: getattr(sale, name) if sale else without for name, without in _OF_POLICY.items()},
    )


def was_halted_for(*, performance_id: UUID, cause: str) -> bool:
    """Say whether a program has halted the sale for this cause before, lifted since or not."""
    halts = SaleHalt.objects.filter(performance=performance_id)
    return halts.filter(reason__startswith=f"[{cause}]").exists()


def last_halt_for(*, performance_id: UUID, cause: str) -> SaleHalt | None:
    """Return the latest halt that a program made for a cause that begins with this one."""
    halts = SaleHalt.objects.filter(performance=performance_id, reason__startswith=f"[{cause}")
    return halts.order_by("-created_at", "-pk").first()


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the check list before seats are put on sale.

    `required` False: worth knowing, but no obstacle.
    """

    name: str
    label: Promise
    passed: bool
    required: bool = True


# Of a seat: its section, or its section's grade, is another performance's.
_BELONGS_ELSEWHERE = ~Q(section__performance_id=F("performance_id")) | ~Q(
    section__grade__performance_id=F("performance_id")
)


def sale_checks(*, performance_id: UUID, now: datetime) -> list[Check]:
    """Return the check list of a performance; raises `Performance.DoesNotExist`."""
    performance = Performance.objects.select_related("concert", "sale_policy").get(
        pk=performance_id
    )
    sale: SalePolicy | None = getattr(performance, "sale_policy", None)
    seats = Seat.objects.filter(performance=performance)
    free_grades = PriceGrade.objects.filter(
        performance=performance, price=0, sections__seats__isnull=False
    )
    return [
        Check(
            "scheduled",
            text(en="It is scheduled and has not begun", ko="예정된 회차이며 시작 전입니다"),
            performance.deleted_at is None
            and performance.status == Performance.Status.SCHEDULED
            and not performance.has_started(now),
        ),
        Check(
            "policy",
            text(en="It has a sale policy that ends in the future", ko="판매 정책과 종료 시각"),
            sale is not None and sale.sale_closes_at > now,
        ),
        Check("seats", text(en="It has seats", ko="좌석이 있습니다"), seats.exists()),
        Check(
            "layout",
            text(
                en="Every seat's section and grade belong to it",
                ko="모든 좌석의 구역과 등급이 이 회차의 것입니다",
            ),
            not seats.filter(_BELONGS_ELSEWHERE).exists(),
        ),
        Check(
            "not_on_sale",
            text(en="It is not on sale yet", ko="아직 판매 중이 아닙니다"),
            sale is None or sale.put_on_sale_at is None,
        ),
        Check(
            "prices",
            text(en="Every grade has a price", ko="모든 등급에 가격이 있습니다"),
            not free_grades.exists(),
            required=False,
        ),
        Check(
            "published",
            text(en="The concert is published", ko="공연이 공개되었습니다"),
            performance.is_public(),
            required=False,
        ),
    ]
