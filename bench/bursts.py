"""Ten thousand fans who join at once, and within one second; import once Django is set up."""

from typing import Any

from bench.crowd import BURST, Crowd, new_room
from bench.load_client import Job
from bench.play import Player
from bench.requests import request
from bench.server import RunningServer

CONNECTIONS = 1000
_ROUNDS = 3
# The last answer, as a share of the time in which the baseline answers as many requests.
AT_MOST = {"fastpath": 0.45, "gateway": 0.65}
SPREAD_AT_MOST_MS = 500


def measure(
    crowd: Crowd,
    player: Player,
    *,
    baseline: RunningServer,
    fastpath: RunningServer,
    gateway: RunningServer,
) -> dict[str, Any]:
    """Return for each entry what the fans saw, the best and all of `_ROUNDS` rounds."""
    asked = [request("GET", "/baseline/")] * BURST
    found: dict[str, Any] = {}
    for entry in (fastpath, gateway):
        pairs = [
            (
                player.play(
                    Job(baseline.port, asked, CONNECTIONS, once=True), expected=200, server=baseline
                ),
                _join_all(crowd, player, entry),
            )
            for _ in range(_ROUNDS)
        ]
        shares = [round(mine["seconds"] / other["seconds"], 2) for other, mine in pairs]
        share = sorted(shares)[_ROUNDS // 2]
        found[f"at once, {entry.name}"] = {
            "share": share,
            "shares": shares,
            "at_most": AT_MOST[entry.name],
            "met": share <= AT_MOST[entry.name],
            **_shown(pairs[-1][1]),
        }
    spread = [_join_all(crowd, player, gateway, spread=1.0) for _ in range(_ROUNDS)]
    waits = sorted(round(one["most_ms"]) for one in spread)
    found["within a second, gateway"] = {
        "longest_wait_ms": waits[_ROUNDS // 2],
        "waits_ms": waits,
        "at_most": SPREAD_AT_MOST_MS,
        "met": waits[_ROUNDS // 2] <= SPREAD_AT_MOST_MS,
        **_shown(spread[-1]),
    }
    return found


def _join_all(
    crowd: Crowd, player: Player, entry: RunningServer, *, spread: float = 0.0
) -> dict[str, Any]:
    requests = crowd.joins(new_room(), range(BURST))
    job = Job(entry.port, requests, CONNECTIONS, once=True, spread=spread, reads_numbers=True)
    return player.play(job, expected=201, server=entry)


def _shown(seen: dict[str, Any]) -> dict[str, Any]:
    """Return what one round looked like."""
    return {
        "seconds": round(seen["seconds"], 2),
        "p50_ms": round(seen["p50_ms"]),
        "p99_ms": round(seen["p99_ms"]),
        "displacement": seen["displacement"],
        "cpu_shares": {name: round(share, 2) for name, share in seen["cpu_shares"].items()},
    }
