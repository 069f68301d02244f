"""Profiles of a rehearsal, and the decisions that follow from a seed."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proof.rush import profiles
from proof.rush.choosing import (
    FanEnd,
    FanKind,
    PageEnd,
    SeatWishes,
    admissions_needed,
    fan_plan,
)
from proof.rush.profiles import PROFILES, ProfileInvalid, checked, profile_of, read_profile

DEFAULT = PROFILES["default"]
EVERYTHING = profiles.RushProfile("own")  # fans pay by cards too, look back and come late


def written(folder, text: str, name: str = "mine.toml"):
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["small", "default", "steady"])
def test_every_profile_of_ours_keeps_its_own_bounds(name):
    assert checked(profile_of(name)) == PROFILES[name]


def test_the_default_is_the_on_sale_that_is_promised():
    assert (DEFAULT.fans, DEFAULT.seats, DEFAULT.admitted_per_second) == (10_000, 5_000, 100)
    assert (DEFAULT.arrival_seconds, DEFAULT.choices, DEFAULT.share_paying) == (1.0, 3, 0.7)
    small = PROFILES["small"]
    assert small.fans == 200
    needed = admissions_needed(small, seed=1, seats=small.seats)
    assert needed / small.admitted_per_second < 30


def test_a_file_changes_what_it_names_and_keeps_the_rest(tmp_path):
    path = written(tmp_path, 'based_on = "small"\nfans = 300\nshare_paying = 0.5\n')
    made = profile_of(str(path))
    assert made == replace(PROFILES["small"], name="mine", fans=300, share_paying=0.5)
    same = written(
        tmp_path, json.dumps({"based_on": "small", "fans": 300, "share_paying": 0.5}), "mine.json"
    )
    assert read_profile(same) == made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fans = 0", "fans must be 1 to 100000"),
        ("fans = 100001", "fans must be"),
        ("fans = 1.5", "fans must be a whole number"),
        ("fans = true", "fans must be a whole number"),
        ('fans = "many"', "fans must be a whole number"),
        ("share_paying = 1.1", "share_paying must be 0 to 1"),
        ("share_paying = nan", "share_paying must be 0 to 1"),
        ("share_walking_away = 0.5", "more than 1 together"),
        ("share_closing = 0.95", "share_declining and share_closing are more than 1 together"),
        ("hold_seconds = 29", "hold_seconds must be 30 to 3600"),
        ("arrival_seconds = -1", "arrival_seconds must be"),
        ('shape = "burst"', "shape must be on_sale or steady"),
        ('based_on = "mine"', "based_on must be one of small, default, steady"),
        ("holds_p99_ms = 60000", "a profile has no 'holds_p99_ms'"),
        ('name = "other"', "a profile has no 'name'"),
        ("fans =", "mine.toml"),
        ("fans = 1\nfans = 2", "mine.toml"),
        ("\x00", "mine.toml"),
    ],
)
def test_a_file_that_is_no_profile_is_refused_in_one_line(tmp_path, text, words):
    with pytest.raises(ProfileInvalid) as refused:
        read_profile(written(tmp_path, text))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["[]", '{"fans": 1, "fans": 2}', '{"fans": 1e999}', "[" * 9999])
def test_json_is_read_strictly(tmp_path, text):
    with pytest.raises(ProfileInvalid):
        read_profile(written(tmp_path, text, "mine.json"))


def test_a_missing_file_and_an_unknown_name_are_refused(tmp_path):
    for name in ("huge", str(tmp_path / "gone.toml"), str(tmp_path)):
        with pytest.raises(ProfileInvalid):
            profile_of(name)
    large = written(tmp_path, "#" * 70_000)
    with pytest.raises(ProfileInvalid, match="larger than 64 KiB"):
        read_profile(large)


def test_no_profile_can_choose_what_is_good_enough():
    assert not {name for name in profiles._BOUNDS if name.endswith(("_ms", "_ideal"))}


# --- decisions


@given(seed=st.integers(), number=st.integers(0, 100_000))
def test_a_seed_decides_for_every_fan(seed, number):
    assert fan_plan(DEFAULT, seed=seed, number=number) == fan_plan(
        DEFAULT, seed=seed, number=number
    )


def test_another_seed_decides_otherwise():
    def plans(seed):
        return [fan_plan(DEFAULT, seed=seed, number=n) for n in range(50)]

    assert plans(1) != plans(2)


def test_fans_decide_by_the_shares_of_the_profile():
    plans = [fan_plan(EVERYTHING, seed=7, number=n) for n in range(10_000)]
    bots = sum(plan.kind is not FanKind.PERSON for plan in plans) / len(plans)
    ends = Counter(plan.end for plan in plans)
    assert bots == pytest.approx(EVERYTHING.share_bots, abs=0.01)
    assert ends[FanEnd.PAY] / len(plans) == pytest.approx(0.7, abs=0.02)
    assert ends[FanEnd.WALK_AWAY] / len(plans) == pytest.approx(0.02, abs=0.01)
    by_card = [plan for plan in plans if plan.pays_by_card]
    assert len(by_card) / len(plans) == pytest.approx(EVERYTHING.share_by_card, abs=0.01)
    pages = Counter(plan.at_page for plan in by_card)
    assert pages[PageEnd.APPROVE] / len(by_card) == pytest.approx(0.8, abs=0.05)
    assert pages[PageEnd.CLOSE] / len(by_card) == pytest.approx(0.1, abs=0.05)
    assert sum(plan.looks_back for plan in plans) / len(plans) == pytest.approx(0.1, abs=0.01)
    assert all(0 <= wish < 1 for plan in plans for wish in plan.wishes)
    first = sorted(plan.wishes[0] for plan in plans)
    assert first[len(first) // 2] == pytest.approx(0.25, abs=0.02)  # popular seats first


def test_the_ideal_counts_those_who_keep_seats():
    everybody = replace(DEFAULT, share_paying=1.0, share_walking_away=0.0, share_bots=0.0,
                        share_by_card=0.0, fans=50)  # fmt: skip
    assert admissions_needed(everybody, seed=1, seats=20) == 10
    assert admissions_needed(everybody, seed=1, seats=101) is None
    nobody = replace(everybody, share_paying=0.0)
    assert admissions_needed(nobody, seed=1, seats=2) is None
    closing = replace(everybody, share_by_card=1.0, share_declining=0.0, share_closing=1.0)
    assert admissions_needed(closing, seed=1, seats=2) is None
    declined = replace(closing, share_declining=1.0, share_closing=0.0)  # they pay by points
    assert admissions_needed(declined, seed=1, seats=20) == 10


# --- seats


def hall(*rows: int, price: int = 1000) -> dict:
    index, made = 0, []
    for depth, size in enumerate(rows):
        seats = [
            {"id": f"{depth}-{n}", "index": index + n, "x": n, "y": depth} for n in range(size)
        ]
        index += size
        made.append({"label": str(depth), "seats": seats})
    return {"sections": [{"price": {"amount": price}, "rows": made}]}


def test_popular_seats_come_first_and_neighbours_stay_in_a_row():
    wishes = SeatWishes(hall(3, 3))
    assert wishes.choose(b"AAAAAA", wish=0.0, count=2) == [0, 1]
    assert wishes.choose(b"RRAAAA", wish=0.0, count=2) == [3, 4]  # 2 and 3 only look adjacent
    assert wishes.choose(b"RRARRA", wish=0.0, count=2) == [2]
    assert wishes.choose(b"RRARRA", wish=0.9, count=2) == [5]
    assert wishes.choose(b"TRTRTB", wish=0.0, count=2) == []
    assert wishes.choose(b"", wish=0.0, count=2) == []


def test_dear_sections_are_more_popular():
    cheap, dear = hall(2)["sections"][0], hall(2, price=9000)["sections"][0]
    for seat in dear["rows"][0]["seats"]:
        seat["index"] += 2
    wishes = SeatWishes({"sections": [cheap, dear]})
    assert wishes.choose(b"AAAA", wish=0.0, count=2) == [2, 3]


@given(
    rows=st.lists(st.integers(1, 8), min_size=1, max_size=6),
    data=st.data(),
    wish=st.floats(0, 1, exclude_max=True),
    count=st.integers(1, 4),
)
def test_chosen_seats_are_always_free_and_side_by_side(rows, data, wish, count):
    letters = data.draw(st.text("ATRB", min_size=sum(rows), max_size=sum(rows)))
    chosen = SeatWishes(hall(*rows)).choose(letters.encode(), wish=wish, count=count)
    starts = [sum(rows[:n]) for n in range(len(rows))]
    row_of = [max(n for n, start in enumerate(starts) if start <= i) for i in range(sum(rows))]
    assert [letters[index] for index in chosen] == ["A"] * len(chosen)
    assert bool(chosen) is ("A" in letters)
    assert chosen == [chosen[0] + n for n in range(len(chosen))]
    assert len({row_of[index] for index in chosen}) <= 1
