"""The environment of a measurement: real servers and an empty, migrated database.

Both are removed afterwards; FRONTROW_BENCH_DATA names a folder that keeps them between runs.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import psycopg
from django.core.management import call_command
from django.db import connections

from stack.testing import TestServers

_DATABASE = "frontrow_bench"
SET_BY_THE_STACK = "as the stack sets it"  # a kind of memory settings, and its row in the report


@contextmanager
def environment(*, durable: bool = False, with_kafka: bool = False) -> Iterator[Path]:
    """Set Django up on servers of its own, so that the block may use the product.

    Yields the folder of the servers. `durable`: with fsync and append-only files, as in production.
    """
    kept = os.environ.get("FRONTROW_BENCH_DATA")
    data = Path(kept or tempfile.mkdtemp(prefix="frontrow-bench-"))
    servers = TestServers(data, durable=durable, keep=bool(kept))
    try:
        os.environ.update(servers.up())
        server, _, name = os.environ["DATABASE_URL"].rpartition("/")
        for variable in ("DATABASE_URL", "REPLICA_URL"):
            os.environ[variable] = f"{os.environ[variable].rpartition('/')[0]}/{_DATABASE}"
        _recreate(f"{server}/{name}")
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "SECRET_KEY": "only-for-measuring-" * 4,
            "SIGNING_KEYS_FILE": str(data / "bench-keys.json"),
            "KAFKA_BOOTSTRAP_SERVERS": servers.start_kafka() if with_kafka else "",
            "LOG_LEVEL": "ERROR",
            "RATE_LIMITS": "hold=100000000/minute,hold_address=100000000/minute,"
            "refused=100000000/minute,machine=100000000/minute",
        }
        django.setup()
        call_command("keys", "upgrade", verbosity=0, stdout=sys.stderr)
        call_command("migrate", verbosity=0)
        call_command("migrate", database="idempotency", verbosity=0)
        yield data
    finally:
        connections.close_all()
        if not kept:
            servers.down()
            servers.erase()


def _recreate(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {_DATABASE}")


def milliseconds(work: Callable[[], Any], *, times: int) -> dict[str, float]:
    """Return the median, the 95th percentile and the maximum of `times` calls, in ms."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    return {
        "median_ms": round(statistics.median(took), 2),
        "p95_ms": round(took[min(len(took) - 1, int(len(took) * 0.95))], 2),
        "most_ms": round(took[-1], 2),
    }


def report(figures: dict[str, Any], *, as_json: bool) -> None:
    """Print the figures and the machine they were measured on."""
    figures = {
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **figures,
    }
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:40} {value}")
