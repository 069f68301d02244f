"""What is written as an array or as rows comes back from PostgreSQL as it was."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.db.arrays import array_of, rows_of

hostile = st.sampled_from(["NULL", "{}", '"', "\\", "a,b", "'", "%s", "\n", " a "])
texts = hostile | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
moments = st.datetimes(
    min_value=datetime(1900, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC)
)


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("text", texts),
        ("uuid", st.uuids()),
        ("bigint", st.integers(-(2**63), 2**63 - 1)),
        ("timestamptz", moments),
    ],
)
def test_every_value_comes_back(db_ready, type_, values):
    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.none() | values, min_size=1, max_size=5))
    def comes_back(written):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT unnest(%s::{type_}[])", [array_of(written)])
            assert [read for (read,) in cursor.fetchall()] == written
            statement, parameters = rows_of([type_], [(value,) for value in written])
            cursor.execute(statement, parameters)
            assert [read for (read,) in cursor.fetchall()] == written

    comes_back()
