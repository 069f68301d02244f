"""Run the service: `python -m fastpath`, one event loop for all routes or for a group of them."""

import argparse
import asyncio
import gc
import os
import signal
from collections.abc import Collection
from socket import socket

import django
import uvloop

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
django.setup()

# Once Django is set up: they import models.
from django.conf import settings  # noqa: E402

from fastpath.http_server import HttpServer, listening_socket  # noqa: E402
from fastpath.service import FastPathService, Group, fill_copies  # noqa: E402
from kernel.telemetry import exposition  # noqa: E402

STOP_SECONDS = 4.0


def main() -> None:
    """Read what the loop looks at, and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m fastpath", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backlog", type=int, default=2048, help="connections not yet accepted")
    parser.add_argument(
        "--routes", type=Group, choices=list(Group), help="serve these alone; all if not given"
    )
    options = parser.parse_args()
    fill_copies()
    if settings.FASTPATH_METRICS_PORT:
        exposition.serve(settings.FASTPATH_METRICS_PORT)
    # What is there now stays: the collector need not look through all of Django again and again.
    gc.collect()
    gc.freeze()
    listening = listening_socket(options.host, options.port, backlog=options.backlog)
    uvloop.run(_serve(listening, [options.routes] if options.routes else list(Group)))


async def _serve(listening: socket, groups: Collection[Group]) -> None:
    service = FastPathService(groups=groups)
    await service.open()
    server = HttpServer(service.answer)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.serve(listening, stop_seconds=STOP_SECONDS)
    service.close()


if __name__ == "__main__":
    main()
