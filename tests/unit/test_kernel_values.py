"""Clock, ids, money and text."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from kernel import clock
from kernel.i18n import localized, text
from kernel.ids import first_uuid7_at, uuid7
from kernel.money import CurrencyMismatch, Money, total


def test_the_present_is_aware_and_utc():
    assert clock.now().tzinfo is UTC


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_milliseconds_round_trip_within_one_millisecond(moment):
    assert abs((clock.from_ms(clock.to_ms(moment)) - moment).total_seconds()) < 0.001


def test_ids_are_version_seven_and_ordered_by_creation():
    ids = [uuid7() for _ in range(1000)]
    assert {made.version for made in ids} == {7}
    assert ids == sorted(ids)


@given(st.datetimes(datetime(2001, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_the_first_id_of_a_moment_is_a_lower_bound_of_its_millisecond(moment):
    bound = first_uuid7_at(moment)
    assert bound.version == 7
    assert bound.int >> 80 == int(moment.timestamp() * 1000)
    assert bound.int & ((1 << 62) - 1) == 0


def test_a_new_id_lies_between_the_bounds_of_its_time():
    """By the host's clock: other tests may have let this process follow another."""
    before = datetime.now(UTC)
    made = uuid7()
    after = datetime.now(UTC) + timedelta(milliseconds=1)
    assert first_uuid7_at(before) <= made < first_uuid7_at(after)


@given(st.lists(st.integers(-(10**12), 10**12)))
def test_money_adds_up_as_integers(amounts):
    assert total(map(Money, amounts)) == Money(sum(amounts))


def test_money_of_two_currencies_never_mixes():
    with pytest.raises(CurrencyMismatch):
        Money(1, "KRW") + Money(1, "USD")


@pytest.mark.parametrize("amount", [1.0, "1", None, True])
def test_money_is_made_of_whole_minor_units_only(amount):
    with pytest.raises(TypeError):
        Money(amount)


def test_text_follows_the_language_when_it_is_read():
    greeting = text(en="Hello", ko="안녕하세요")
    with override("ko"):
        assert str(greeting) == "안녕하세요"
    with override("en-us"):
        assert str(greeting) == "Hello"


def test_a_row_without_a_translation_shows_the_other_language():
    class Row:
        title_ko = "가을밤"
        title_en = ""

    with override("en"):
        assert localized(Row(), "title") == "가을밤"
