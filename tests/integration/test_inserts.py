"""Rows inserted by one statement are the rows that Django would have written."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from events.models import OutboxEvent
from kernel.db.inserts import insert_all
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from tickets.models import Ticket

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
hostile = st.sampled_from(["NULL", "{}", '"', "\\", "a,b", "'", "%s", "%(x)s", "\n", " a ", ""])
texts = hostile | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20
)
documents = st.dictionaries(texts, st.none() | st.booleans() | st.integers(-9, 9) | texts)


def event(**fields) -> OutboxEvent:
    usual = {
        "shard": 1,
        "topic": "t",
        "type": "x",
        "source": "/s",
        "aggregate_id": uuid7(),
        "subject": "",
        "data": {},
        "created_at": NOW,
    }
    return OutboxEvent(**(usual | fields))


def kept(rows) -> list[dict]:
    """Return what the table has of these rows, in their order, but for keys and numbers."""
    found = type(rows[0]).objects.in_bulk([row.pk for row in rows])
    names = [field.attname for field in type(rows[0])._meta.concrete_fields]
    return [
        {name: getattr(found[row.pk], name) for name in names if name not in ("id", "position")}
        for row in rows
    ]


def test_it_writes_what_django_would(db_ready):
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(
            st.fixed_dictionaries(
                {"subject": texts, "failure": texts, "data": documents},
                optional={"published_at": st.none() | st.just(NOW)},
            ),
            min_size=1,
            max_size=4,
        )
    )
    def the_same(wanted):
        aggregate = uuid7()
        ours, theirs = (
            [event(aggregate_id=aggregate, **fields) for fields in wanted] for _ in range(2)
        )
        insert_all(ours)
        OutboxEvent.objects.bulk_create(theirs)
        assert kept(ours) == kept(theirs)

    the_same()


def test_the_database_numbers_rows_in_their_order(db_ready):
    rows = [event() for _ in range(200)]
    insert_all(rows)
    found = OutboxEvent.objects.filter(pk__in=[row.pk for row in rows]).order_by("position")
    assert [row.pk for row in found] == [row.pk for row in rows]


def test_many_rows_take_one_statement_whose_text_has_none_of_them(db_ready):
    asked = []

    def written(execute, sql, params, many, context):
        asked.append((sql, len(params)))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(written):
        insert_all([event()])
        insert_all([event() for _ in range(500)])
        insert_all([])
    [alone, together] = asked
    assert alone == together


def test_what_was_inserted_may_be_changed(db_ready):
    row = event()
    insert_all([row])
    row.failure = "changed"
    row.save(update_fields=["failure"])
    assert OutboxEvent.objects.get(pk=row.pk).failure == "changed"


def test_a_text_that_is_too_long_is_refused_and_not_shortened(db_ready):
    with pytest.raises(DataError), transaction():
        insert_all([event(topic="t" * 101), event()])


def test_a_broken_constraint_is_raised_as_one(db_ready):
    row = event()
    insert_all([row])
    with pytest.raises(IntegrityError), transaction():
        insert_all([event(id=row.pk)])


def person(**fields) -> User:
    key = uuid7()
    return User(id=key, email=f"{key}@example.com", password="!", **fields)


@pytest.mark.parametrize(("fields", "kept"), [({"language": "en"}, "en"), ({}, "ko")])
def test_what_has_a_default_of_the_database_is_kept_where_it_is_set(db_ready, fields, kept):
    rows = [person(**fields) for _ in range(2)]
    insert_all(rows)
    found = User.objects.in_bulk([row.pk for row in rows]).values()
    assert [one.language for one in found] == [kept] * 2


def test_rows_that_leave_different_columns_to_the_database_are_refused(db_ready):
    with pytest.raises(ValueError, match="differ"):
        insert_all([Ticket(changed_at=NOW), Ticket()])
