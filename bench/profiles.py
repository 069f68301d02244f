"""Where the interpreter's time of busy requests goes, by py-spy; import once Django is set up.

py-spy (https://github.com/benfred/py-spy) looks at a process from outside, so the code runs as it
does in production. Counted are samples of the thread that holds the interpreter: what one process
of the service can do is what this thread gets done.
"""

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.crowd import BURST, Crowd, new_room
from bench.load_client import Job
from bench.play import Player
from bench.server import API, RunningServer, serve, serve_fastpath
from stack.entrance import FASTPATH

_SAMPLES_A_SECOND = 400
_CONNECTIONS = 32
_SHOWN = 12
_FRAME = re.compile(r"^(?P<function>.*) \((?P<file>[^:]*)(?::\d+)?\)$")
_LIBRARY = re.compile(r"site-packages/(?P<name>[^/.]+)")


def measure(folder: Path, *, requests: int) -> dict[str, Any]:
    """Return by kind of request what the samples of its process say.

    `samples` is their number; `functions` and `rooms` are the largest shares of them, in percent:
    functions by their own time and with all they call, rooms (packages) by their own.
    """
    crowd = Crowd(seats=4 + 4 * requests, fans=BURST)
    player = Player(folder)
    with ExitStack() as stack:
        stack.enter_context(serve(API, folder))
        waiting, sale = (stack.enter_context(serve_fastpath(folder, name)) for name in FASTPATH)

        def joins() -> list[bytes]:
            return crowd.joins(new_room(), range(BURST))

        def polls() -> list[bytes]:
            return crowd.polls(new_room(), range(1000)) * 10

        def holds() -> list[bytes]:
            return [crowd.hold(seat, seat) for seat in crowd.next_seats(requests)]

        def payments() -> list[bytes]:
            held = list(crowd.next_seats(requests))
            crowd.take_many(held)
            return [crowd.pay(fan, crowd.key(fan)) for fan in held]

        kinds: dict[str, tuple[RunningServer, Callable[[], list[bytes]], int]] = {
            "join": (waiting, joins, 201),
            "own poll": (waiting, polls, 200),
            "hold": (sale, holds, 201),
            "pay by points": (sale, payments, 201),
        }
        return {
            name: _profile(player, server, made(), expected, folder)
            for name, (server, made, expected) in kinds.items()
        }


def _profile(
    player: Player, server: RunningServer, requests: list[bytes], expected: int, folder: Path
) -> dict[str, Any]:
    place = folder / "profile.txt"
    py_spy = str(Path(sys.executable).with_name("py-spy"))
    sampling = subprocess.Popen(
        [
            *(py_spy, "record", "--pid", str(server.process.pid)),
            *("--gil", "--nonblocking", "--rate", str(_SAMPLES_A_SECOND), "--duration", "600"),
            *("--format", "raw", "--output", str(place)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        job = Job(server.port, requests, _CONNECTIONS, once=True)
        player.play(job, expected=expected, server=server)
    finally:
        sampling.send_signal(signal.SIGINT)  # it writes what it has
        sampling.wait(60)
    return shares(place.read_text().splitlines())


def shares(lines: Iterable[str]) -> dict[str, Any]:
    """Return the shares of stacks in py-spy's raw format.

    A line is the frames, outermost first and separated by `;`, and how often they were seen.
    """
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    rooms: Counter[str] = Counter()
    samples = 0
    for line in lines:
        stack, _, number = line.rpartition(" ")
        count = int(number)
        samples += count
        frames = [_named(frame) for frame in stack.split(";")]
        names = [f"{room}: {function}" for room, function in frames]
        own[names[-1]] += count
        rooms[frames[-1][0]] += count
        for name in set(names):
            below[name] += count

    def percent(count: int) -> float:
        return round(100 * count / samples, 1)

    return {
        "samples": samples,
        "functions": [
            [name, percent(count), percent(below[name])] for name, count in own.most_common(_SHOWN)
        ],
        "rooms": [[name, percent(count)] for name, count in rooms.most_common(_SHOWN)],
    }


def _named(frame: str) -> tuple[str, str]:
    """Return the room (an app, kernel/<room>, or a library) and the function of a frame."""
    found = _FRAME.match(frame)
    if found is None:
        return "interpreter", frame
    file = found["file"]
    library = _LIBRARY.search(file)
    if library is not None:
        return library["name"], found["function"]
    parts = Path(file).parts
    if "lib" in parts or not file.endswith(".py"):
        return "standard library", found["function"]
    own = [part for part in parts[:-1] if part not in {"/", "."}]
    depth = 2 if own and own[0] == "kernel" else 1
    return "/".join(own[:depth]) or "standard library", found["function"]
