"""The tables of docs/capacity.md: what requests cost, and what sales of some sizes need of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.bars import table
from queueing.policy import POLLS_PER_SECOND

_PROCESSES = ("gateway", "fastpath", "fastpath-sale", "wsgi", "postgres", "valkey")
# How a sale is thought to go: all come within that time, evenly.
_ARRIVAL_SECONDS = 10
_BUSY = 0.6  # of its cores a machine is to have at most: what waits in line grows beyond
_AVAILABILITY_PER_SECOND = 4  # a quarter of a second's copy each, whatever the crowd
_HOLDS_EACH, _PAYING = 1.3, 0.7  # of those admitted
_MB = 1024 * 1024


@dataclass(frozen=True)
class _Sale:
    fans: int
    admitted_per_second: int
    sales: int = 1

    @property
    def name(self) -> str:
        together = f"{self.sales} sales of " if self.sales > 1 else ""
        return f"{together}{self.fans:,} fans, {self.admitted_per_second:,} admitted a second"


_SALES = (_Sale(10_000, 50), _Sale(100_000, 200), _Sale(1_000_000, 500), _Sale(100_000, 200, 10))


def costs(run: Mapping[str, Any]) -> Iterator[str]:
    """Return the table of costs of one request."""
    columns = ["", "CPU ms", *_PROCESSES, "transactions", "WAL bytes", "log bytes", "event bytes"]
    rows = [
        [
            *(name, one["cpu_ms"]),
            *(one["cpu_ms_by_process"].get(process, 0) for process in _PROCESSES),
            *(one["transactions"], one["wal"], one["log"], one["event_data"]),
        ]
        for name, one in run["kinds"].items()
    ]
    yield from table(columns, rows)


def sales(run: Mapping[str, Any]) -> Iterator[str]:
    """Return what sales of some sizes need, in cores of the machine that was measured."""
    kinds = run["kinds"]
    columns = ["", "joins a second", "cores while they come", "cores while they buy", "WAL MB/s"]
    rows = []
    for sale in _SALES:
        joins = sale.sales * sale.fans / _ARRIVAL_SECONDS
        buying = _per_second(sale)
        wal = sum(rate * kinds[kind]["wal"] for kind, rate in buying.items())
        rows.append(
            [
                *(sale.name, f"{joins:,.0f}"),
                _cores(kinds, {"join": joins, "own poll": sale.sales * POLLS_PER_SECOND}),
                *(_cores(kinds, buying), round(wal / _MB, 1)),
            ]
        )
    yield from table(columns, rows)


def _per_second(sale: _Sale) -> dict[str, float]:
    """Return the requests a second of a sale whose line moves, by kind."""
    admitted = sale.sales * sale.admitted_per_second
    return {
        "own poll": sale.sales * POLLS_PER_SECOND,
        "availability": sale.sales * _AVAILABILITY_PER_SECOND,
        "hold": admitted * _HOLDS_EACH,
        "pay by points": admitted * _PAYING,
    }


def _cores(kinds: Mapping[str, Any], per_second: Mapping[str, float]) -> float:
    used = sum(rate * kinds[kind]["cpu_ms"] / 1e3 for kind, rate in per_second.items())
    return round(used / _BUSY, 1)
