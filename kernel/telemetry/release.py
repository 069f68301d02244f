"""Which release a process runs, and since when."""

import time

from django.conf import settings
from prometheus_client import Gauge

# Of the API's processes that are alive; the release is the same in all of them.
info = Gauge(
    "frontrow_release_info",
    "1 for the release that runs here",
    ["version", "color"],
    multiprocess_mode="livemax",
)
started = Gauge(
    "frontrow_process_start_time_seconds",
    "When the process started, of several the last",
    multiprocess_mode="livemax",
)


def announce() -> None:
    """Say in this process's metrics what runs."""
    info.labels(settings.FRONTROW_RELEASE, settings.RELEASE_COLOR).set(1)
    started.set(time.time())
