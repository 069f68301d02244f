"""What measurements share: latencies, the top of an axis, the machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proof import measures


def test_latencies_are_the_median_the_99th_percentile_and_the_longest_in_ms():
    took = [n / 1000 for n in range(100, 0, -1)]
    found = measures.latencies(took)
    assert found == pytest.approx({"p50_ms": 50.5, "p99_ms": 100.0, "most_ms": 100.0})
    assert took[0] == 0.1  # what was given is left as it was
    assert measures.latencies([0.25]) == {"p50_ms": 250.0, "p99_ms": 250.0, "most_ms": 250.0}


@given(value=st.just(0.0) | st.floats(1e-9, 1e15))
def test_an_axis_ends_at_a_round_number_that_is_no_smaller_and_not_much_larger(value):
    top = measures.axis_top(value)
    assert value <= top <= max(1.0, 2.0000001 * value)


def test_an_axis_ends_at_what_can_be_cut_into_four():
    assert [measures.axis_top(value) for value in (0, 3, 4, 5, 11, 99, 101, 1000)] == [
        1, 4, 4, 6, 20, 100, 200, 1000
    ]  # fmt: skip


def test_a_machine_says_what_it_is():
    found = measures.machine()
    assert set(found) == {"cores", "memory_gib", "processor", "system", "python"}
    assert found["cores"] >= 1
    assert measures.load_average() >= 0
