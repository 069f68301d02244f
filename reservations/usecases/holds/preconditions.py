"""The preconditions of a hold, checked before any seat; no SQL while the terms are cached."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from concerts.errors import PerformanceNotFound
from concerts.models import Performance
from kernel.caller import client_ip_tag
from kernel.rate_limiting import in_redis
from kernel.rate_limiting.in_redis import Limit
from queueing import admission
from queueing.admission import Admission
from reservations import queries
from reservations.claims import HoldLimits
from reservations.queries import SaleRules, SaleTerms
from reservations.usecases.holds.errors import (
    PerformanceCancelled,
    SaleClosed,
    SaleNotOpen,
    SalePaused,
    SeatLimitExceeded,
)

_MINUTE_MS = 60_000


def check_preconditions(
    *, user_id: UUID, performance_id: UUID, seats: int, queue_token: str | None, now: datetime
) -> tuple[SaleTerms, Admission | None]:
    """Return the terms for a fan who may hold `seats` seats, and the admission if one is needed.

    At most one Redis call. Whether the place has ended since is for the claim to say.
    """
    terms = check_open(queries.sale_terms(performance_id), now=now)
    if seats > terms.max_seats_per_fan:
        raise SeatLimitExceeded(limit=terms.max_seats_per_fan, held=0)
    if not admission.is_required(performance_id=performance_id):
        return terms, None
    admitted = admission.check(
        token=queue_token, user_id=user_id, performance_id=performance_id, now=now
    )
    return terms, admitted


def limits_of_hold(terms: SaleTerms, client_ip: str) -> HoldLimits:
    """Return the limits an attempt counts against: the sale's own, else the site's."""
    fan, client = in_redis.limit_of("hold"), in_redis.limit_of("hold_address")
    if terms.holds_per_minute is not None:
        fan = Limit(fan.name, terms.holds_per_minute, _MINUTE_MS)
    if not client_ip:
        return HoldLimits(fan, Limit(client.name, 0, _MINUTE_MS))
    if terms.holds_per_minute_per_address is not None:
        client = Limit(client.name, terms.holds_per_minute_per_address, _MINUTE_MS)
    return HoldLimits(fan, client, client_ip_tag(client_ip))


Rules = TypeVar("Rules", bound=SaleRules)


def check_open(rules: Rules | None, *, now: datetime) -> Rules:
    """Return the rules of a sale that is open at `now`, or say why it isn't.

    Called twice: with the terms this process knows, which turns most away, and with the rules in
    force under the locks.
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
