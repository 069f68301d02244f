"""What is asked of everybody before a seat is looked at; no SQL while the terms are cached."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from concerts.errors import PerformanceNotFound
from concerts.models import Performance
from kernel.rate_limiting import in_redis
from kernel.rate_limiting.in_redis import Limit
from queueing import admission
from queueing.admission import Admission
from reservations import queries
from reservations.queries import SaleRules, SaleTerms
from reservations.store import Counted
from reservations.usecases.holds.errors import (
    PerformanceCancelled,
    SaleClosed,
    SaleNotOpen,
    SalePaused,
    SeatLimitExceeded,
)

_MINUTE_MS = 60_000


def enter(
    *, user_id: UUID, performance_id: UUID, seats: int, queue_token: str | None, now: datetime
) -> tuple[SaleTerms, Admission | None]:
    """Return the terms for a fan who may hold `seats` seats, and the admission if one is needed.

    At most one Redis call. Whether the place was ended since is for the claim to say.
    """
    terms = check_open(queries.sale_terms(performance_id), now=now)
    if seats > terms.max_seats_per_fan:
        raise SeatLimitExceeded(limit=terms.max_seats_per_fan, held=0)
    if not admission.is_required(performance_id=performance_id, now=now):
        return terms, None
    admitted = admission.check(
        token=queue_token, user_id=user_id, performance_id=performance_id, now=now
    )
    return terms, admitted


def counted_against(terms: SaleTerms, address: str) -> Counted:
    """Return the limits an attempt counts against: the sale's own, else the environment's."""
    fan, everybody = in_redis.limit_of("hold"), in_redis.limit_of("hold_address")
    if terms.holds_per_minute is not None:
        fan = Limit(fan.name, terms.holds_per_minute, _MINUTE_MS)
    if not address:
        return Counted(fan, Limit(everybody.name, 0, _MINUTE_MS))
    if terms.holds_per_minute_per_address is not None:
        everybody = Limit(everybody.name, terms.holds_per_minute_per_address, _MINUTE_MS)
    return Counted(fan, everybody, in_redis.address_tag(address))


Rules = TypeVar("Rules", bound=SaleRules)


def check_open(rules: Rules | None, *, now: datetime) -> Rules:
    """Return the rules of a sale that is open at `now`, or say why it isn't.

    Asked twice: of the terms this process knows, which keeps most away, and under the locks.
    """
    if rules is None or not rules.public:
        raise PerformanceNotFound()
    if rules.status == Performance.Status.CANCELLED:
        raise PerformanceCancelled()
    if rules.sale_closes_at is not None and now >= rules.sale_closes_at:
        raise SaleClosed(closed_at=rules.sale_closes_at)
    opens_at = rules.sale_opens_at if rules.put_on_sale_at else None
    if opens_at is None or now < opens_at:
        raise SaleNotOpen(opens_at=rules.sale_opens_at)
    if rules.halted or rules.status == Performance.Status.POSTPONED:
        raise SalePaused()
    return rules
