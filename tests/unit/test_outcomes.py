"""Outcomes of a batch: one item's error is that one's alone."""

from kernel.outcomes import outcomes_of


def test_each_item_has_its_own_result_or_error_in_their_order():
    def halved(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number // 2

    first, second, third = outcomes_of(halved, [2, 3, 4])
    assert (first, third) == (1, 2)
    assert isinstance(second, ValueError)
