"""The report of a rehearsal renders whatever names it meets, and needs no network."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from proof.rush import records, report
from proof.rush.charts import ChartLine, hall, line_chart
from proof.rush.records import RecordedOperation
from proof.rush.series import series_of, sold_seconds
from proof.rush.targets import results_of
from tests.unit.test_rush_targets import BAD, GOOD

HOSTILE = "<script>alert('x')</script>\"&</svg>"
HISTORY = [
    RecordedOperation(1, "u", "join", 10.0, 10.2, "ok", 201),
    RecordedOperation(1, "u", "hold", 11.0, 11.5, "ok", 201, "k", "r", ["s1"], 1000),
    RecordedOperation(1, "u", "pay", 12.0, 12.5, "ok", 201, "p", "r", ["s1"], 1000),
    RecordedOperation(2, "v", "hold", 12.0, 12.1, "unknown", 0),
]


def found(figures=GOOD, *, exit_code=0, name="small", **changes) -> dict:
    samples = [{"at": 0.5, "waiting": 3, "active": 1, "serving": 1}]
    sold = sold_seconds(HISTORY, begun=10.0)
    return {
        "verdict": "GO",
        "exit_code": exit_code,
        "profile": {"name": name, "fans": 2},
        "seed": 1,
        "machine": {"cores": 2, "load": 0.1, "system": "Linux", "python": "3.11"},
        "sale": {"seats": 2},
        "seconds": 3.0,
        "targets": [one.as_json() for one in results_of(figures, asked=GOOD)],
        "violations": [],
        "unseen": [],
        "void": [],
        "client": {"requests": 4, "cpu_us_per_request": 35.0, "busiest_share": 0.1,
                   "late_p99_ms": 1.0},
        "outcomes": {"paid": 1},
        "statuses": {"pay 201": 1},
        "faults": [],
        "audit": [{"check": "seats_are_counted", "looked_at": 1, "violations": 0, "failure": None}],
        "history": {"keys_are_honoured": True, "faults_are_survived": False},
        "series": series_of(HISTORY, samples, begun=10.0, seconds=3.0),
        "seats": [[0.0, 0.0, sold.get("s1")], [1.0, 0.0, sold.get("s2")]],
        **changes,
    }  # fmt: skip


def test_a_report_is_one_page_the_same_as_json_and_the_history(tmp_path):
    made = found(GOOD | BAD, exit_code=2)
    with override("en"):
        page = report.write(tmp_path / "new" / "folder", made, HISTORY)
    text = page.read_text()
    assert "NO GO: a target was missed" in text
    assert text.count("<svg") == 7
    assert json.loads((page.parent / report.DATA).read_text()) == made
    assert list(records.read(page.parent / report.HISTORY)) == HISTORY


def test_a_page_refers_to_nothing_outside_itself():
    page = report.render(found())
    assert not re.search(r"(src|href)=|url\(|@import|<script|https?://", page)


def test_hostile_names_are_shown_and_not_obeyed():
    page = report.render(
        found(
            name=HOSTILE,
            exit_code=1,
            violations=[HOSTILE],
            unseen=[HOSTILE],
            void=[HOSTILE],
            outcomes={HOSTILE: 1},
            statuses={HOSTILE: 1},
            faults=[{"at": 1, "do": HOSTILE, "part": HOSTILE, "seconds": 1, "error": HOSTILE}],
        )
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 9


@pytest.mark.parametrize(("language", "words"), [("en", "GO"), ("ko", "진행 가능")])
def test_a_page_speaks_both_languages(language, words):
    with override(language):
        page = report.render(found())
        lines = report.summary(found(), "report.html")
    assert f'<html lang="{language}">' in page
    assert words in page
    assert words in lines
    assert "1 checks had data, none for faults_are_survived" in lines
    assert page.count("<td>faults_are_survived</td>") == 1


@pytest.mark.parametrize(("cost", "word"), [(35.0, "within"), (40.1, "above")])
def test_what_a_request_costs_the_client_is_a_note(cost, word):
    made = found()
    made["client"]["cpu_us_per_request"] = cost
    with override("en"):
        page = report.render(made)
    assert f'<td class="n">{cost} us</td><td class="soft">{word}</td>' in page
    assert f"{cost:.0f} us of processor each (40 at most" in report.summary(made, "report.html")


def test_what_never_happened_has_no_figure(tmp_path):
    made = found(GOOD | {"sold_out_of_ideal": float("inf")}, exit_code=2)
    report.write(tmp_path, made, HISTORY)
    [target] = [one for one in made["targets"] if one["name"] == "sold_out_of_ideal"]
    assert (target["found"], target["met"], report.shown(target)) == (None, False, "never")


def test_series_count_by_the_second():
    series = series_of(HISTORY, [], begun=10.0, seconds=3.0)
    assert series["arrivals"] == [1, 0, 0, 0]
    assert (series["holds"], series["sales"]) == ([0, 1, 0, 0], [0, 0, 1, 0])
    assert series["errors"] == [0, 0, 1, 0]
    assert series["holds_p50_ms"] == [None, 500.0, 100.0, None]
    assert series["waiting"] == [None] * 4
    long = series_of(HISTORY, [], begun=10.0, seconds=3600.0)
    assert len(long["holds"]) <= 302


@given(
    values=st.lists(st.none() | st.floats(0, 1e9), max_size=40),
    name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    bands=st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), max_size=3),
)
def test_a_chart_is_always_well_formed(values, name, bands):
    made = line_chart(name, [ChartLine(name, values)], step=1, bands=bands)
    figure = ET.fromstring(made)
    assert figure.find(".//{*}figcaption/{*}span").text == (name or None)


@given(seats=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6),
                                st.none() | st.floats(0, 1e4)), max_size=30))  # fmt: skip
def test_a_hall_is_always_well_formed_and_shows_every_seat(seats):
    labels = {"first": "<", "last": "&", "unsold": '"'}
    figure = ET.fromstring(hall(HOSTILE, seats, labels=labels))
    drawn = "".join(path.get("d") for path in figure.iter() if path.tag.endswith("path"))
    assert drawn.count("M") == len(seats)
