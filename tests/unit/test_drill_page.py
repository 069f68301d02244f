"""The page of the drills' figures, and what it says of the quick ones."""

from drills.catalogue import QUICK
from drills.report import page


def run(**more) -> dict:
    machine = {
        "cores": 2, "processor": "x86_64", "memory_gib": 24, "system": "Linux", "python": "3.11",
        "load": 3.0,
    }  # fmt: skip
    return {
        "drill": "keys", "says": "Keys are rotated.", "control": False, "verdict": "HELD",
        "date": "2026-11-27", "machine": machine, "flows_per_second": 10.0, "requests": 1000,
        "acknowledged": 100, "lost": 0, "figures": {"hold": 0.5}, "limits": {"hold": 2.0},
        "errors": {}, "audit": "clean", "broken": {"count": 0, "some": []}, "missed": [],
        **more,
    }  # fmt: skip


def test_the_quick_ones_are_named_with_the_sum_of_their_times():
    text = page({name: run(seconds=90) for name in QUICK})
    [line] = [line for line in text.splitlines() if line.startswith("`make drills` runs")]
    assert line.endswith(f"{len(QUICK) * 90 / 60:.0f} minutes in all.")
    assert all(f"`{name}`" in line for name in QUICK)
    assert "| HELD | 0 of 100 | clean | 0 | 90 | 2026-11-27 |" in text


def test_without_the_time_of_each_there_is_no_sum():
    kept = {name: run(seconds=90) for name in QUICK} | {QUICK[0]: run()}
    text = page(kept)
    assert "minutes in all" not in text
    assert "| HELD | 0 of 100 | clean | 0 |  | 2026-11-27 |" in text


def test_a_figure_stands_beside_its_limit():
    assert "| hold | 0.5 | 2 |" in page({"keys": run(seconds=90)})
