"""What traces cost: polls and holds with them and without, by turns, and against an older checkout.

Import once Django is set up.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_hex
from typing import Any

from bench.crowd import FULL, QUICK, Crowd, Sizes, new_room
from bench.load_client import Job
from bench.pairs import Bar, Round, Seen, compare
from bench.play import Player
from bench.server import RunningServer, serve_fastpath
from stack.entrance import FASTPATH

CONNECTIONS, HOLDERS = 32, 8
RATIO = "0.01"
_RECORDED, _OFF = 0.97, 0.99  # of the throughput without


@contextmanager
def spans_swallowed() -> Iterator[str]:
    """Take spans and forget them; yield where."""

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def measure(folder: Path, *, quick: bool, rounds: int, before: Path | None) -> dict[str, Any]:
    """Return the ratio of each bar; `before` is a checkout to compare a missing endpoint with."""
    sizes = QUICK if quick else FULL
    crowd = Crowd(seats=4 + 4 * (2 * rounds + 2) * sizes.holds)
    player = Player(folder)
    polls = [_named(one) for one in crowd.polls(new_room(), range(1000))]
    with ExitStack() as stack:
        endpoint = stack.enter_context(spans_swallowed())
        recorded = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_TRACES_SAMPLER_ARG": RATIO,
        }

        def rounds_of(kind: str, more: dict[str, str], root: Path | None = None) -> list[Round]:
            place = folder / kind
            place.mkdir()
            room, sale = (
                stack.enter_context(serve_fastpath(place, name, more=more, root=root))
                for name in FASTPATH
            )
            return [_polls(player, room, polls, sizes), _holds(player, sale, crowd, sizes)]

        without = rounds_of("without", {})
        pairs = [("1 % recorded", _RECORDED, rounds_of("recorded", recorded), without)]
        if before is not None:
            pairs.append(("no endpoint", _OFF, without, rounds_of("before", {}, before)))
        bars = [
            Bar(f"{name}, {what}", least, mine, other)
            for what, least, measured, against in pairs
            for name, mine, other in zip(("own poll", "hold"), measured, against, strict=True)
        ]
        for bar in bars:  # once to warm up
            bar.against()
            bar.measured()
        return {"rounds": rounds, "bars": {bar.name: compare(bar, rounds) for bar in bars}}


def _named(request: bytes) -> bytes:
    """Return a request with a trace of its own, as the gateway passes it on."""
    line, rest = request.split(b"\r\n", 1)
    name = f"traceparent: 00-{token_hex(16)}-{token_hex(8)}-00"
    return b"\r\n".join((line, name.encode(), rest))


def _polls(player: Player, server: RunningServer, polls: list[bytes], sizes: Sizes) -> Round:
    job = Job(server.port, polls, CONNECTIONS, sizes.seconds)
    return lambda: player.play(job, expected=200, server=server)


def _holds(player: Player, server: RunningServer, crowd: Crowd, sizes: Sizes) -> Round:
    def play() -> Seen:
        asked = [_named(crowd.hold(seat, seat)) for seat in crowd.next_seats(sizes.holds)]
        job = Job(server.port, asked, HOLDERS, once=True)
        return player.play(job, expected=201, server=server)

    return play
