"""Run the live streams: `python -m stream`, one event loop."""

import argparse
import os

import uvloop
from prometheus_client import start_http_server

from stream import line_format, metrics
from stream.hub import Hub
from stream.server import StreamServer
from stream.settings import BadSetting, Settings, from_environment
from stream.source import Source


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m stream", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backlog", type=int, default=2048, help="connections not yet accepted")
    parser.add_argument("--metrics-port", type=int, default=0, help="0: none")
    options = parser.parse_args()
    line_format.configure(os.environ)
    try:
        settings = from_environment()
    except BadSetting as error:
        parser.error(str(error))
    metrics.announce(os.environ)
    if options.metrics_port:
        start_http_server(options.metrics_port, addr=os.environ.get("METRICS_HOST", options.host))
    uvloop.run(_serve(settings, options))


async def _serve(settings: Settings, options: argparse.Namespace) -> None:
    async with Source(settings) as source, Hub(settings, source) as hub:
        await StreamServer(hub, options.host, options.port, backlog=options.backlog).serve()


if __name__ == "__main__":
    main()
