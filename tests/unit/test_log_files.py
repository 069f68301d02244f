"""A request is found in all logs, in the order of time, and nothing else is."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

REQUEST, TRACE = "request-0001", "0af7651916cd43dd8448eb211c80319c"


def line(second: int, service: str, **members: object) -> str:
    known = {"time": f"2026-01-01T00:00:{second:02}.000Z", "level": "INFO", "logger": "x"}
    return json.dumps({**known, "message": "m", "service": service, "version": "1", **members})


@pytest.fixture
def logs(tmp_path):
    (tmp_path / "access.log").write_text(
        line(5, "gateway", request_id=REQUEST, trace_id=TRACE, status=201) + "\n"
        + line(5, "gateway", request_id="request-0002", path=f"/{REQUEST}/") + "\n"
        + "no json, " + REQUEST + "\n"
        + f'["{REQUEST}"]\n'
    )  # fmt: skip
    (tmp_path / "api.log.1").write_text(line(2, "api", request_id=REQUEST, trace_id=TRACE) + "\n")
    (tmp_path / "consumers.log").write_text(
        line(9, "consumers", request_id=REQUEST, trace_id=TRACE, group="statistics") + "\n"
        + line(8, "consumers", trace_id=TRACE) + "\n"
    )  # fmt: skip
    return tmp_path


def trace(*arguments: object) -> str:
    out = StringIO()
    call_command("trace", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_the_lines_of_a_request_are_printed_in_the_order_of_time(logs):
    text = trace(REQUEST, "--logs", logs).splitlines()
    assert [one.split()[1] for one in text] == ["api", "gateway", "consumers"]
    assert text[1].endswith("x: m  status=201")
    assert "group=statistics" in text[2]


def test_the_lines_of_a_trace_are_those_that_name_it(logs):
    found = [json.loads(one) for one in trace(TRACE, "--json", "--logs", logs).splitlines()]
    assert [one["time"][17:19] for one in found] == ["02", "05", "08", "09"]


@pytest.mark.parametrize(
    ("wanted", "folder", "code"),
    [("request-0009", ".", 1), ("../../etc", ".", 2), ("x", ".", 2), (REQUEST, "nowhere", 2)],
)
def test_what_is_not_there_is_said_by_the_exit_code(logs, wanted, folder, code):
    with pytest.raises(CommandError) as raised:
        trace(wanted, "--logs", logs / folder)
    assert raised.value.returncode == code


def test_the_folder_of_the_stack_is_the_default(logs, settings):
    settings.LOG_FOLDER = str(logs)
    assert "consumers" in trace(REQUEST)
