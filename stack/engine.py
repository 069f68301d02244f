"""The engine: steps all services in one thread, with a pool for what blocks."""

import time
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack.errors import StackError
from stack.logs import tail
from stack.policy import Policy
from stack.process_registry import ProcessRegistry
from stack.service import Service
from stack.states import State
from stack.unit import Unit


class Engine:
    """All units, stepped together."""

    def __init__(self, logs: Path, policy: Policy, registry: ProcessRegistry | None = None) -> None:
        self.units: dict[str, Unit] = {}
        self._logs = logs
        self._policy = policy
        self._registry = registry
        self._pool = ThreadPoolExecutor(max_workers=24, thread_name_prefix="stack")

    def add(self, services: Iterable[Service]) -> None:
        for service in services:
            log = self._logs / f"{service.name}.log"
            self.units[service.name] = Unit(service, log, self._policy, self._pool)

    def part(self, name: str) -> list[Unit]:
        return [unit for unit in self.units.values() if unit.service.part == name]

    def tick(self, now: float) -> None:
        for unit in self.units.values():
            unit.step(now, self._was_ready)
        if self._registry:
            self._registry.keep(
                {unit.name: unit.child for unit in self.units.values() if unit.child}
            )

    def wait(self, units: Iterable[Unit], states: Collection[State], seconds: float) -> None:
        """Step until all `units` are in one of `states`.

        Raises StackError after `seconds`, or with the end of the log of one that has failed.
        """
        units = list(units)
        deadline = time.monotonic() + seconds
        self.tick(time.monotonic())
        while not all(unit.state in states for unit in units):
            for unit in units:
                if unit.state is State.FAILED and State.FAILED not in states:
                    raise StackError(
                        "\n".join([f"{unit.name}: {unit.last_error}", *tail(unit.log)])
                    )
            if time.monotonic() > deadline:
                slow = ", ".join(f"{u.name} is {u.state}" for u in units if u.state not in states)
                raise StackError(f"after {seconds:.0f} s {slow}")
            time.sleep(0.01)
            self.tick(time.monotonic())

    def _was_ready(self, name: str) -> bool:
        unit = self.units.get(name)  # a server that runs elsewhere counts as ready
        return unit is None or unit.was_ready

    def levels(self) -> list[list[Unit]]:
        """Return the units by depth: each level needs only earlier ones; stopping goes back."""
        placed: dict[str, int] = {}

        def depth(unit: Unit) -> int:
            if unit.name not in placed:
                before = [
                    depth(self.units[name]) for name in unit.service.after if name in self.units
                ]
                placed[unit.name] = 1 + max(before, default=-1)
            return placed[unit.name]

        levels: dict[int, list[Unit]] = {}
        for unit in self.units.values():
            levels.setdefault(depth(unit), []).append(unit)
        return [levels[number] for number in sorted(levels)]

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
