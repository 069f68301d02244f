"""A history by the second, for the charts of the report."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from proof.history.recorded import OK, Operation
from proof.history.reservations import PAID
from proof.measures import latencies

_MOST_POINTS = 300  # of a chart; a longer run gets wider steps


def series_of(
    history: Iterable[Operation],
    samples: Sequence[Mapping[str, Any]],
    *,
    begun: float,
    seconds: float,
) -> dict[str, Any]:
    """Return lists of equal length, a value for each step of `step` seconds since the opening.

    Counts are of what ended in the step, arrivals of what was due in it; latencies are in ms, None
    where there were none.
    """
    step = max(1, int(seconds / _MOST_POINTS))
    size = int(seconds / step) + 1
    counts: dict[str, list[int]] = {
        name: [0] * size for name in ("arrivals", "holds", "sales", "refusals", "errors")
    }
    took: dict[str, dict[int, list[float]]] = {
        "all": defaultdict(list), "holds": defaultdict(list)
    }  # fmt: skip

    def at(moment: float) -> int:
        return min(max(0, int((moment - begun) / step)), size - 1)

    for one in history:
        place = at(one.ended)
        took["all"][place].append(one.ended - one.invoked)
        if one.op == "join":
            counts["arrivals"][at(one.invoked)] += 1
        if one.op == "hold":
            took["holds"][place].append(one.ended - one.invoked)
            counts["holds"][place] += one.outcome == OK
        counts["sales"][place] += _is_sale(one)
        if one.status >= 500 or one.status == 0:
            counts["errors"][place] += 1
        elif one.status >= 400:
            counts["refusals"][place] += 1
    return {
        "step": step,
        **counts,
        **{
            f"{name}_{figure}": [
                round(latencies(found[n])[figure], 1) if found.get(n) else None for n in range(size)
            ]
            for name, found in took.items()
            for figure in ("p50_ms", "p99_ms")
        },
        **{name: _sampled(samples, name, size, step) for name in ("waiting", "active", "serving")},
    }


def _sampled(
    samples: Sequence[Mapping[str, Any]], name: str, size: int, step: int
) -> list[int | None]:
    values: list[int | None] = [None] * size
    for one in samples:
        values[min(size - 1, max(0, int(one["at"] / step)))] = one[name]
    return values


def _is_sale(one: Operation) -> bool:
    """Return whether a response said that seats are paid for."""
    is_said = one.op == "pay" or (one.op == "payment" and one.state == PAID)
    return is_said and one.outcome == OK


def sold_seconds(history: Iterable[Operation], *, begun: float) -> dict[str, float]:
    """Return for each seat how long after the opening its payment was answered."""
    sold: dict[str, float] = {}
    for one in history:
        if _is_sale(one):
            for seat in one.seat_ids:
                sold.setdefault(seat, round(one.ended - begun, 1))
    return sold
