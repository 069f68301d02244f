"""The rate limits that staff have set, as a copy of this process (Note [Refreshed copy])."""

import threading
from collections.abc import Mapping

from prometheus_client import Counter

from accounts.models import RateLimit
from kernel.caching.refreshed_copy import RefreshedCopy
from kernel.rate_limiting.rates import Rate


class ChosenRates(RefreshedCopy):
    """The rates by route, at most a second old; without PostgreSQL the last ones count."""

    name = "rate-limits"
    failures = Counter(
        "frontrow_rate_limit_refresh_failures_total", "Times the copy of staff's limits stayed old"
    )

    def __init__(self) -> None:
        super().__init__()
        self._copy: Mapping[str, Rate] = {}

    def begin_process(self) -> None:
        """Start over in a new process; see `RefreshedCopy.begin_process`."""
        super().begin_process()
        self._reading = threading.Lock()

    def get(self, route: str) -> Rate | None:
        """Return what staff have set for a route, if anything."""
        if not self.is_started:
            self.start()
        return self._copy.get(route)

    def refresh(self) -> None:
        """Read the rows; raises what the database raises."""
        with self._reading:  # so that an older copy never replaces a newer one
            rows = RateLimit.objects.values_list("route", "amount", "period_seconds")
            self._copy = {route: Rate(amount, period) for route, amount, period in rows}
            self.has_copy = True


_chosen = ChosenRates()


# The rate staff have set for a route, else None (`settings.RATE_LIMIT_PROVIDER`).
chosen = _chosen.get


def refresh() -> None:
    """Read the rows now, for this process alone; the others do within a second."""
    _chosen.refresh()
