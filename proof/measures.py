"""What every measurement says alike: its machine, its latencies, the top of its axes.

It knows no Django, so that clients under load start at once.
"""

import math
import os
import platform
import statistics
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

_TOPS = (1, 2, 4, 6, 8, 10)  # each can be cut into four


def machine() -> dict[str, Any]:
    """Return what figures are measured on; memory in GiB."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "processor": platform.processor() or platform.machine(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }


def load_average() -> float:
    """Return how many processes wanted a core in the last minute; 0 where nobody says."""
    with suppress(OSError):
        return round(os.getloadavg()[0], 1)
    return 0.0


def latencies(took: Iterable[float]) -> dict[str, float]:
    """Return the median, the 99th percentile and the longest of durations in s, in ms."""
    in_order = sorted(took)
    return {
        "p50_ms": statistics.median(in_order) * 1000,
        "p99_ms": in_order[int(len(in_order) * 0.99)] * 1000,
        "most_ms": in_order[-1] * 1000,
    }


def axis_top(value: float) -> float:
    """Return the next of 1, 2, 4, 6, 8 or 10 times a power of ten that is no smaller."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next((power * top for top in _TOPS if power * top >= value), power * 10)
