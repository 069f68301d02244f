"""The report of a rehearsal renders whatever names it meets, and needs no network."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from proof.history import recorded
from proof.history.recorded import History, Operation
from proof.rush import report
from proof.rush.charts import ChartLine, hall, line_chart
from proof.rush.figures import card_figures
from proof.rush.series import series_of, sold_seconds
from proof.rush.targets import results_of
from tests.unit.test_rush_targets import BAD, GOOD

HOSTILE = "<script>alert('x')</script>\"&</svg>"
HISTORY = [
    Operation(1, "join", 10.0, "ok", 10.2, "u", 201),
    Operation(1, "hold", 11.0, "ok", 11.5, "u", 201, key="k", seat_ids=("s1",), amount=1000),
    Operation(1, "pay", 12.0, "ok", 12.5, "u", 201, key="p", seat_ids=("s1",), amount=1000),
    Operation(2, "hold", 12.0, "unknown", 12.1, "v", 0),
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
        "cards": card_figures(HISTORY),
        "faults": [],
        "audit": [{"check": "seats_are_counted", "looked_at": 1, "violations": 0, "failure": None}],
        "history": {"keys_are_honoured": "", "faults_are_survived": "nothing was broken"},
        "series": series_of(HISTORY, samples, begun=10.0, seconds=3.0),
        "seats": [[0.0, 0.0, sold.get("s1")], [1.0, 0.0, sold.get("s2")]],
        **changes,
    }  # fmt: skip


def test_a_report_is_one_page_the_same_as_json_and_the_history(tmp_path):
    made = found(GOOD | BAD, exit_code=2)
    with override("en"):
        page = report.write(tmp_path / "new" / "folder", made, History(tuple(HISTORY)))
    text = page.read_text()
    assert "NO GO: a target was missed" in text
    assert text.count("<svg") == 7
    assert json.loads((page.parent / report.DATA).read_text()) == made
    assert list(recorded.read(page.parent / report.HISTORY).operations) == HISTORY


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
            faults=[
                {
                    "at": 1,
                    "do": HOSTILE,
                    "part": HOSTILE,
                    "seconds": 1,
                    "error": HOSTILE,
                    "recovered_after": None,
                }
            ],
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
    assert "1 checks had data" in lines
    assert "faults_are_survived had none: nothing was broken" in lines
    assert page.count("<td>faults_are_survived</td>") == 1
    assert page.count("nothing was broken") == 1


def test_payments_by_card_have_a_line_where_there_were_any():
    cards = {"begun": 4, "confirmed": 3, "paid": 2, "open": 1, "longest_open_seconds": 6.5,
             "never_known": 1}  # fmt: skip
    with override("en"):
        lines = report.summary(found(cards=cards), "report.html")
        assert "by card:" not in report.summary(found(), "report.html")
    assert (
        "by card: 4 begun, 3 confirmed, 2 paid; outcome not known at once: 1, the longest for "
        "6.5 s, 1 to the end" in lines
    )


def test_a_fault_says_when_it_was_over(tmp_path):
    fault = {"at": 1.5, "do": "kill", "part": "lock", "seconds": 2.0, "error": ""}
    made = found(faults=[fault | {"recovered_after": 0.4}, fault | {"recovered_after": 0.0}])
    with override("en"):
        page, lines = report.render(made), report.summary(made, "report.html")
    assert "kill lock at 1.5 s, mended after 2 s, last failure 0.4 s after that" in lines
    assert "kill lock at 1.5 s, mended after 2 s, no failure after that" in lines
    assert '<td class="n">0.4 s</td>' in page
    assert '<td class="n">none</td>' in page


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
    report.write(tmp_path, made, History(tuple(HISTORY)))
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
