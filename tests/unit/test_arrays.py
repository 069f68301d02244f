"""Arrays and rows as parameters of a statement."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from kernel.db.arrays import array_of, one_of, rows_of

KEY = UUID(int=7)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "{}"),
        ([1, -2], '{"1","-2"}'),
        ([KEY], '{"00000000-0000-0000-0000-000000000007"}'),
        ([datetime(2026, 1, 2, tzinfo=UTC)], '{"2026-01-02 00:00:00+00:00"}'),
        (['a"b', "c\\d", "", "{,}", "NULL"], '{"a\\"b","c\\\\d","","{,}","NULL"}'),
        ([array_of(["x"])], '{"{\\"x\\"}"}'),
        ([True, None], '{"True",NULL}'),
    ],
)
def test_an_array_is_written_as_postgresql_writes_it(values, text):
    assert array_of(values) == text


def test_one_key_is_equal_and_several_are_among():
    assert one_of({KEY}) == ("= %s::uuid", str(KEY))
    assert one_of([KEY, KEY]) == ("= ANY(%s::uuid[])", array_of([KEY, KEY]))
    assert one_of([]) == ("= ANY(%s::uuid[])", "{}")


def test_rows_are_values_of_their_types():
    assert rows_of(("int", "text"), [(1, "a")]) == ("VALUES ((%s)::int, (%s)::text)", [1, "a"])
    assert rows_of(("int", "uuid[]"), [(1, "{}"), (2, None)]) == (
        "SELECT c0::int, c1::uuid[] FROM unnest(%s::text[], %s::text[]) AS r (c0, c1)",
        ['{"1","2"}', '{"{}",NULL}'],
    )
