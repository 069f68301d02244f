"""The tables and charts of docs/, made of the runs in docs/measurements/.

A page has blocks, `<!-- measured: NAME -->` to `<!-- end -->`, which are written here; the words
around them are written by people. `--check` writes nothing and says whether a page differs.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import bars, capacity, charts, results
from bench.bars import cpu, table

DOCS = results.FOLDER.parent
PAGES = (
    *("performance.md", "query-performance.md", "concurrency-report.md", "cache-report.md"),
    *("capacity.md", "logs.md", "traces.md"),
)
_BLOCK = re.compile(r"(<!-- measured: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Figures = dict[str, Any]
Block = Callable[[Figures], Iterator[str]]


def write(*, check: bool) -> list[str]:
    """Write the pages and charts, or only look; return the names of those that differ."""
    different = []
    for place, text in _wanted().items():
        if place.exists() and place.read_text() == text:
            continue
        different.append(place.relative_to(DOCS).as_posix())
        if not check:
            place.parent.mkdir(exist_ok=True)
            place.write_text(text)
    return different


def _wanted() -> dict[Path, str]:
    found: dict[Path, str] = {}
    for name in PAGES:
        page = DOCS / name
        found[page] = _BLOCK.sub(_filled, page.read_text())
    for name, draw in CHARTS.items():
        run = results.load(name.partition("-")[0])
        if run is not None:
            found[DOCS / "images" / f"{name}.svg"] = draw(run)
    return found


def _filled(block: re.Match[str]) -> str:
    name = block[2]
    run = results.load(name) or results.load(name.partition("-")[0])
    if run is None:
        text = "Not measured yet.\n"
    else:
        text = "\n".join([*_method(run), "", *BLOCKS[name](run), ""])
    return f"{block[1]}\n{text}\n{block[3]}"


def _method(run: Figures) -> Iterator[str]:
    machine = run["machine"]
    yield (
        f"Measured on {machine['measured_on']} at {machine['commit']}: {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}; load "
        f"{machine['load_before']} before, {machine['load_after']} after."
    )


def _growth(part: str, what: str) -> Block:
    def block(run: Figures) -> Iterator[str]:
        sizes = _sizes(run[part])
        rows = [
            [name, *(_growth_cell(found[str(size)]) for size in sizes)]
            for name, found in run[part].items()
        ]
        yield from table([what, *(f"{size:,}" for size in sizes)], rows)
        yield f"\n![{what}](images/growth-{part}.svg)"

    return block


def _growth_cell(one: Figures) -> str:
    return f"{one['median_ms']} ms ({one['of_smallest']} x, {one['pages']} pages)"


def _sizes(found: dict[str, Figures]) -> list[int]:
    return sorted(int(size) for size in next(iter(found.values())))


def _growth_chart(part: str, title: str) -> Callable[[Figures], str]:
    def draw(run: Figures) -> str:
        sizes = _sizes(run[part])
        series = {
            name: [found[str(size)]["of_smallest"] for size in sizes]
            for name, found in run[part].items()
        }
        labels = [f"{size:,}" for size in sizes]
        return charts.lines(title, "median time, of that at the smallest size", labels, series)

    return draw


def _reservations(run: Figures) -> Iterator[str]:
    found = _by_reservations(run)
    rows = [
        [
            f"{present:,}",
            *(
                f"{found[present][name]['median_ms']} ms ({found[present][name]['pages']} pages)"
                for name in ("hold", "pay", "list")
            ),
        ]
        for present in sorted(found)
    ]
    yield from table(["reservations present", "hold", "pay by points", "list a fan's own"], rows)
    yield "\n![Pages by reservations](images/growth-reservations.svg)"


def _by_reservations(run: Figures) -> dict[int, Figures]:
    named = run["reservations"]
    return {int(key[5:]): named[key] for key in named if key.startswith("with_")}


def _reservations_chart(run: Figures) -> str:
    found = _by_reservations(run)
    sizes = sorted(found)
    series = {
        name: [float(found[size][name]["pages"]) for size in sizes]
        for name in ("hold", "pay", "list")
    }
    labels = [f"{size:,}" for size in sizes]
    return charts.lines("Pages that one call looks at", "pages of PostgreSQL", labels, series)


def _queries(run: Figures) -> Iterator[str]:
    rows = [
        [
            name,
            f"`{found['index']}`",
            _plan_cell(found["with"]),
            _plan_cell(found["without"]),
            f"{found['without']['pages'] / max(1, found['with']['pages']):,.0f} x",
        ]
        for name, found in run["queries"].items()
    ]
    yield f"Over {run['rows']:,} rows in each table."
    yield ""
    yield from table(["query", "index", "with it", "without it", "pages"], rows)


def _plan_cell(plan: Figures) -> str:
    return f"{plan['ms']} ms, {plan['pages']:,} pages, {plan['rows_read']:,} rows read"


def _plans(run: Figures) -> Iterator[str]:
    for name, found in run["queries"].items():
        yield f"### {name[0].upper()}{name[1:]}"
        yield ""
        yield f"    {found['statement'][:400]}"
        yield ""
        for when in ("with", "without"):
            scans = found[when]["scans"]
            shown = ", ".join(f"`{scan}`" for scan in scans[:4])
            more = f" and {len(scans) - 4} more" if len(scans) > 4 else ""
            yield f"- {when} `{found['index']}`: {shown}{more}"
        yield ""


def _contention(run: Figures) -> Iterator[str]:
    rows = [
        [
            number,
            one["operations"],
            one["held"],
            one["paid"],
            ", ".join(f"{code} {count:,}" for code, count in sorted(one["refused"].items())),
            one["operations_a_second"],
            one["held_ms"].get("p50", ""),
            one["held_ms"].get("p99", ""),
            one["refused_ms"].get("p50", ""),
            one["deadlocks"],
            len(one["contradictions"]),
        ]
        for number, one in _by_clients(run)
    ]
    yield f"{run['seats']} seats, {run['seconds']:g} s for each number of clients."
    yield ""
    columns = ["clients", "operations", "holds", "payments", "refused", "a second"]
    columns += ["hold p50 ms", "hold p99 ms", "refusal p50 ms", "deadlocks", "contradictions"]
    yield from table(columns, rows)
    yield "\n![Time of a hold by clients](images/contention.svg)"
    for number, one in _by_clients(run):
        for wrong in one["contradictions"]:
            yield f"\n**{number} clients: {wrong}**"


def _by_clients(run: Figures) -> list[tuple[str, Figures]]:
    return sorted(run["clients"].items(), key=lambda one: int(one[0]))


def _contention_chart(run: Figures) -> str:
    numbers = [number for number, _ in _by_clients(run)]
    series = {
        name: [run["clients"][number][of].get(part, 0.0) for number in numbers]
        for name, of, part in (
            ("hold, p50", "held_ms", "p50"),
            ("hold, p99", "held_ms", "p99"),
            ("refusal, p50", "refused_ms", "p50"),
        )
    }
    return charts.lines("Holds and refusals by clients at once", "ms", numbers, series)


def _caching(run: Figures) -> Iterator[str]:
    bar = run["seat_map"]
    yield from table(
        ["seat map, by HTTP", "a second", "CPU us a request"],
        [
            ["hit, through the API", bar["per_second"], cpu(bar["cpu_us"])],
            [
                "a bare view with the same bytes",
                bar["baseline_per_second"],
                cpu(bar["baseline_cpu_us"]),
            ],
            [
                f"ratio (at least {bar['at_least']})",
                f"{bar['ratio']} ({bar['ratio_min']} to {bar['ratio_max']})",
                "",
            ],
        ],
    )
    yield f"\n{bar['bytes']:,} bytes, {run['seats']:,} seats.\n"
    rows = [[where, one["median_ms"], one["p95_ms"]] for where, one in run["in_process"].items()]
    yield from table(["one read, in process", "median ms", "p95 ms"], rows)
    cold, live = run["cold"], run["availability"]
    yield ""
    yield (
        f"{cold['readers']} readers who came together after a change: {cold['builds']} "
        f"build{'' if cold['builds'] == 1 else 's'}, the slowest answered after "
        f"{cold['slowest_ms']} ms."
    )
    yield (
        f"Availability while a seat is taken every 50 ms: {live['reads_a_second']:,} reads and "
        f"{live['builds_a_second']} builds a second, {live['reads_a_build']:,} reads a build; the "
        f"oldest build that was sent was {live['oldest_build_s']} s old."
    )


BLOCKS: dict[str, Block] = {
    "growth-seats": _growth("seats", "seats of the hall"),
    "growth-members": _growth("members", "members of the waiting room"),
    "growth-reservations": _reservations,
    "queries": _queries,
    "queries-plans": _plans,
    "contention": _contention,
    "caching": _caching,
    "lateness": bars.lateness,
    "stream": bars.streams,
    "events": bars.events,
    "speed": bars.speed,
    "speed-latency": bars.latency,
    "speed-bursts": bars.bursts,
    "profiles": bars.profiles,
    "cards": bars.cards,
    "checkins": bars.checkins,
    "doors": bars.doors,
    "board": bars.board,
    "costs": capacity.costs,
    "costs-sales": capacity.sales,
    "logs": bars.logs,
    "tracing": bars.speed,
    "pages": bars.pages,
    "rush-default": bars.rehearsal,
    "rush-steady": bars.rehearsal,
}
CHARTS: dict[str, Callable[[Figures], str]] = {
    "growth-seats": _growth_chart("seats", "One operation, by the size of the hall"),
    "growth-members": _growth_chart("members", "One operation, by the members of the room"),
    "growth-reservations": _reservations_chart,
    "contention": _contention_chart,
}
