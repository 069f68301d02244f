"""What is asked of everybody before a seat is looked at; no SQL while the terms are cached."""

from datetime import datetime
from uuid import UUID

from concerts.errors import PerformanceNotFound
from concerts.models import Performance
from kernel.redis import limits
from kernel.redis.limits import Limit
from queueing import admission
from queueing.admission import Admission
from reservations import queries
from reservations.queries import ReservationDetail, SaleTerms
from reservations.store import Counted
from reservations.usecases.holds.errors import (
    PerformanceCancelled,
    SaleClosed,
    SaleNotOpen,
    SalePaused,
    SeatLimitExceeded,
)

_MINUTE_MS = 60_000


def made_before(
    resumed: bool, *, reservation_id: UUID, user_id: UUID, now: datetime
) -> ReservationDetail | None:
    """Return what an earlier attempt under the same id has committed, if this is a repetition."""
    if not resumed:
        return None
    return queries.find(reservation_id=reservation_id, user_id=user_id, now=now)


def enter(
    *, user_id: UUID, performance_id: UUID, seats: int, queue_token: str | None, now: datetime
) -> tuple[SaleTerms, Admission | None]:
    """Return the terms for a fan who may hold `seats` seats, and the admission if one is needed.

    At most one Redis call. Whether the place was ended since is for the claim to say.
    """
    terms = _terms_in_force(performance_id, now)
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
    fan, everybody = limits.limit_of("hold"), limits.limit_of("hold_address")
    if terms.holds_per_minute is not None:
        fan = Limit(fan.name, terms.holds_per_minute, _MINUTE_MS)
    if not address:
        return Counted(fan, Limit(everybody.name, 0, _MINUTE_MS))
    if terms.holds_per_minute_per_address is not None:
        everybody = Limit(everybody.name, terms.holds_per_minute_per_address, _MINUTE_MS)
    return Counted(fan, everybody, limits.address_tag(address))


def _terms_in_force(performance_id: UUID, now: datetime) -> SaleTerms:
    """Return the terms of a sale that is open at `now`, or say why it isn't."""
    terms = queries.sale_terms(performance_id)
    if terms is None or not terms.public:
        raise PerformanceNotFound()
    status = terms.performance.status
    if status == Performance.Status.CANCELLED:
        raise PerformanceCancelled()
    if terms.sale_closes_at is not None and now >= terms.sale_closes_at:
        raise SaleClosed(closed_at=terms.sale_closes_at)
    opens_at = terms.sale_opens_at if terms.put_on_sale_at else None
    if opens_at is None or now < opens_at:
        raise SaleNotOpen(opens_at=terms.sale_opens_at)
    if terms.halted or status == Performance.Status.POSTPONED:
        raise SalePaused()
    return terms
