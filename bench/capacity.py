"""The tables of docs/capacity.md: what requests cost, and what sales of some sizes need of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.bars import table
from queueing.policy import ARRIVAL_SECONDS, POLLS_PER_SECOND

_PROCESSES = ("gateway", "fastpath", "fastpath-sale", "wsgi", "postgres", "valkey")
# How a sale is thought to go, beside when its fans come.
_BUSY = 0.6  # of its cores a machine is to have at most: what waits in line grows beyond
_AVAILABILITY_PER_SECOND = 4  # a quarter of a second's copy each, whatever the crowd
_HOLDS_EACH, _PAYING = 1.3, 0.7  # of those admitted
_AROUND_AN_EVENT, _KAFKA_COPIES = 400, 3  # bytes of its envelope; brokers that have it
_MB = 1024 * 1024
_COLUMNS = (
    *("", "joins a second", "cores while they come", "cores while they buy"),
    *("log MB/s while they come", "while they buy", "WAL MB/s", "Kafka MB/s"),
)


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
    rows = []
    for sale in _SALES:
        joins = sale.sales * sale.fans / ARRIVAL_SECONDS
        coming = {"join": joins, "own poll": float(sale.sales * POLLS_PER_SECOND)}
        buying = _per_second(sale)
        rows.append(
            [
                *(sale.name, f"{joins:,.0f}", _cores(kinds, coming), _cores(kinds, buying)),
                *(_megabytes(kinds, coming, "log"), _megabytes(kinds, buying, "log")),
                *(_megabytes(kinds, buying, "wal"), _in_kafka(kinds, buying)),
            ]
        )
    yield from table(_COLUMNS, rows)


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


def _megabytes(kinds: Mapping[str, Any], per_second: Mapping[str, float], what: str) -> float:
    """Return how many MB a second the requests write of something."""
    return round(sum(rate * kinds[kind][what] for kind, rate in per_second.items()) / _MB, 1)


def _in_kafka(kinds: Mapping[str, Any], per_second: Mapping[str, float]) -> float:
    """Return how many MB a second all brokers together write of the requests' events."""
    written = sum(
        rate * (kinds[kind]["event_data"] + _AROUND_AN_EVENT * kinds[kind]["events"])
        for kind, rate in per_second.items()
    )
    return round(_KAFKA_COPIES * written / _MB, 1)
