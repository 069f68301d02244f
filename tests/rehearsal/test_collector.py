"""The collector as it is built: what it keeps of the spans and lines that processes send it.

That the processes send one whole trace of a purchase, tests/acceptance/test_traces.py says.
Building the collector takes minutes, so this stands here.
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

    def __init__(self, folder: Path, agent_port: int) -> None:
        self.folder, self.agent_port = folder, agent_port
        self.lines = folder / "api.log"

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
        yield Collected(folder, agent_port)


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
