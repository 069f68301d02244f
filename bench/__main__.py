"""The command line: `python -m bench speed|scale|availability|lateness|memory`.

Each measurement runs on servers and ports of its own, on 127.0.0.1.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable
from importlib import import_module
from typing import Any

from bench.environment import SET_BY_THE_STACK, environment, report

MEMORY_BAR_MB = 300


def main() -> int:
    """Measure, print the figures and return the exit code: 2 where a process is too large."""
    options = _parser().parse_args()
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="MEASUREMENT")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> Any:
        parser = commands.add_parser(name, help=text, description=text)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.set_defaults(run=run)
        return parser.add_argument

    add = command("speed", _speed, "the busiest requests against a bare Django view")
    add("--quick", action="store_true", help="shorter rounds; noisier")
    add("--rounds", type=int, default=5)
    add = command("scale", _scale, "hold, pay and list on top of a year of reservations")
    add("--rows", type=int, default=200_000)
    add("--times", type=int, default=100)
    add = command("availability", _availability, "the availability document of a large hall")
    add("--seats", type=int, default=50_000)
    add("--times", type=int, default=50)
    add = command("lateness", _lateness, "how late fans are admitted")
    add("--fans", type=int, default=1500)
    add("--rate", type=int, default=100)
    add("--polls", type=int, default=200)
    add = command("memory", _memory, "the memory of an API process under logins and traffic")
    add("--logins", type=int, default=10_000)
    add("--minutes", type=float, default=30.0)
    add("--connections", type=int, default=32)
    add("--compare", action="store_true", help="measure glibc's own settings first")
    return top


def _measure(name: str, *args: Any, **options: Any) -> Any:
    # Imported late: models need Django, which needs the servers.
    return import_module(f"bench.{name}").measure(*args, **options)


def _speed(options: argparse.Namespace) -> int:
    with environment(durable=True) as folder:
        figures = _measure("speed", folder, quick=options.quick, rounds=max(1, options.rounds))
    figures["machine"] = {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "load_after": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures) if options.json else _speed_table(figures))
    return 0


def _scale(options: argparse.Namespace) -> int:
    with environment():
        report(_measure("scale", options.rows, options.times), as_json=options.json)
    return 0


def _availability(options: argparse.Namespace) -> int:
    with environment():
        report(_measure("availability", options.seats, options.times), as_json=options.json)
    return 0


def _lateness(options: argparse.Namespace) -> int:
    with environment():
        figures = _measure("lateness", options.fans, options.rate, options.polls)
        report(figures, as_json=options.json)
    return 0


def _memory(options: argparse.Namespace) -> int:
    with environment() as folder:
        figures = _measure(
            "memory",
            folder,
            logins=options.logins,
            minutes=options.minutes,
            connections=options.connections,
            compare=options.compare,
        )
    print(json.dumps(figures) if options.json else _memory_table(figures))
    ours = figures[SET_BY_THE_STACK]
    return 2 if max(ours["after logins"], ours["most"]) > MEMORY_BAR_MB else 0


def _speed_table(figures: dict[str, Any]) -> str:
    lines = [
        f"{'bar':20} {'at least':>8} {'median':>7} {'min':>6} {'max':>6} {'per s':>7} "
        f"{'baseline/s':>10} {'p50 ms':>7}          CPU us a request"
    ]
    for name, bar in figures["bars"].items():
        spent = " ".join(f"{kind} {us}" for kind, us in bar["cpu_us"].items() if us)
        lines.append(
            f"{name:20} {bar['at_least']:>8} {bar['ratio']:>7} {bar['ratio_min']:>6} "
            f"{bar['ratio_max']:>6} {bar['per_second']:>7} {bar['baseline_per_second']:>10} "
            f"{bar['p50_ms']:>7} {'met' if bar['met'] else 'MISSED':>8} {spent}"
        )
    lines.append("10,000 joins")
    rows = [*figures["bursts"].items(), ("machine", figures["machine"])]
    lines += [
        f"{name}: " + ", ".join(f"{key} {value}" for key, value in row.items())
        for name, row in rows
    ]
    return "\n".join(lines)


def _memory_table(figures: dict[str, dict[str, float]]) -> str:
    columns = ("at start", "after logins", "after mixed traffic", "most")
    lines = [f"{'MB a process (largest)':24}" + "".join(f"{name:>21}" for name in columns)]
    lines += [
        f"{name:24}" + "".join(f"{seen[column]:>21}" for column in columns)
        for name, seen in figures.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
