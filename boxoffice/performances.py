"""The performances as staff see them: what state each is in and what it needs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from boxoffice import attention
from boxoffice.attention import Alert
from concerts.errors import PerformanceNotFound
from kernel.i18n import localized
from queueing import queries as queueing
from queueing.queries import QueueRules
from reservations import queries as reservations
from reservations.queries import SaleAhead

OVER_AFTER = timedelta(days=1)  # since the start: then it leaves the list
LISTED = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """A performance in the list: its sale, its waiting room's rules, what needs attention."""

    sale: SaleAhead
    rules: QueueRules | None
    alerts: tuple[Alert, ...]
    queue_state: str | None

    @property
    def title(self) -> str:
        """The concert's title in the active language."""
        return localized(self.sale.performance.concert, "title")


def ahead(*, now: datetime) -> list[Listed]:
    """Return the performances that are not over, those that need attention first."""
    sales = reservations.sales_ahead(since=now - OVER_AFTER, limit=LISTED)
    rules = queueing.rules([sale.performance.pk for sale in sales])
    found = [_listed(sale, rules.get(sale.performance.pk), now) for sale in sales]
    return sorted(found, key=lambda one: not one.alerts)


def find(performance_id: UUID, *, now: datetime) -> Listed:
    """Return one performance. Raises PerformanceNotFound."""
    sale = reservations.sale_ahead(performance_id=performance_id)
    if sale is None:
        raise PerformanceNotFound
    return _listed(sale, queueing.rules([performance_id]).get(performance_id), now)


def _listed(sale: SaleAhead, rules: QueueRules | None, now: datetime) -> Listed:
    alerts = tuple(attention.of_sale(sale, rules, now=now))
    return Listed(sale, rules, alerts, None if rules is None else rules.state_at(now))
