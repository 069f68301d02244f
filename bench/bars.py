"""The tables of measurements that have bars, and of rehearsals."""

from collections.abc import Iterable, Iterator
from typing import Any

Figures = dict[str, Any]

MET = {True: "met", False: "**missed**", None: ""}


def table(columns: list[str], rows: Iterable[list[Any]]) -> Iterator[str]:
    """Return the lines of a table."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row)} |"


def cpu(shares: dict[str, int]) -> str:
    """Return processor times in us by kind of process."""
    return ", ".join(f"{name.rpartition('.')[2]} {us:,}" for name, us in shares.items() if us)


def speed(run: Figures) -> Iterator[str]:
    """Return the table of requests against the baseline."""
    columns = ["", "at least", "ratio", "lowest", "highest", "a second", "baseline a second"]
    rows = [
        [
            *(name, one["at_least"], one["ratio"], one["ratio_min"], one["ratio_max"]),
            *(one["per_second"], one["baseline_per_second"], one["p50_ms"], cpu(one["cpu_us"])),
            MET[one["met"]],
        ]
        for name, one in run["bars"].items()
    ]
    yield from table([*columns, "p50 ms", "CPU us a request", ""], rows)


def latency(run: Figures) -> Iterator[str]:
    """Return how long a hold and a payment take, by how many are sent at once."""
    rows = [
        [kind, int(at_once), one["p50_ms"], one["p99_ms"]]
        for kind, found in run["latency"].items()
        for at_once, one in found.items()
    ]
    yield from table(["", "at once", "p50 ms", "p99 ms"], rows)


def bursts(run: Figures) -> Iterator[str]:
    """Return how long ten thousand joins take."""
    rows = []
    for name, one in run["bursts"].items():
        is_share = "share" in one
        what = "last answer, of the baseline's time" if is_share else "longest wait, ms"
        found, each = ("share", "shares") if is_share else ("longest_wait_ms", "waits_ms")
        rounds = ", ".join(f"{value:,}" for value in one[each])
        times = f"{one['p50_ms']:,}, {one['p99_ms']:,}"
        judged = (one["at_most"], one[found], rounds, times, one["displacement"])
        rows.append([name, what, *judged, MET[one["met"]]])
    columns = ["10,000 joins", "", "at most", "found", "all rounds", "p50, p99 ms"]
    yield from table([*columns, "out of order by", ""], rows)


def cards(run: Figures) -> Iterator[str]:
    """Return what a payment by card costs against one by points."""
    rows = [
        [name, run[key]["total"], cpu({k: v for k, v in run[key].items() if k != "total"})]
        for name, key in (("by points", "by_points_us"), ("by card", "by_card_us"))
    ]
    yield from table(["a payment", "CPU us", "of that"], rows)
    rounds = ", ".join(map(str, run["ratios"]))
    yield f"\nRatio {run['ratio']} (rounds {rounds}), at most {run['at_most']}: {MET[run['met']]}."


def checkins(run: Figures) -> Iterator[str]:
    """Return how many people the doors take a second."""
    one, many = run["one at a time"], run["in batches"]
    rows = [
        [
            "one at a time",
            one["per_second"],
            f"{one['ratio']} (at least {one['at_least']})",
            one["p50_ms"],
            cpu(one["cpu_us"]),
        ],
        [
            *("in batches of 200, a scan", many["scans_per_second"], "", many["p50_ms"]),
            many["cpu_us_a_scan"],
        ],
    ]
    columns = ["", "a second", "of the baseline's rate", "p50 ms of a request", "CPU us"]
    yield from table(columns, rows)


def doors(run: Figures) -> Iterator[str]:
    """Return how a performance at the doors went."""
    one, batch = run["scan"], run["batch"]
    rows = [
        ["a scan", one["p50_ms"], one["p99_ms"], one["most_ms"]],
        ["a batch", batch["p50_ms"], "", batch["most_ms"]],
    ]
    yield from table(["", "p50 ms", "p99 ms", "longest ms"], rows)
    yield (
        f"\n{run['tickets']:,} tickets at {run['gates']} gates in {run['minutes']:g} minutes; "
        f"{run['without_network']:,} scans were sent later, {run['scanned_twice']:,} of tickets "
        f"that another gate scanned too: {run['refused']:,} refused, {run['lost']} lost, "
        f"{run['admitted_twice']} admitted twice. A scan's p99 under {run['at_most_p99_ms']} ms: "
        f"{MET[run['met']]}."
    )


def board(run: Figures) -> Iterator[str]:
    """Return what an open board costs, and how old its figures are."""
    seconds = run["at_most_s"]
    rows = [
        [
            "share of the API's processor time, %",
            100 * run["at_most_share"],
            round(100 * run["share"], 2),
            MET[run["share"] < run["at_most_share"]],
        ],
        ["oldest figures, s", seconds, run["age_most_s"], MET[run["age_most_s"] <= seconds]],
        [
            "oldest payment they lacked, s",
            *(seconds, run["lacked_most_s"], MET[run["lacked_most_s"] <= seconds]),
        ],
    ]
    yield from table(["", "at most", "found", ""], rows)
    yield (
        f"\n{run['fans']:,} fans, {run['sold']:,} seats sold in {run['seconds']:g} s; "
        f"{run['looks']} looks of {run['look_cpu_ms']} ms, while the API used "
        f"{run['api_seconds']:g} s. Counted by how long the looks were waited for, the share is "
        f"{100 * run['share_by_time']:.2f} %. Median age {run['age_p50_s']} s."
    )


def events(run: Figures) -> Iterator[str]:
    """Return what the relay and a consumer reach."""
    rows = [
        [what, bar, *_spread(run[key]), MET[met]]
        for what, bar, key, met in (
            (
                "relay, of the producer",
                run["relay_bar"],
                "relay_of_bare_producer",
                run["relay_met"],
            ),
            ("effects a second", run["effects_bar"], "effects_per_second", run["effects_met"]),
            ("effects by a second of the consumer's CPU", "", "effects_per_cpu_second", None),
        )
    ]
    yield from table(["", "at least", "median", "lowest", "highest", ""], rows)


def lateness(run: Figures) -> Iterator[str]:
    """Return how much later than the rate allows fans are admitted."""
    late = [run[f"late_{part}_ms"] for part in ("p50", "p99", "most")]
    columns = ["admitted", "a second", "polls", "late p50 ms", "late p99 ms", "late at most ms"]
    yield from table(columns, [[run["admitted"], run["rate_per_second"], run["polls"], *late]])


def profiles(run: Figures) -> Iterator[str]:
    """Return where the interpreter's time of each kind of request goes."""
    for name, one in run.items():
        if not isinstance(one, dict) or "samples" not in one:
            continue
        rooms = ", ".join(f"{room} {share} %" for room, share in one["rooms"])
        title = f"{name[0].upper()}{name[1:]}"
        yield f"\n**{title}** ({one['samples']:,} samples). By package: {rooms}.\n"
        columns = ["function", "own %", "with what it calls %"]
        yield from table(columns, [list(row) for row in one["functions"]])


def rehearsal(run: Figures) -> Iterator[str]:
    """Return what a rehearsal (`manage.py rush --json`) found of its targets."""
    rows = [
        [one["title"], one["bound"], _whole(one["found"]), one["unit"], MET[one["met"]]]
        for one in run["targets"]
        if one["found"] is not None
    ]
    yield from table(["", "target", "found", "", ""], rows)
    client, profile = run["client"], run["profile"]
    yield (
        f"\n{client['requests']:,} requests in {run['seconds']:g} s, {profile['fans']:,} fans, "
        f"{run['sold']:,} of {profile['seats']:,} seats sold; {client['machine_cores']:.2f} of "
        f"{run['machine']['cores']} cores busy, {client['cpu_us_per_request']:.0f} us of the "
        f"client a request; requests left {client['late_p99_ms']:.0f} ms late at p99."
    )


def _spread(one: Figures) -> list[Any]:
    return [_whole(one[key]) for key in ("median", "min", "max")]


def _whole(value: float) -> float:
    return int(value) if value >= 100 or value == int(value) else round(value, 2)


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def pages(run: Figures) -> Iterator[str]:
    """Return what a phone waits for on each page."""
    rows = [
        [name, one["at_most"], one["found"], MET[one["met"]]] for name, one in run["bars"].items()
    ]
    yield from table(["", "at most", "found", ""], rows)


def streams(run: Figures) -> Iterator[str]:
    """Yield what listeners of the live streams cost, and how late they hear."""
    rows = [
        [
            way,
            f"{one['listeners']:,}",
            f"{one['events_a_second']:,}",
            f"{one['p50_ms']}",
            f"{one['p99_ms']}",
            f"{one['megabytes']}",
            f"{100 * one['core']:.0f} %",
            "met" if one["met"] else "**missed**",
        ]
        for way, one in run.items()
        if way in ("straight", "gateway")
    ]
    head = ["way", "listeners", "events a second", "late p50 ms", "late p99 ms", "MB", "of a core"]
    yield from table([*head, "bars"], rows)


def logs(run: Figures) -> Iterator[str]:
    """Return what each process logs."""
    processes = run["processes"]
    rows = [[f"`{name}`", one["lines"], one["bytes"]] for name, one in processes.items()]
    whole = [sum(one[what] for one in processes.values()) for what in ("lines", "bytes")]
    yield f"A sale with {run['fans']:,} fans, {run['requests']:,} requests at the gateway."
    yield ""
    columns = ["log, for 1,000 requests", "lines", "bytes"]
    yield from table(columns, [*rows, ["all", round(whole[0], 1), whole[1]]])


def memory_text(figures: dict[str, dict[str, float]]) -> str:
    """Return what processes take, as lines for a terminal."""
    columns = ("at start", "after logins", "after mixed traffic", "most")
    lines = [f"{'MB a process (largest)':24}" + "".join(f"{name:>21}" for name in columns)]
    lines += [
        f"{name:24}" + "".join(f"{seen[column]:>21}" for column in columns)
        for name, seen in figures.items()
    ]
    return "\n".join(lines)
