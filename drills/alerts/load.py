"""A light, steady load that goes on until it is ended."""

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from drills.flows import whole_flows
from proof.rush.rehearsal import Rehearsal
from proof.rush.running import PreparedSale, RushOrder, prepare

_SEED = 1


def steady_load(rate: float, seconds: float) -> RushOrder:
    """Return whole flows, `rate` of which begin in a second: join, look, hold, pay or let go.

    They go on for `seconds`. The fans' logins live for two hours.
    """
    profile = whole_flows(
        "alerts",
        rate=rate,
        seconds=seconds,
        admitted_per_second=rate * 5,
        hold_seconds=60,
        # Who clicks twice meets a request that runs: that is an alert of its own.
        share_double_clicking=0.0,
        connections=512,
    )
    return RushOrder(profile, _SEED, sale=None, faults=())


@dataclass
class SteadyLoad:
    """The fans' client from `begin` to `end`; `last` is what it said last of itself."""

    site: Rehearsal
    order: RushOrder
    last: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        """Prepare the sale and start its fans; raises `RehearsalFailed`."""
        _, prepared = prepare(self.order, self.site)
        self._start(prepared)

    def _start(self, prepared: PreparedSale) -> None:
        self._client = self.site.client(prepared.folder)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        for line in self._client.stdout or ():
            with suppress(ValueError):
                self.last = json.loads(line)

    @property
    def goes_on(self) -> bool:
        """Whether the client still plays."""
        return self._client.poll() is None

    def end(self) -> None:
        """End the client, if it was begun."""
        if not hasattr(self, "_client"):
            return
        self._client.kill()
        self._client.wait()
        self._reading.join(10)
