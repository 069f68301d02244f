"""Fee tables: read strictly, and never more than the price."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import fees
from payments.fees import BUILT_IN, Fee

START = datetime(2027, 1, 1, tzinfo=UTC)
A_FEE = st.one_of(
    st.builds(Fee, hours=st.integers(0, 8784), percent=st.integers(0, 100)),
    st.builds(Fee, hours=st.integers(0, 8784), amount=st.integers(0, 10**12)),
)
TABLES = st.lists(A_FEE, min_size=1, max_size=5, unique_by=lambda fee: fee.hours)


@given(TABLES)
def test_a_table_survives_its_text(rows):
    said = fees.as_text(rows)
    again = fees.parse(said)
    assert sorted(again.fees, key=lambda fee: fee.hours) == sorted(rows, key=lambda fee: fee.hours)
    assert fees.as_text(again.fees) == fees.as_text(fees.parse(fees.as_text(again.fees)).fees)


@given(A_FEE, st.integers(0, 10**9))
def test_a_fee_is_at_most_the_price(fee, price):
    assert 0 <= fee.of(price) <= price


@given(st.text(max_size=60))
def test_anything_else_is_refused_and_never_fails_otherwise(said):
    try:
        table = fees.parse(said)
    except ValueError:
        return
    assert 1 <= len(table.fees) <= 20


NO_TABLES = ["", "\n", "24", "24 5 %", "24 101%", "24 -5", "9000 5%", "24 5%\n24 6%", "٢٤ 5%"]


@pytest.mark.parametrize("said", [*NO_TABLES, "\n".join(f"{hour} 1%" for hour in range(21))])
def test_what_is_no_table_is_refused(said):
    with pytest.raises(ValueError, match=r"fee table|out of bounds"):
        fees.parse(said)


@pytest.mark.parametrize(
    ("hours", "percent"),
    [(1000, 0), (240.01, 0), (240, 10), (168, 20), (72, 30), (24.01, 30), (24, None), (-1, None)],
)
def test_a_line_holds_until_its_hour(hours, percent):
    fee = BUILT_IN.fee_at(START - timedelta(hours=hours), starts_at=START)
    assert (fee and fee.percent) == percent


def test_percentages_are_rounded_down():
    assert Fee(1, percent=7).of(99) == 6
