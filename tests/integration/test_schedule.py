"""What is unusual about a change of times is saved only with a reason and a yes to it.

Note [Unusual changes] in `concerts/schedule.py`.
"""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry
from concerts import schedule as rules
from concerts.errors import DoorsAfterStart, PerformanceNotFound
from concerts.models import Concert, Performance, Venue
from concerts.usecases.schedule import Edit
from kernel import clock
from kernel.ids import uuid7
from reservations.models import SalePolicy
from reservations.usecases import sale
from tests.support import factories
from tests.support.holding import place
from tests.support.schedules import Everything, asked, codes, edit, save, sell, yes

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NEW_YORK = "America/New_York"


@pytest.fixture
def now():
    return clock.now().replace(microsecond=0)


@pytest.fixture
def performance(db_ready, now):
    """A performance in 30 days, on sale until the day before, with every seat free."""
    return factories.make_performance(seats=4, now=now)


def in_the_past(performance, now):
    return edit(performance, starts_at=performance.starts_at - 5 * 366 * DAY)


def doors_in_the_past(performance, now):
    return edit(performance, doors_open_at=now)


def before_the_sale_ends(performance, now):
    return edit(performance, starts_at=now + 20 * DAY)


def later_with_sold_seats(performance, now):
    sell(performance)
    return edit(performance, starts_at=performance.starts_at + HOUR)


def doors_with_held_seats(performance, now):
    place(factories.make_user(), performance, factories.seat_ids(performance, 1))
    return edit(performance, doors_open_at=performance.starts_at - HOUR)


def zone_of_the_venue(performance, now):
    return edit(performance.concert.venue, timezone=NEW_YORK)


def venue_of_another_zone(performance, now):
    other = Venue.objects.create(name_ko="뉴욕홀", timezone=NEW_YORK)
    return edit(performance.concert, venue_id=other.pk)


def venue_with_sold_seats(performance, now):
    sell(performance)
    return edit(performance.concert, venue_id=Venue.objects.create(name_ko="옆 홀").pk)


def new_in_the_past(performance, now):
    values = {"concert_id": performance.concert_id, "starts_at": now - 365 * DAY}
    return Edit(Performance, uuid7(), values, is_new=True)


UNUSUAL = [
    (in_the_past, ["time_in_the_past", "start_before_sale_end"]),
    (doors_in_the_past, ["time_in_the_past"]),
    (before_the_sale_ends, ["start_before_sale_end"]),
    (later_with_sold_seats, ["seats_taken"]),
    (doors_with_held_seats, ["seats_taken"]),
    (zone_of_the_venue, ["zone_shifts"]),
    (venue_of_another_zone, ["zone_shifts"]),
    (venue_with_sold_seats, ["seats_taken"]),
    (new_in_the_past, ["time_in_the_past"]),
]


@pytest.mark.parametrize(("deed", "expected"), UNUSUAL)
def test_an_unusual_change_is_saved_with_a_reason_and_a_yes_alone(performance, now, deed, expected):
    change = deed(performance, now)
    AuditEntry.objects.all().delete()
    before = everything()
    questions = asked(save, change, now=now)
    assert codes(questions) == expected
    for said in (
        {"reason": "typed right"},
        {"confirmed": yes(questions)},
        {"confirmed": yes(questions), "reason": " "},
        {"confirmed": yes(questions)[1:], "reason": "typed right"},
    ):
        assert asked(save, change, now=now, **said) == questions
    assert everything() == before
    assert not AuditEntry.objects.exists()

    save(change, now=now, reason="typed right", confirmed=yes(questions))
    entry = AuditEntry.objects.get()
    assert (entry.reason, entry.changes.pop("confirmed")) == ("typed right", expected)
    assert set(entry.changes) == set(change.values)
    row = change.model.objects.get(pk=change.key)
    for name, value in change.values.items():
        assert getattr(row, name) == value
        assert set(entry.changes[name]) == ({"to"} if change.is_new else {"from", "to"})


def everything():
    return [list(model.objects.order_by("pk").values()) for model in (Venue, Concert, Performance)]


def test_a_change_ahead_of_any_sale_asks_nothing(db_ready, now):
    draft = factories.make_performance(seats=2, on_sale=False, now=now)
    before = draft.starts_at
    save(edit(draft, starts_at=before + DAY, doors_open_at=before), now=now)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason) == ("concerts.performance.changed", "")
    assert set(entry.changes) == {"starts_at", "doors_open_at"}
    assert Performance.objects.get().starts_at == before + DAY


def test_what_stays_as_it_is_asks_nothing_and_is_no_entry(performance, now):
    sell(performance)
    AuditEntry.objects.all().delete()
    venue = performance.concert.venue
    save(
        edit(performance, starts_at=performance.starts_at, doors_open_at=None),
        edit(venue, timezone=venue.timezone),
        edit(performance.concert, venue_id=venue.pk),
        now=now,
    )
    assert not AuditEntry.objects.exists()


def test_a_name_is_changed_without_a_question_whatever_is_sold(performance, now):
    sell(performance)
    save(
        edit(performance.concert, title_ko="겨울밤"),
        edit(performance.concert.venue, name_ko="새 홀"),
    )
    assert Concert.objects.get().title_ko == "겨울밤"


def test_a_hold_that_has_lapsed_is_no_seat_that_somebody_has(performance, now):
    place(factories.make_user(), performance, factories.seat_ids(performance, 1), now=now)
    later = now + HOUR
    save(edit(performance, starts_at=performance.starts_at + DAY), now=later)
    assert Performance.objects.get().starts_at == performance.starts_at + DAY


def test_a_yes_is_about_the_time_that_was_shown(performance, now):
    shown = asked(save, edit(performance, starts_at=now - DAY), now=now)
    said = {"reason": "moved", "confirmed": yes(shown)}
    assert asked(save, edit(performance, starts_at=now - 2 * DAY), now=now, **said) != shown


def test_a_seat_sold_between_the_question_and_the_yes_is_asked_about(performance, now):
    change = edit(performance, starts_at=now + 20 * DAY)
    shown = asked(save, change, now=now)
    sell(performance)
    said = {"reason": "moved", "confirmed": yes(shown)}
    again = asked(save, change, now=now, **said)
    assert codes(again) == ["start_before_sale_end", "seats_taken"]
    save(change, now=now, reason="moved", confirmed=yes(again))


def test_a_new_zone_shows_what_the_clock_will_say(performance, now):
    starts_at = performance.starts_at.replace(hour=10, minute=0, second=0)  # 19:00 in Seoul
    Performance.objects.update(starts_at=starts_at)
    [question] = asked(save, edit(performance.concert.venue, timezone="UTC"), now=now)
    assert (
        f"{starts_at:%Y-%m-%d} 19:00 UTC+09:00 → {starts_at:%Y-%m-%d} 10:00" in question["message"]
    )
    save(
        edit(performance.concert.venue, timezone="UTC"),
        now=now,
        reason="wrong zone",
        confirmed=yes([question]),
    )
    assert Performance.objects.get().starts_at == starts_at


def test_a_question_names_ten_performances_and_counts_the_others(db_ready, now):
    concert = factories.make_concert()
    for day in range(13):
        Performance.objects.create(concert=concert, starts_at=now + (30 + day) * DAY)
    [question] = asked(save, edit(concert.venue, timezone=NEW_YORK), now=now)
    assert question["message"].count("→") == 10
    assert "… +3" in question["message"]


def test_concert_and_performances_are_saved_together_or_not_at_all(performance, now):
    new = Edit(
        Performance,
        uuid7(),
        {"concert_id": performance.concert_id, "starts_at": now + 40 * DAY},
        is_new=True,
    )
    rename = edit(performance.concert, title_ko="겨울밤")
    asked(save, rename, new, edit(performance, starts_at=now - DAY), now=now)
    assert (Concert.objects.get().title_ko, Performance.objects.count()) == ("가을밤", 1)
    save(new, rename, now=now)
    assert (Concert.objects.get().title_ko, Performance.objects.count()) == ("겨울밤", 2)


def test_a_new_concert_comes_with_its_performances(performance, now):
    values = {"venue_id": performance.concert.venue_id, "title_ko": "첫", "artist_ko": "밴드"}
    concert = Edit(Concert, uuid7(), values, is_new=True)
    starts = {"concert_id": concert.key, "starts_at": now + DAY}
    save(Edit(Performance, uuid7(), starts, is_new=True), concert, now=now)
    assert Concert.objects.get(pk=concert.key).performances.count() == 1


def test_only_the_edited_columns_are_written(performance, now):
    stale = Performance.objects.get(pk=performance.pk)
    Performance.objects.update(status=Performance.Status.POSTPONED)
    save(edit(stale, starts_at=stale.starts_at + DAY), now=now)
    assert Performance.objects.get().status == Performance.Status.POSTPONED


def test_doors_behind_the_start_are_refused(performance, now):
    with pytest.raises(DoorsAfterStart):
        save(edit(performance, doors_open_at=performance.starts_at + HOUR), now=now)


def test_what_is_not_there_is_refused(performance, now):
    gone = Performance(pk=uuid7())
    with pytest.raises(PerformanceNotFound):
        save(edit(gone, starts_at=now + DAY), now=now)


def set_window(performance, now, **changes):
    said = {
        "reason": "plan",
        **{k: changes.pop(k) for k in ("reason", "confirmed") if k in changes},
    }
    sale.set_policy(performance_id=performance.pk, changes=changes, actor_id=None, now=now, **said)


@pytest.mark.parametrize(
    ("window", "sold", "expected"),
    [
        ({"sale_closes_at": 31 * DAY}, False, ["start_before_sale_end"]),
        ({"sale_closes_at": -timedelta(seconds=1)}, False, ["time_in_the_past"]),
        ({"sale_closes_at": timedelta(0)}, False, ["time_in_the_past"]),
        ({"sale_opens_at": -7 * DAY}, False, ["time_in_the_past"]),
        ({"sale_opens_at": -365 * DAY}, False, ["time_in_the_past"]),
        ({"sale_closes_at": 28 * DAY}, True, ["seats_taken"]),
        ({"sale_opens_at": DAY}, True, ["seats_taken"]),
    ],
)
def test_an_unusual_window_needs_a_yes_too(performance, now, window, sold, expected):
    if sold:
        sell(performance)
    AuditEntry.objects.all().delete()
    changes = {name: now + distance for name, distance in window.items()}
    questions = asked(set_window, performance, now, **changes)
    assert codes(questions) == expected
    assert not AuditEntry.objects.exists()
    set_window(performance, now, confirmed=yes(questions), **changes)
    entry = AuditEntry.objects.get()
    assert (entry.reason, entry.changes["confirmed"]) == ("plan", expected)


@pytest.mark.parametrize(
    "changes", [{"sale_opens_at": -HOUR}, {"sale_opens_at": DAY}, {"sale_closes_at": 30 * DAY}]
)
def test_a_usual_window_asks_nothing(performance, now, changes):
    set_window(performance, now, **{name: now + distance for name, distance in changes.items()})
    assert "confirmed" not in AuditEntry.objects.get(action="reservations.set_policy").changes


def test_limits_of_a_sale_change_without_a_question_whatever_is_sold(performance, now):
    sell(performance)
    set_window(performance, now, max_seats_per_fan=2, sale_opens_at=now - HOUR)
    assert SalePolicy.objects.get().max_seats_per_fan == 2


def test_a_first_window_is_looked_through_as_well(performance, now):
    other = factories.make_performance(seats=1, on_sale=False, now=now)
    SalePolicy.objects.filter(pk=other.pk).delete()
    values = {"sale_opens_at": now, "sale_closes_at": now + 31 * DAY}
    who = {"performance_id": other.pk, "reason": "plan", "actor_id": None, "now": now}
    questions = asked(sale.create_policy, values=values, **who)
    assert codes(questions) == ["start_before_sale_end"]
    sale.create_policy(values=values, confirmed=Everything(), **who)
    assert SalePolicy.objects.filter(pk=other.pk).exists()


@pytest.mark.control
def test_control_without_the_rules_a_mistyped_year_is_saved(performance, now, monkeypatch):
    monkeypatch.setattr(rules, "_rules", lambda: ())
    save(in_the_past(performance, now), now=now)
    assert Performance.objects.get().starts_at < now
