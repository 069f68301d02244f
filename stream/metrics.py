"""What the process counts (docs/metrics.md)."""

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

connections = Gauge("frontrow_stream_connections", "Listeners that are connected", ["kind"])
rooms = Gauge("frontrow_stream_rooms", "Documents that are watched or kept for who comes back")
events = Counter("frontrow_stream_events_total", "Events, each counted once", ["kind", "event"])
lag = Histogram(
    "frontrow_stream_lag_seconds",
    "From the reading of a document until its event is written: to all, or to a slow reader",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)
age = Gauge("frontrow_stream_age_seconds", "Age of the oldest document that somebody listens to")
cut = Counter("frontrow_stream_cut_total", "Listeners who read too slowly", ["reason"])
refused = Counter("frontrow_stream_refused_total", "Requests that got no stream", ["reason"])
resumed = Counter("frontrow_stream_resumed_total", "Listeners who came back", ["outcome"])
reads = Counter("frontrow_stream_reads_total", "Reads of documents from the API", ["outcome"])
for _kind in ("queue", "availability"):
    connections.labels(_kind)  # 0 is shown too, from the start


def announce(environment: Mapping[str, str]) -> None:
    """Say which release runs, as every process of the product does.

    Made here, once a process: others, which know the product, have this metric by themselves.
    """
    release = Gauge(
        "frontrow_release_info", "1 for the release that runs here", ["version", "color"]
    )
    version = environment.get("FRONTROW_RELEASE") or "dev"
    release.labels(version, environment.get("RELEASE_COLOR", "")).set(1)
