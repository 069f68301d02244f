"""A small receiver of traces: OTLP by HTTP, what an OpenTelemetry Collector takes at port 4318."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class SeenSpan:
    """A span as it was sent; ids in hexadecimal digits, `parent_id` "" for a root."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    service: str
    attributes: dict[str, object]
    error: str
    links: tuple[str, ...]
    began: int
    ended: int


@dataclass
class OtlpReceiver:
    """The spans that have come so far."""

    url: str
    spans: list[SeenSpan] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def of(self, trace_id: str) -> list[SeenSpan]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def take(self, body: bytes) -> None:
        self.raw.append(body)
        request = ExportTraceServiceRequest.FromString(body)
        for group in request.resource_spans:
            about = {one.key: one.value.string_value for one in group.resource.attributes}
            for scope in group.scope_spans:
                self.spans += [_seen(span, about["service.name"]) for span in scope.spans]


def _seen(span, service: str) -> SeenSpan:
    def value(one) -> object:
        return getattr(one.value, one.value.WhichOneof("value"))

    return SeenSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        service=service,
        attributes={one.key: value(one) for one in span.attributes},
        error=span.status.message if span.status.code == 2 else "",
        links=tuple(link.trace_id.hex() for link in span.links),
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
    )


@contextmanager
def receiving(port: int = 0) -> Iterator[OtlpReceiver]:
    """Take spans on a port of this machine, a free one if none is given, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    found = OtlpReceiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
