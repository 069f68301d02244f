"""The command line: `python -m bench MEASUREMENT`; `--help` names them.

Each measurement runs on servers and ports of its own, on 127.0.0.1.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from bench import bars, results
from bench import report as pages
from bench.environment import SET_BY_THE_STACK, environment, report
from bench.own_stack import read_settings
from proof import measures

MEMORY_BAR_MB = 300
Number = TypeVar("Number", int, float)


def main() -> int:
    """Measure, print the figures and return the exit code: 2 where a process is too large."""
    options = _parser().parse_args()
    options.load_before = measures.load_average()
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="MEASUREMENT")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> Any:
        parser = commands.add_parser(name, help=text, description=text)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--save", action="store_true", help="keep the run in docs/measurements, for `report`"
        )
        parser.set_defaults(run=run, measurement=name)
        return parser.add_argument

    add = command("speed", _speed, "the busiest requests against a bare Django view")
    add("--quick", action="store_true", help="shorter rounds; noisier")
    add("--rounds", type=int, default=5)
    add = command("tracing", _tracing, "polls and holds with traces, without, and before them")
    add("--quick", action="store_true", help="shorter rounds; noisier")
    add("--rounds", type=int, default=12)
    add("--before", type=Path, help="a checkout to compare a missing endpoint with")
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
    add = command("service-memory", _service_memory, "the memory of fastpath over many requests")
    add("--requests", type=int, default=1_000_000)
    add = command("profiles", _profiles, "where the interpreter's time of busy requests goes")
    add("--requests", type=int, default=1_000, help="holds, and payments")
    add = command("cards", _cards, "a payment by card against one by points")
    add("--payments", type=int, default=200)
    add("--rounds", type=int, default=3)
    add("--quick", action="store_true", help="one round of 20")
    add = command("costs", _costs, "what a join, a poll, a hold and a sale cost")
    add("--requests", type=int, default=1_900, help="of each kind")
    add = command("checkins", _checkins, "check-ins at the doors against a bare Django view")
    add("--tickets", type=int, default=10_000)
    add("--rounds", type=int, default=2)
    add = command("doors", _doors, "a performance at twenty gates, some without a network")
    add("--tickets", type=_between(10, 100_000), default=10_000, help="from 10 to 100,000")
    add("--minutes", type=_between(0.1, 600.0), default=10.0, help="from 0.1 to 600")
    add = command("board", _board, "what a board costs the API while a crowd buys")
    add("--fans", type=int, default=10_000)
    add = command("events", _events, "the relay and a consumer against bare clients of Kafka")
    add("--events", type=int, default=5_000)
    add("--rounds", type=int, default=3)
    add = command("growth", _growth, "operations while seats, members and reservations grow")
    add("--seats", type=int, nargs="+", default=[500, 5_000, 50_000])
    add("--members", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    add("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    add("--times", type=int, default=50)
    add = command("queries", _queries, "queries with and without the index that they are for")
    add("--rows", type=int, default=200_000)
    add = command("contention", _contention, "clients who fight for few seats, and their history")
    add("--clients", type=int, nargs="+", default=[1, 4, 16, 64])
    add("--seconds", type=float, default=10.0)
    add = command("caching", _caching, "what a cached document costs, and a crowd at a cold one")
    add("--seats", type=int, default=5_000)
    add("--seconds", type=float, default=5.0)
    add("--rounds", type=int, default=3)
    add = command("pages", _pages, "pages in a browser on a slow phone; needs `make setup-dev`")
    add("--quick", action="store_true", help="one load of each page and five holds")
    add("--seats", type=int, default=50_000, help="of the largest hall")
    add = command("stream", _stream, "many listeners of the live streams, an event each second")
    add("--straight", type=int, default=5_000, help="listeners of the process itself")
    add("--gateway", type=int, default=10_000, help="listeners through the gateway")
    add("--seconds", type=float, default=30.0)
    add = command("logs", _logs, "how much each process logs for 1,000 requests")
    add("--fans", type=int, default=600)
    add = command("report", _report, "write the tables and charts of docs/ from the kept runs")
    add("--check", action="store_true", help="only say which pages differ; exit code 1 if any")
    add(
        "--rush",
        type=Path,
        metavar="FILE",
        help="first keep this report, which `rush --json` has just printed",
    )
    return top


def _measure(name: str, *args: Any, **options: Any) -> Any:
    # Imported late: models need Django, which needs the servers.
    return import_module(f"bench.{name}").measure(*args, **options)


def _speed(options: argparse.Namespace) -> int:
    with environment(durable=True) as folder:
        figures = _measure("speed", folder, quick=options.quick, rounds=max(1, options.rounds))
    _keep(figures, options)
    figures["machine"] = results.machine(options.load_before)
    print(json.dumps(figures) if options.json else _speed_table(figures))
    return 0


def _tracing(options: argparse.Namespace) -> int:
    shape = {"quick": options.quick, "rounds": options.rounds, "before": options.before}
    with environment(durable=True) as folder:
        return _shown(_measure("tracing", folder, **shape), options)


def _scale(options: argparse.Namespace) -> int:
    with environment():
        return _shown(_measure("scale", options.rows, options.times), options)


def _availability(options: argparse.Namespace) -> int:
    with environment():
        return _shown(_measure("availability", options.seats, options.times), options)


def _lateness(options: argparse.Namespace) -> int:
    with environment():
        return _shown(_measure("lateness", options.fans, options.rate, options.polls), options)


def _memory(options: argparse.Namespace) -> int:
    asked = ("logins", "minutes", "connections", "compare")
    with environment() as folder:
        figures = _measure("memory", folder, **{name: getattr(options, name) for name in asked})
    print(json.dumps(figures) if options.json else bars.memory_text(figures))
    ours = figures[SET_BY_THE_STACK]
    return 2 if max(ours["after logins"], ours["most"]) > MEMORY_BAR_MB else 0


def _service_memory(options: argparse.Namespace) -> int:
    with environment() as folder:
        found = _measure("service_memory", folder, requests=options.requests)
    is_met = all(process["met"] for process in found.values())
    return _reported({"processes": found, "met": is_met}, options)


def _profiles(options: argparse.Namespace) -> int:
    with environment(durable=True) as folder:
        return _shown(_measure("profiles", folder, requests=options.requests), options)


def _cards(options: argparse.Namespace) -> int:
    payments, rounds = (20, 1) if options.quick else (options.payments, max(1, options.rounds))
    with environment(durable=True) as folder:
        figures = _measure("cards", folder, payments=payments, rounds=rounds)
    return _reported(figures, options)


def _reported(figures: dict[str, Any], options: argparse.Namespace) -> int:
    """Print the figures; return the exit code: 2 where a bar is missed."""
    _shown(figures, options)
    return 0 if figures["met"] else 2


def _shown(figures: dict[str, Any], options: argparse.Namespace) -> int:
    _keep(figures, options)
    report(figures, as_json=options.json)
    return 0


def _keep(figures: dict[str, Any], options: argparse.Namespace) -> None:
    if options.save:
        machine = results.machine(options.load_before)
        results.save(options.measurement, {**figures, "machine": machine})


def _costs(options: argparse.Namespace) -> int:
    with environment(durable=True) as folder:
        return _shown(_measure("costs", folder, requests=options.requests), options)


def _logs(options: argparse.Namespace) -> int:
    read_settings()
    return _shown(_measure("logs", fans=options.fans), options)


def _checkins(options: argparse.Namespace) -> int:
    sizes = {"tickets": options.tickets, "rounds": max(1, options.rounds)}
    with environment(durable=True) as folder:
        return _shown(_measure("checkins", folder, **sizes), options)


def _between(least: Number, most: Number) -> Callable[[str], Number]:
    """Return what reads an argument between two numbers, of their type."""

    def number(text: str) -> Number:
        value = type(least)(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"from {least:,} to {most:,}")
        return value

    return number


def _doors(options: argparse.Namespace) -> int:
    with environment(durable=True) as folder:
        return _reported(_measure("doors", folder, options.tickets, options.minutes), options)


def _board(options: argparse.Namespace) -> int:
    read_settings()
    return _reported(_measure("board", fans=options.fans), options)


def _events(options: argparse.Namespace) -> int:
    with environment(durable=True, with_kafka=True):
        figures = _measure("events", options.events, options.rounds)
    _shown(figures, options)
    return 0 if figures["relay_met"] and figures["effects_met"] else 2


def _growth(options: argparse.Namespace) -> int:
    sizes = {"seats": options.seats, "members": options.members, "rows": options.rows}
    with environment():
        return _shown(_measure("growth", **sizes, times=options.times), options)


def _queries(options: argparse.Namespace) -> int:
    with environment():
        return _shown(_measure("queries", options.rows), options)


def _contention(options: argparse.Namespace) -> int:
    sizes = {"clients": options.clients, "seconds": options.seconds}
    with environment():
        return _shown(_measure("contention", **sizes), options)


def _caching(options: argparse.Namespace) -> int:
    sizes = {"seats": options.seats, "seconds": options.seconds, "rounds": options.rounds}
    with environment() as folder:
        return _shown(_measure("caching", folder, **sizes), options)


def _pages(options: argparse.Namespace) -> int:
    figures = _measure("pages", quick=options.quick, seats=options.seats)
    return _reported(figures, options)


def _stream(options: argparse.Namespace) -> int:
    sizes = {"straight": options.straight, "gateway": options.gateway, "seconds": options.seconds}
    with tempfile.TemporaryDirectory(prefix="frontrow-bench-") as folder:
        return _reported(_measure("streams", Path(folder), **sizes), options)


def _report(options: argparse.Namespace) -> int:
    if options.rush:
        results.keep_rehearsal(options.rush)
    different = pages.write(check=options.check)
    for name in different:
        print(f"{'differs' if options.check else 'wrote'}: {name}")
    return 1 if options.check and different else 0


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
    lines += [
        f"{kind}, {at_once} at once: p50 {seen['p50_ms']} ms, p99 {seen['p99_ms']} ms"
        for kind, found in figures["latency"].items()
        for at_once, seen in found.items()
    ]
    lines.append("10,000 joins")
    rows = [*figures["bursts"].items(), ("machine", figures["machine"])]
    lines += [
        f"{name}: " + ", ".join(f"{key} {value}" for key, value in row.items())
        for name, row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
