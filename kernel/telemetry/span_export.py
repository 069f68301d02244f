"""Spans on their way out: OpenTelemetry's SDK, and the only module that imports it.

It is imported where an endpoint is set (Note [Price of traces] in tracing.py). The SDK's provider
is made at a process's first span, so after every fork; it sends from a thread of its own, some
hundred spans at a time, and drops what nobody takes. Its own variables hold
(OTEL_EXPORTER_OTLP_..., OTEL_BSP_...), but the sampler's: what comes here was chosen before.
"""

import os
import threading
from collections.abc import Callable
from multiprocessing.util import Finalize

from django.conf import settings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from kernel.telemetry.tracing import NAMES, FinishedSpan

_RECORDED = TraceFlags(TraceFlags.SAMPLED)


class _GivenIds(threading.local, IdGenerator):
    """The ids that a span already has: others have seen them in `traceparent`."""

    trace_id = span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class SdkSpans:
    """An exporter of ours that hands spans to the SDK; `out` is the SDK's, made after each fork."""

    def __init__(self, out: Callable[[], SpanExporter]) -> None:
        self._out = out
        self._ids = _GivenIds()
        self._making = threading.Lock()
        self._provider: TracerProvider | None = None
        self._tracer: trace.Tracer = trace.NoOpTracer()
        self._of = 0  # process id

    def export(self, span: FinishedSpan) -> None:
        """Take a span; what does not fit in the queue any more is dropped."""
        if self._of != os.getpid():
            self._make()
        own, above = _place(span.traceparent), _place(span.parent)
        self._ids.trace_id, self._ids.span_id = own.trace_id, own.span_id
        made = self._tracer.start_span(
            span.name,
            context=set_span_in_context(NonRecordingSpan(above)),  # of zeros: there is none
            kind=SpanKind[span.kind],
            attributes={NAMES[word]: value for word, value in span.attributes.items()},
            links=[Link(_place(one)) for one in span.links],
            start_time=span.began,
            record_exception=False,
            set_status_on_exception=False,
        )
        if span.error:
            made.set_attribute(NAMES["code"], span.error)
            made.set_status(Status(StatusCode.ERROR, span.error))
        made.end(span.ended)

    def flush(self) -> None:
        """Send what waits."""
        if self._provider is not None and self._of == os.getpid():
            self._provider.force_flush(5_000)

    def _make(self) -> None:
        with self._making:
            if self._of == os.getpid():
                return
            resource = Resource.create(
                {
                    "service.name": settings.SERVICE_NAME,
                    "service.version": settings.FRONTROW_RELEASE,
                }
            )
            provider = TracerProvider(
                sampler=ALWAYS_ON, resource=resource, id_generator=self._ids, shutdown_on_exit=True
            )
            provider.add_span_processor(BatchSpanProcessor(self._out()))
            self._provider, self._tracer = provider, provider.get_tracer("frontrow")
            self._of = os.getpid()
            Finalize(None, self.flush, exitpriority=0)  # children of multiprocessing run no atexit


class OtlpSpans(SdkSpans):
    """Spans to the endpoint of the settings."""

    def __init__(self) -> None:
        super().__init__(OTLPSpanExporter)


def _place(traceparent: str) -> SpanContext:
    """Return the SDK's form of a `traceparent`."""
    ids = int(traceparent[3:35], 16), int(traceparent[36:52], 16)
    return SpanContext(*ids, is_remote=True, trace_flags=_RECORDED)
