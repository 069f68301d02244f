"""A webhook that is sent stands in the trace of what caused its event."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from kernel.telemetry import tracing
from kernel.telemetry.span_export import SdkSpans
from tests.support.webhooks import apply, event, hook, register, send

TRACE, CAUSE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def receiver(db_ready):
    with hook() as found:
        yield found


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    exporter = SdkSpans(lambda: memory)
    tracing.export_to(exporter, ratio=0)
    memory.flush = exporter.flush
    yield memory
    tracing.export_to(None, ratio=0)


def caused(flags: str):
    return replace(event(), traceparent=f"00-{TRACE}-{CAUSE}-{flags}")


@pytest.mark.parametrize(
    ("reply", "outcome", "error"), [(200, "delivered", None), (500, "refused", "refused")]
)
def test_a_webhook_is_a_span_below_what_caused_its_event(exported, receiver, reply, outcome, error):
    register(receiver.url + "/secret-path")
    receiver.replies_with(reply)
    apply(caused("01"))
    send()
    exported.flush()
    [span] = exported.get_finished_spans()
    assert (span.name, span.kind) == ("webhook", SpanKind.CLIENT)
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == CAUSE
    assert span.attributes["frontrow.outcome"] == outcome
    assert span.attributes["frontrow.event_type"] == "payment.paid"
    assert span.status.description == error
    assert "secret-path" not in span.to_json()
    assert receiver.url not in span.to_json()


def test_what_is_not_recorded_has_no_span_and_is_sent_all_the_same(exported, receiver):
    register(receiver.url)
    apply(caused("00"))
    send()
    exported.flush()
    assert exported.get_finished_spans() == ()
    assert len(receiver.taken) == 1
