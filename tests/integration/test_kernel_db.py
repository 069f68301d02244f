"""The database words, named constraints, partitions and advisory locks on a real server."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, connections
from django.db import transaction as django_transaction

from accounts.models import User
from kernel.db import transaction as words
from kernel.db.advisory import lock_for_transaction, lock_key
from kernel.db.integrity import constraints_explained
from kernel.db.partitions import ensure_partitions, first_of_month, months_covered
from kernel.errors import DomainError, Kind
from kernel.ids import first_uuid7_at
from tests.support.factories import make_user


class EmailTaken(DomainError):
    code = "email_taken_in_test"
    kind = Kind.CONFLICT
    message = "Taken."


DomainError.registry.pop(EmailTaken.code)  # documents are made from the registry


def test_an_operation_without_a_transaction_is_an_error():
    with pytest.raises(words.TransactionRequired):
        words.require_transaction()
    with words.transaction():
        words.require_transaction()


def test_a_transaction_inside_another_is_an_error():
    with words.transaction(), pytest.raises(RuntimeError, match="durable"), words.transaction():
        pass


def test_after_commit_needs_a_transaction_and_a_commit():
    ran = []
    with pytest.raises(words.TransactionRequired):
        words.run_after_commit(lambda: ran.append(0))
    with pytest.raises(ZeroDivisionError), words.transaction():
        words.run_after_commit(lambda: ran.append(1))
        raise ZeroDivisionError
    with words.transaction():
        words.run_after_commit(lambda: ran.append(2))
        assert ran == []
    assert ran == [2]


def test_a_savepoint_limits_what_an_expected_failure_undoes():
    make_user(email="a@example.com")
    with words.transaction():
        make_user(email="b@example.com")
        with (
            pytest.raises(EmailTaken),
            words.savepoint(),
            constraints_explained({"accounts_user_email_unique": EmailTaken}),
        ):
            make_user(email="A@example.com")
    assert User.objects.count() == 2


def test_an_unexplained_violation_passes_through():
    make_user(email="a@example.com")
    with pytest.raises(IntegrityError), constraints_explained({"something_else": EmailTaken}):
        make_user(email="a@example.com")


def test_lock_keys_differ_by_namespace_and_parts():
    keys = {lock_key("a", 1, 2), lock_key("a", 12), lock_key("b", 1, 2), lock_key("a", 2, 1)}
    assert len(keys) == 4
    assert all(-(2**63) <= key < 2**63 for key in keys)


def test_a_named_lock_excludes_others_until_the_transaction_ends():
    entered = threading.Event()
    order = []

    def other():
        with words.transaction():
            entered.set()
            lock_for_transaction("test", "x")
            order.append("other")
        connections.close_all()

    thread = threading.Thread(target=other)
    with words.transaction():
        lock_for_transaction("test", "x")
        thread.start()
        entered.wait(5)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


def test_session_limits_are_set():
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("3s",)
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("30s",)


NOW = datetime(2031, 11, 15, tzinfo=UTC)


@pytest.fixture
def partitioned():
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE test_log (id uuid PRIMARY KEY, note text) PARTITION BY RANGE (id)"
        )
    yield "test_log"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE test_log")


def test_partitions_reach_from_last_month_to_two_years_ahead(partitioned):
    created = ensure_partitions(partitioned, now=NOW)
    assert len(created) == 26
    assert (created[0], created[-1]) == ("test_log_p203110", "test_log_p203311")
    assert months_covered(partitioned, now=NOW) == 25


def test_making_partitions_again_makes_only_what_is_missing(partitioned):
    ensure_partitions(partitioned, now=NOW, months_ahead=2)
    later = first_of_month(NOW, months_later=1)
    assert ensure_partitions(partitioned, now=later, months_ahead=2) == ["test_log_p203202"]
    assert ensure_partitions(partitioned, now=later, months_ahead=2) == []


def test_a_look_up_by_id_reads_one_partition(partitioned):
    ensure_partitions(partitioned, now=NOW)
    key = first_uuid7_at(NOW)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_log VALUES (%s, 'x')", [key])
        cursor.execute("EXPLAIN SELECT * FROM test_log WHERE id = %s", [key])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "test_log_p203111" in plan
    assert "Append" not in plan


def test_a_key_without_a_partition_is_refused(partitioned):
    ensure_partitions(partitioned, now=NOW, months_ahead=1)
    far = first_uuid7_at(first_of_month(NOW, months_later=6))
    with (
        pytest.raises(IntegrityError),
        django_transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("INSERT INTO test_log VALUES (%s, 'x')", [far])
