"""`manage.py layout`: exit codes, messages and JSON for programs."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from concerts import policy
from concerts.models import Performance, Seat
from kernel import clock
from tests.support import factories

CSV = (
    "section,grade,price,row,seat,x,y,accessible\nA,VIP,165000,1,1,0,0,1\nA,VIP,165000,1,2,1,0,0\n"
)


@pytest.fixture
def performance(db_ready) -> Performance:
    return Performance.objects.create(concert=factories.make_concert(), starts_at=clock.now())


@pytest.fixture
def hall(tmp_path):
    path = tmp_path / "hall.csv"
    path.write_text(CSV)
    return path


def run(*arguments) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("layout", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    except CommandError as ended:
        return ended.returncode, out.getvalue(), str(ended)
    return 0, out.getvalue(), err.getvalue()


def test_check_alone_needs_no_performance(hall):
    assert run("check", hall)[:2] == (0, "fine: 2 seats, 1 sections, 1 grades\n")


def test_check_says_what_would_change_and_import_does_it(hall, performance):
    code, out, _ = run("check", hall, "--performance", performance.pk)
    assert (code, Seat.objects.count()) == (0, 0)
    assert "would be imported: 2 seats, +2 -0" in out
    code, out, _ = run("import", hall, "--performance", performance.pk, "--reason", "opening night")
    assert (code, Seat.objects.count()) == (0, 2)
    assert "imported: 2 seats" in out
    assert AuditEntry.objects.get(action="concerts.import_layout").reason == "opening night"
    assert "nothing to change" in run("import", hall, "--performance", performance.pk)[1]


def test_json_is_one_object(hall, performance):
    code, out, _ = run("import", hall, "--performance", performance.pk, "--json")
    facts = json.loads(out)
    assert (code, facts["ok"], facts["imported"], facts["seats"]) == (0, True, True, 2)
    assert facts["grades"] == [{"code": "VIP", "price": 165000, "seats": 2, "price_before": None}]


def test_a_bad_file_is_exit_code_1_with_lines(hall, performance):
    hall.write_text(CSV + "A,VIP,165000,1,2,1,0,0\n")
    code, _, err = run("import", hall, "--performance", performance.pk)
    assert code == 1
    assert "hall.csv" in err
    assert "A-1-2" in err
    code, out, _ = run("check", hall, "--json")
    assert code == 1
    [error] = json.loads(out)["errors"]
    assert (error["line"], error["column"]) == (4, "seat")
    assert error["message"].startswith("seat A-1-2 is there twice (first in line 3): ")
    assert "처음: 3행" in error["message_ko"]
    assert Seat.objects.count() == 0


def test_a_missing_file_is_one_line(tmp_path):
    code, _, err = run("check", tmp_path / "nowhere.csv")
    assert (code, err) == (1, f"{tmp_path}/nowhere.csv: No such file or directory")


def test_a_frozen_layout_is_exit_code_2(hall):
    performance = factories.make_performance(seats=1)
    code, _, err = run("import", hall, "--performance", performance.pk)
    assert code == 2
    assert err.startswith("layout_frozen:")
    code, out, _ = run("import", hall, "--performance", performance.pk, "--json")
    assert (code, json.loads(out)["code"]) == (2, "layout_frozen")


def test_import_without_a_performance_is_refused(hall, db_ready):
    assert run("import", hall)[0] == 2


def test_export_writes_a_file_that_imports_unchanged(hall, performance, tmp_path):
    run("import", hall, "--performance", performance.pk)
    for name in ("out.json", "out.csv"):
        assert run("export", tmp_path / name, "--performance", performance.pk)[0] == 0
        assert (
            "nothing to change"
            in run("import", tmp_path / name, "--performance", performance.pk)[1]
        )
    assert run("export", "x.csv", "--print", "--performance", performance.pk)[1] == CSV


def test_a_large_file_shows_how_far_it_is(hall, performance, monkeypatch):
    monkeypatch.setattr(policy, "READ_AT_ONCE_BYTES", 10)
    code, out, err = run("import", hall, "--performance", performance.pk)
    assert code == 0
    assert "writing: 0 %" in err
    assert "imported" in out


def test_two_seats_in_one_place_are_a_warning_not_an_error(hall, performance):
    hall.write_text(CSV.replace("1,2,1,0,0", "1,2,0,0,0"))
    code, out, err = run("check", hall)
    assert code == 0
    assert err.startswith("warning: ")
    assert "A-1-1" in err
    _, out, _ = run("check", hall, "--json")
    assert json.loads(out)["warnings"][0]["line"] == 3
