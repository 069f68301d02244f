"""The health of the process, for who asks its own port (the gateway sends probes to the API).

See Note [Health of every process] in kernel/telemetry/health.py. That the loop turns is what
`/healthz/live` says; the rest may wait for the primary, in a thread that batches never take.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fastpath.http_connection import PendingResponse, Reply
from fastpath.messages import Response
from kernel.telemetry import process_health

_PATHS = {path.encode(): path for path in process_health.PATHS}


class HealthRoutes:
    """The routes of health; to be used on one event loop."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="health")

    def answer(self, target: bytes, reply: Reply) -> Response | PendingResponse | None:
        """Answer a probe, now or later by `reply`; None for what is none."""
        path = _PATHS.get(target)
        if path is None:
            return None
        if path == process_health.LIVE:
            return _response(*process_health.answer(path))
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(self._executor, process_health.answer, path)
        asked.add_done_callback(lambda answered: _reply(answered, reply))
        return asked


def _reply(answered: "asyncio.Future[tuple[int, bytes]]", reply: Reply) -> None:
    if answered.cancelled():
        return
    reply(Response(500) if answered.exception() else _response(*answered.result()))


def _response(status: int, document: bytes) -> Response:
    length = ("Content-Length", str(len(document)))
    return Response(status, [process_health.JSON, length], document)
