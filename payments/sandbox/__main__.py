"""The sandbox's process: `python -m payments.sandbox`, with its options from the environment."""

import os

from aiohttp import web

from payments.sandbox import line_format
from payments.sandbox.options import from_environment
from payments.sandbox.server import application


def main() -> None:
    """Serve until a signal."""
    line_format.configure(os.environ)
    options = from_environment(os.environ)
    web.run_app(
        application(options),
        host=options.host,
        port=options.port,
        print=None,
        access_log=None,
        shutdown_timeout=1,
        # A caller that has hung up is no caller: what it asked for is finished all the same.
        handler_cancellation=False,
    )


if __name__ == "__main__":
    main()
