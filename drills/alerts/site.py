"""The stack of the alerts' drill: with spare parts, and with what observes it."""

import time
from collections.abc import Callable

import httpx

from drills.site import DrillSite
from stack.service import HOST

_HEALTHY_SECONDS = 90.0
_LOOK_SECONDS = 0.5


class ObservedSite(DrillSite):
    """A stack with spare parts whose alerts go to `webhook`."""

    def __init__(self, webhook: str) -> None:
        super().__init__(observe=True)
        self._webhook = webhook

    def _own_environment(self) -> dict[str, str]:
        return super()._own_environment() | {"ALERT_WEBHOOK_URL": self._webhook}

    def has_data(self, query: str) -> bool:
        """Say whether Prometheus has data for a query."""
        url = f"http://{HOST}:{self.ports['prometheus']}/api/v1/query"
        with httpx.Client(trust_env=False, timeout=20) as client:
            return bool(client.get(url, params={"query": query}).json()["data"]["result"])

    def becomes_healthy(self) -> bool:
        """Wait until every part is well, 90 s at most; say whether it is."""
        return comes_true(self.is_healthy, _HEALTHY_SECONDS)


def comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition is true, `seconds` at most; say whether it is."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_SECONDS)
    return True
