"""stream: the live streams are killed, come back, and then freeze: fans lose no page."""

import socket
import threading
import time
from contextlib import closing, suppress

from drills.drill import Drill, DrillLimit, DrillRun, Healing
from drills.verdict import outages
from proof.history.recorded import History

NOTICED = "until listeners notice that it was killed"
HEARD_AGAIN = "until a listener hears it again"
_LISTENERS = 50
_GONE_SECONDS, _NOTICE_SECONDS, _AGAIN_SECONDS = 6.0, 10.0, 15.0
_FANS = ("join", "map", "availability", "hold", "pay")


def _fault(run: DrillRun) -> Healing:
    """Kill it while fifty listen, start it, listen again, and freeze it."""
    site = run.site
    listeners = [_listen(run) for _ in range(_LISTENERS)]
    killed = time.monotonic()
    noticed: list[float] = []
    watching = [
        threading.Thread(target=lambda one=one: noticed.append(_end(one))) for one in listeners
    ]
    for one in watching:
        one.start()
    site.do("kill", "stream")
    for one in watching:
        one.join()
    run.figures[NOTICED] = round(max(noticed) - killed, 2)
    time.sleep(max(0.0, killed + _GONE_SECONDS - time.monotonic()))
    started = time.monotonic()
    site.do("start", "stream")
    with closing(_heard(run, started + _AGAIN_SECONDS)):
        run.figures[HEARD_AGAIN] = round(time.monotonic() - started, 2)
    run.note("frozen")
    site.do("pause", "stream")
    return lambda: site.do("resume", "stream")


def _listen(run: DrillRun) -> socket.socket:
    """Return a connection that has had the beginning of a stream of availability."""
    made = socket.create_connection(("127.0.0.1", run.site.port), timeout=_NOTICE_SECONDS)
    path = f"/api/v1/performances/{run.performance}/availability/stream/"
    made.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    if not made.recv(4096).startswith(b"HTTP/1.1 200"):
        made.close()
        raise ConnectionError("no stream was had")
    return made


def _heard(run: DrillRun, until: float) -> socket.socket:
    while True:
        try:
            return _listen(run)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _end(listener: socket.socket) -> float:
    """Return when the stream ended; one that never does counts as late."""
    with closing(listener), suppress(OSError):
        while listener.recv(65536):
            pass
    return time.monotonic()


def _look(run: DrillRun, history: History) -> None:
    """What fans do meanwhile they do as ever."""
    frozen = run.moments["frozen"]
    gaps = outages(history.operations, begun=frozen, until=frozen + DRILL.lasts)
    run.figures |= {f"{op} while frozen": gaps[op] for op in _FANS}


DRILL = Drill(
    name="stream",
    says="The process of the live streams is killed while fifty listen, started again, and frozen.",
    roles=("stream",),
    fault=_fault,
    takes=25.0,
    lasts=10.0,
    limits=(
        DrillLimit(NOTICED, 1.0),
        *(DrillLimit(one, 1.0) for one in _FANS),
        *(DrillLimit(f"{one} while frozen", 1.0) for one in _FANS),
    ),
    look=_look,
)
