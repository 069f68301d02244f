"""The collector as it is built: what it keeps of the spans and lines that processes send it.

What the processes send of a purchase, tests/acceptance/test_traces.py says more of. Building the
collector takes minutes, so this stands here.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex

import pytest

from kernel.telemetry.span_export import OtlpSpans
from kernel.telemetry.tracing import NOBODY, SERVER, FinishedSpan
from stack.collector import SOURCE, collector
from stack.data_dir import default_data
from stack.process import Tools, wait_until
from stack.service import free_ports, listens
from tests.support.site import Site
from tests.support.traced import OF_A_PURCHASE, Traced, buy, refused_hold
from tests.support.waiting import await_that

pytestmark = pytest.mark.timeout(3900)  # the build, at the lowest priority
MS = 1_000_000
BEGAN = 1_795_000_000_000 * MS
ORDINARY = 200


@contextmanager
def running(program: Path, name: str, port: int, folder: Path, **variables: str) -> Iterator[None]:
    """Run a collector with the file `name`, listening on `port`, until the block ends."""
    [health] = free_ports(1)
    environment = {
        **os.environ,
        "OTELCOL_LISTEN": f"127.0.0.1:{port}",
        "OTELCOL_HEALTH": f"127.0.0.1:{health}",
        **variables,
    }
    log = folder / f"{name}.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [program, "--config", SOURCE / name], env=environment, stdout=output, stderr=output
        ) as process,
    ):
        try:
            assert wait_until(lambda: listens(port), 60), log.read_text()[-2000:]
            yield
        finally:
            process.terminate()
            process.wait(30)


class Collected:
    """An agent and a gateway, and what the gateway has kept."""

    def __init__(self, folder: Path, program: Path, port: int, agent_port: int) -> None:
        self.folder, self.agent_port, self._program, self._port = folder, agent_port, program, port
        self.lines = folder / "api.log"

    @contextmanager
    def agent(self, port: int) -> Iterator[None]:
        """Run another agent on `port`, of a site's processes, before the same gateway."""
        variables = {
            "OTELCOL_HOME": str(self.folder / f"agent-{port}"),
            "OTELCOL_GATEWAY": f"http://127.0.0.1:{self._port}",
            "LOG_FILES": str(self.folder / "none.log"),
        }
        with running(self._program, "agent.yaml", port, self.folder, **variables):
            yield

    def spans(self) -> dict[str, list[dict]]:
        """Return the kept spans by trace id."""
        found: dict[str, list[dict]] = {}
        file = self.folder / "traces.json"
        for line in file.read_text().splitlines() if file.exists() else []:
            for group in json.loads(line)["resourceSpans"]:
                for scope in group["scopeSpans"]:
                    for span in scope["spans"]:
                        found.setdefault(span["traceId"], []).append(span)
        return found

    def records(self) -> list[dict]:
        """Return the kept log records."""
        file = self.folder / "logs.json"
        return [
            record
            for line in (file.read_text().splitlines() if file.exists() else [])
            for group in json.loads(line)["resourceLogs"]
            for scope in group["scopeLogs"]
            for record in scope["logRecords"]
        ]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collected]:
    downloads = default_data() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    program = collector(downloads, Tools())
    folder = tmp_path_factory.mktemp("collector")
    port, agent_port = free_ports(2)
    agent = {
        "OTELCOL_HOME": str(folder / "agent"),
        "OTELCOL_GATEWAY": f"http://127.0.0.1:{port}",
        "LOG_FILES": str(folder / "*.log"),
    }
    gateway = {"OTELCOL_KEEP": str(folder), "OTELCOL_DECISION_WAIT": "2s"}
    with ExitStack() as stack:
        stack.enter_context(running(program, "gateway.yaml", port, folder, **gateway))
        stack.enter_context(running(program, "agent.yaml", agent_port, folder, **agent))
        yield Collected(folder, program, port, agent_port)


def sent(exporter: OtlpSpans, *, ms: int = 5, error: str = "", **attributes: str) -> str:
    """Send a request and a statement below it; return the trace's id."""
    trace_id, request, statement = token_hex(16), token_hex(8), token_hex(8)
    root, own, child = (f"00-{trace_id}-{one}-01" for one in (NOBODY, request, statement))
    ended = BEGAN + ms * MS
    exporter.export(FinishedSpan(child, own, "SELECT seat", SERVER, BEGAN, ended, {}))
    exporter.export(FinishedSpan(own, root, "POST x", SERVER, BEGAN, ended, attributes, error))
    return trace_id


def test_what_is_asked_for_refused_or_slow_is_kept_whole_and_little_of_the_rest(
    collected: Collected, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collected.agent_port}")
    exporter = OtlpSpans()
    wanted = {
        "asked": sent(exporter, asked_by="operator"),
        "refused": sent(exporter, error="seat_taken"),
        "slow": sent(exporter, ms=1500),
    }
    ordinary = {sent(exporter) for _ in range(ORDINARY)}
    exporter.flush()

    def kept() -> dict[str, list[dict]]:
        found = collected.spans()
        there = all(len(found.get(trace_id, [])) == 2 for trace_id in wanted.values())
        return found if there and ordinary & found.keys() else {}

    found = await_that(kept, "what is to be kept", seconds=60)
    assert len(ordinary & found.keys()) < ORDINARY // 2
    [request] = [one for one in found[wanted["refused"]] if one["name"] == "POST x"]
    [statement] = [one for one in found[wanted["refused"]] if one["name"] == "SELECT seat"]
    assert request["status"] == {"message": "seat_taken", "code": 2}
    assert request.get("parentSpanId", "") == ""
    assert statement["parentSpanId"] == request["spanId"]


@pytest.fixture(scope="module")
def site_collected(collected: Collected, site: Site) -> Iterator[Collected]:
    """What the same gateway keeps of a running site, whose processes have an agent of their own."""
    with collected.agent(site.traces_port):
        yield collected


def whole(collected: Collected, traced: Traced, wanted: set[str]) -> dict[str, dict]:
    """Return a trace's kept spans by id, once those that are wanted are there.

    It is whole: no span came twice, and the parent of each is the caller or a span that came.
    """

    def kept() -> list[dict]:
        found = collected.spans().get(traced.trace_id, [])
        return found if {one["name"] for one in found} >= wanted else []

    spans = await_that(kept, f"spans of {sorted(wanted)}", seconds=120)
    by_id = {one["spanId"]: one for one in spans}
    assert len(by_id) == len(spans)
    assert [one for one in spans if one["parentSpanId"] not in {*by_id, traced.span_id}] == []
    return by_id


def above(span: dict, by_id: dict[str, dict]) -> list[str]:
    """Return the names of what caused a span, the nearest first."""
    found = []
    while span := by_id.get(span["parentSpanId"], {}):
        found.append(span["name"])
    return found


def said(span: dict, attribute: str) -> object:
    """Return an attribute's value, as text; None where the span has none."""
    values = [one["value"] for one in span.get("attributes", ()) if one["key"] == attribute]
    return str(next(iter(values[0].values()))) if values else None


def test_a_purchase_on_a_running_site_is_one_whole_trace(site_collected: Collected, site: Site):
    traced = Traced(site)
    bought = buy(site, traced)
    by_id = whole(site_collected, traced, OF_A_PURCHASE)
    [letter] = [one for one in by_id.values() if one["name"] == "mail reservation_confirmed"]
    causes = above(letter, by_id)
    assert causes[:2] == ["consume reservation.confirmed", "publish reservation.confirmed"]
    assert causes[-2:] == ["POST payments", "gateway"]
    for server, request in (
        *(("postgresql", name) for name in ("POST reservations", "POST payments")),
        ("valkey", "POST queue"),
    ):
        calls = [one for one in by_id.values() if said(one, "db.system.name") == server]
        assert any(request in above(one, by_id) for one in calls), (server, request)
    text = (site_collected.folder / "traces.json").read_text()
    secrets = [traced.headers["X-Trace-Token"], *bought.secrets()]
    assert [word for word in secrets if word in text] == []


def test_a_refused_hold_on_a_running_site_keeps_its_error(site_collected: Collected, site: Site):
    traced = refused_hold(site)
    by_id = whole(site_collected, traced, {"gateway", "POST reservations"})
    [refused] = [one for one in by_id.values() if one["name"] == "POST reservations"]
    assert refused["status"] == {"message": "seat_taken", "code": 2}
    assert said(refused, "http.response.status_code") == "409"
    assert said(refused, "error.type") == "seat_taken"


def test_a_line_is_kept_with_its_trace_its_level_and_its_time(collected: Collected):
    trace_id = token_hex(16)
    line = {
        "time": "2026-11-27T07:18:19.925Z",
        "level": "WARNING",
        "message": "m",
        "request_id": "request-0001",
        "trace_id": trace_id,
    }
    with collected.lines.open("a") as log:
        log.write(json.dumps(line) + "\n")
        log.write(f"2026-11-27T07:18:19.925000000Z stderr F {json.dumps(line)}\n")
        log.write("no JSON\n")

    def kept() -> list[dict]:
        found = [one for one in collected.records() if one.get("traceId") == trace_id]
        return found if len(found) == 2 else []

    for record in await_that(kept, "the lines", seconds=60):
        assert record["severityNumber"] == 13  # WARN
        assert record["timeUnixNano"] == "1795763899925000000"
    await_that(
        lambda: [one for one in collected.records() if "no JSON" in str(one.get("body"))],
        "the line that is none",
        seconds=30,
    )
