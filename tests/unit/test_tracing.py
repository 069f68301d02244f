"""Spans: none and at no cost while off, complete and without values while on."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from kernel.telemetry import context, tracing
from kernel.telemetry.context import Correlation
from kernel.telemetry.span_export import SdkSpans
from kernel.telemetry.statement_spans import summary

ROOT = Path(__file__).parents[2]
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
RECORDED, UNRECORDED = f"00-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-00"
IMPORT = re.compile(r"^\s*(?:from|import) opentelemetry", re.MULTILINE)
OPERATOR = "the operator's token"


class Recorder:
    """What was exported."""

    def __init__(self) -> None:
        self.memory = InMemorySpanExporter()
        self.exporter = SdkSpans(lambda: self.memory)

    def spans(self) -> dict:
        self.exporter.flush()
        return {span.name: span for span in self.memory.get_finished_spans()}


@pytest.fixture
def recorder(settings) -> Iterator[Recorder]:
    settings.OPS_TOKEN = OPERATOR
    made = Recorder()
    tracing.export_to(made.exporter, ratio=0)
    yield made
    tracing.export_to(None, ratio=0)


def asked_for(traceparent: str = RECORDED, **more: str) -> tracing.Arrival:
    return tracing.arrived("request-0001", traceparent, token=OPERATOR, **more)


def respond(arrival: tracing.Arrival, *, status: int = 201, code: str = "") -> None:
    tracing.responded(
        arrival, request_id="request-0001", method="POST", route="reservations", status=status,
        code=code, ended=1763717288.5, seconds=0.25,
    )  # fmt: skip


def test_opentelemetry_is_not_imported_while_no_endpoint_is_set():
    code = (
        "import django, sys; django.setup(); import config.wsgi, fastpath.service, events.relay;"
        "from kernel.telemetry import tracing;"
        "print(tracing.is_on(), 'kernel.telemetry.span_export' in sys.modules)"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings.test", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "False False"


def test_one_module_alone_knows_opentelemetry():
    files = [file for file in ROOT.glob("*/**/*.py") if file.parts[len(ROOT.parts)] != "tests"]
    knows = {
        file.relative_to(ROOT).as_posix()
        for file in files
        if ".venv" not in file.parts and IMPORT.search(file.read_text())
    }
    assert knows == {"kernel/telemetry/span_export.py"}


def test_while_off_nothing_is_recorded_and_a_block_costs_nothing():
    with context.correlated(Correlation("r", RECORDED)), tracing.span("x") as first:
        assert first is None
    assert tracing.span("x") is tracing.span("y", tracing.CLIENT, table="z")
    assert tracing.opened(RECORDED, "x", tracing.CLIENT) is None
    assert not tracing.is_on()


def test_a_callers_flag_alone_records_nothing_and_its_trace_goes_on(recorder):
    for token in (None, "", "another token"):
        arrival = tracing.arrived("request-0001", RECORDED, token=token)
        assert arrival == tracing.Arrival(Correlation("request-0001", UNRECORDED))
    with context.correlated(arrival.correlation), tracing.span("x") as span:
        assert span is None


def test_the_ratio_chooses_by_the_trace_alone(recorder):
    traces = [tracing.arrived(None, None) for _ in range(20)]
    assert not any(arrival.parent for arrival in traces)
    tracing.export_to(recorder.exporter, ratio=0.5)
    chosen = [bool(tracing.arrived(None, None).parent) for _ in range(400)]
    assert 120 < sum(chosen) < 280
    assert len({bool(tracing.arrived(None, UNRECORDED).parent) for _ in range(20)}) == 1


def test_who_is_left_out_at_once_is_not_recorded_by_a_longer_look(recorder):
    tracing.export_to(recorder.exporter, ratio=0.5)
    headers = [f"00-{token_hex(16)}-{CALLER}-00" for _ in range(400)]
    recorded = {one: bool(tracing.arrived("request-0001", one).parent) for one in headers}
    assert {one: not context.is_left_out(one) for one in headers} == recorded
    assert 120 < sum(recorded.values()) < 280
    # Who asks for it is looked at, and so is who sends none or nonsense.
    for other in (RECORDED, "", "-00", "00-nonsense-00"):
        assert not context.is_left_out(other)


def test_a_request_and_what_it_does_are_one_tree(recorder):
    arrival = asked_for()
    with (
        context.correlated(arrival.correlation),
        tracing.span("outer"),
        tracing.span("inner", tracing.CLIENT, table="seats"),
    ):
        pass
    respond(arrival)
    spans = recorder.spans()
    request, outer, inner = spans["POST reservations"], spans["outer"], spans["inner"]
    assert f"{request.parent.span_id:016x}" == CALLER
    assert outer.parent.span_id == request.context.span_id
    assert inner.parent.span_id == outer.context.span_id
    assert {f"{span.context.trace_id:032x}" for span in spans.values()} == {TRACE}
    assert round((request.end_time - request.start_time) / 1e9, 3) == 0.25
    assert dict(inner.attributes) == {"db.collection.name": "seats"}


def test_the_gateway_stands_between_the_caller_and_the_request(recorder):
    respond(asked_for(passed_on="1763717288.200"))
    spans = recorder.spans()
    gateway, request = spans["gateway"], spans["POST reservations"]
    assert f"{gateway.parent.span_id:016x}" == CALLER
    assert request.parent.span_id == gateway.context.span_id
    assert gateway.start_time < request.start_time
    assert gateway.end_time == request.end_time


def test_a_trace_that_begins_at_the_gateway_has_its_span_as_root(recorder):
    tracing.export_to(recorder.exporter, ratio=1)
    begun = f"00-{TRACE}-{TRACE[:16]}-00"
    respond(tracing.arrived("request-0001", begun, passed_on="1763717288.200"))
    spans = recorder.spans()
    assert spans["gateway"].parent is None
    assert f"{spans['gateway'].context.span_id:016x}" == TRACE[:16]
    assert spans["POST reservations"].parent.span_id == spans["gateway"].context.span_id


def test_without_a_gateway_the_request_is_the_root(recorder):
    tracing.export_to(recorder.exporter, ratio=1)
    respond(tracing.arrived("request-0001", None))
    assert recorder.spans()["POST reservations"].parent is None


@pytest.mark.parametrize("moment", ["", "x", "nan", "-1", "1e300", "1763717000", "1763799999"])
def test_a_moment_that_cannot_be_makes_no_span_of_the_gateway(recorder, moment):
    respond(asked_for(passed_on=moment))
    assert set(recorder.spans()) == {"POST reservations"}


def test_a_refusal_keeps_its_error(recorder):
    respond(asked_for(), status=409, code="seat_taken")
    [span] = recorder.spans().values()
    assert span.attributes["error.type"] == "seat_taken"
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "seat_taken"


def test_an_error_leaves_its_class_and_not_its_words(recorder):
    arrival = asked_for()
    with (
        context.correlated(arrival.correlation),
        pytest.raises(ValueError, match="fan@"),
        tracing.span("x"),
    ):
        raise ValueError("fan@example.com is no seat")
    [span] = recorder.spans().values()
    assert span.status.description == "ValueError"
    assert not span.events


def test_a_batch_belongs_to_the_first_recorded_and_names_the_others(recorder):
    other = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    with tracing.batch_span("batch", [UNRECORDED, RECORDED, other], batch=3) as span:
        assert context.current().traceparent == span.traceparent
    [made] = recorder.spans().values()
    assert f"{made.context.trace_id:032x}" == TRACE
    assert [f"{link.context.trace_id:032x}" for link in made.links] == ["1" * 32]
    with tracing.batch_span("batch", [UNRECORDED]) as nothing:
        assert nothing is None


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ('SELECT "a"."x" FROM "reservations_seat" a WHERE x = \'fan@a\'', "reservations_seat"),
        ("  update accounts_user SET email = 'fan@example.com'", "accounts_user"),
        ("INSERT INTO events_outboxevent (id) VALUES ('x')", "events_outboxevent"),
        ("SELECT pg_is_in_recovery()", ""),
        ("SAVEPOINT \"s1\"", ""),
    ],
)  # fmt: skip
def test_of_a_statement_its_verb_and_its_table_are_said(sql, said):
    verb, table = summary(sql)
    assert (verb, table) == (sql.split()[0].upper(), said)


def test_attributes_are_words_that_are_listed(recorder):
    arrival = asked_for()
    with (
        context.correlated(arrival.correlation),
        tracing.span("x", **dict.fromkeys(tracing.NAMES, 1)),
    ):
        pass
    [span] = recorder.spans().values()
    assert set(span.attributes) == set(tracing.NAMES.values())
    assert not json.dumps(dict(span.attributes)).count("@")
