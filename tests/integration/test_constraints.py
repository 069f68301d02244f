"""Each constraint of a domain's tables refuses a wrong row by itself, without the others."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, router, transaction
from django.db.models import Model

from events.models import InboxEntry, OutboxEvent
from idempotency.models import Record
from kernel import clock
from kernel.db.integrity import violated_constraint
from kernel.docs.database_rules import own_apps
from kernel.ids import uuid7
from payments.models import Charge, Payment
from points.models import Account, Entry, Transfer
from points.policy import GRANTS
from queueing.models import Invitation, InvitationUse, QueueConfig, QueueProgress
from reservations.models import Reservation, ReservationSeat, SaleHalt, SalePolicy, SeatInventory
from sale_statistics.models import HourlySales
from tests.support import factories
from tests.support.money import begin, give_points, hold
from tests.support.waiting_rooms import Room
from tickets.models import Ticket

LEFT_OUT = {"accounts", "concerts"}  # a new app is tried unless it is named here
MODELS = [model for app in own_apps() if app.label not in LEFT_OUT for model in app.get_models()]

# What a check refuses, set on a row that is right. `column >= 0` needs none.
WRONG: dict[str, dict[str, Any]] = {
    "idempotency_finished_has_status": {"status": None},
    "payments_charge_paid_has_time": {"paid_at": None},
    "payments_charge_positive": {"amount": 0},
    "payments_payment_paid_has_time": {"paid_at": None},
    "payments_payment_points_fit": {"points_amount": 10**9},
    "points_account_balance_not_negative": {"balance": -1},
    "points_account_fan_or_system": {"balance": None},
    "points_entry_moves_something": {"amount": 0},
    "queueing_config_abuse_check_known": {"abuse_check": "NONE"},
    "queueing_config_capacity_bounds": {"capacity": 0},
    "queueing_config_grace_bounds": {"grace_seconds": 0},
    "queueing_config_joins_before_admission": {"admission_opens_at": clock.now() - timedelta(9)},
    "queueing_config_rate_bounds": {"rate_per_second": 0},
    "queueing_config_session_bounds": {"session_seconds": 0},
    "queueing_config_state_known": {"state": "AJAR"},
    "queueing_config_work_bits_bounds": {"work_bits": 99},
    "queueing_invitation_uses_limited": {"uses": 6},
    "queueing_progress_serving_within_ceiling": {"serving": 10**9},
    "reservations_inventory_state_consistent": {"held_until": clock.now()},
    "reservations_policy_hold_within_cap": {"hold_cap_seconds": 1},
    "reservations_policy_window_ordered": {"sale_closes_at": clock.now() - timedelta(9)},
}


def rows() -> dict[type[Model], Model]:
    """Return a right row of each table, made as the product makes it where that is short."""
    now, fan = clock.now(), factories.make_user()
    give_points(fan, 500_000)
    performance = factories.make_performance(seats=3, now=now)
    reservation = hold(fan, performance, seats=1, now=now)
    begin(fan, reservation.id, now=now)
    room = Room.open()
    [invitation] = room.issue_invitations(uses_allowed=5)
    room.join(fan.pk, invitation_code=invitation.code)
    made = [
        Charge.objects.create(
            user=fan, status="PAID", amount=5, request_key="c" * 64, created_at=now, paid_at=now
        ),
        HourlySales.objects.create(
            performance=performance, hour=now, reservations=1, seats=1, amount=1
        ),
        InboxEntry.objects.create(
            id=uuid7(), group="statistics", event_id=uuid7(), type="test", applied_at=now
        ),
        Record.objects.create(
            request_key="r" * 64,
            state="FINISHED",
            status=201,
            lease_until=now,
            attempt=1,
            resource_id=uuid7(),
            created_at=now,
            expires_at=now,
        ),
        SaleHalt.objects.create(performance=performance, reason="test", created_at=now),
    ]
    found = [
        Account.objects.get(pk=fan.pk),
        Entry.objects.exclude(account_id=GRANTS).first(),
        Invitation.objects.get(),
        InvitationUse.objects.get(),
        OutboxEvent.objects.first(),
        Payment.objects.get(),
        QueueConfig.objects.get(),
        QueueProgress.objects.get(),
        Reservation.objects.get(),
        ReservationSeat.objects.get(),
        SalePolicy.objects.get(performance=performance),
        SeatInventory.objects.get(status="RESERVED"),
        Ticket.objects.get(),
        Transfer.objects.first(),
    ]
    return {type(row): row for row in [*made, *found] if row is not None}


def constraints(model: type[Model], kinds: str) -> list[tuple[str, str]]:
    """Return name and definition of a table's constraints, and of its unique indexes."""
    with connections[router.db_for_write(model)].cursor() as cursor:
        cursor.execute(
            """
            SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = %(table)s::regclass AND contype = ANY(%(kinds)s)
            UNION ALL
            SELECT k.relname, 'UNIQUE' FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid
            WHERE i.indrelid = %(table)s::regclass AND i.indisunique AND NOT i.indisprimary
              AND 'u' = ANY(%(kinds)s)
              AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
            """,
            {"table": model._meta.db_table, "kinds": list(kinds)},
        )
        return cursor.fetchall()


@contextmanager
def undone(model: type[Model]) -> Iterator[Any]:
    """Undo what the block does to a table, be it its constraints."""
    database = router.db_for_write(model)
    with transaction.atomic(using=database):
        with connections[database].cursor() as cursor:
            yield cursor
        transaction.set_rollback(True, using=database)


@contextmanager
def refused_by(name: str) -> Iterator[None]:
    with pytest.raises(IntegrityError) as refusal:
        yield
    assert violated_constraint(refusal.value) == name


def test_each_check_refuses_a_row_by_itself(db_ready):
    made = rows()
    for model in MODELS:
        row, checks = made[model], constraints(model, "c")
        for name, definition in checks:
            column = re.fullmatch(r"CHECK \(\(+\"?(\w+)\"? >= 0\)+", definition)
            wrong = WRONG.get(name) or {column[1]: -1} if column else WRONG[name]
            with undone(model) as cursor:
                for other in checks:
                    if other[0] != name:
                        drop(cursor, model, *other)
                with refused_by(name):
                    model.objects.filter(pk=row.pk).update(**wrong)


def test_each_unique_key_refuses_a_second_row_by_itself(db_ready):
    made = rows()
    for model in MODELS:
        keys = constraints(model, "u")
        for name, _ in keys:
            with undone(model) as cursor:
                for other in [*keys, *constraints(model, "c")]:
                    if other[0] != name:
                        drop(cursor, model, *other)
                with refused_by(name):
                    copy_of(made[model]).save(force_insert=True)


def drop(cursor: Any, model: type[Model], name: str, definition: str) -> None:
    if definition == "UNIQUE":
        cursor.execute(f"DROP INDEX {name}")
    else:
        cursor.execute(f"ALTER TABLE {model._meta.db_table} DROP CONSTRAINT {name}")


def copy_of(row: Model) -> Model:
    fields = [field for field in row._meta.concrete_fields if not field.generated]
    copy = type(row)(**{field.attname: getattr(row, field.attname) for field in fields})
    copy.pk = uuid7()
    return copy


def test_every_rule_of_a_model_stands_in_its_table(db_ready):
    for model in MODELS:
        found = dict(constraints(model, "cu"))
        assert {one.name for one in model._meta.constraints} <= found.keys()
        columns = {
            field.column for field in model._meta.concrete_fields if field.db_check(connection)
        }
        for column in columns:
            assert f"{model._meta.db_table}_{column}_check" in found
        for field in model._meta.concrete_fields:
            if field.unique and not field.primary_key:
                assert f"{model._meta.db_table}_{field.column}_key" in found


def test_what_stands_in_the_table_of_wrong_values_exists(db_ready):
    names = {name for model in MODELS for name, _ in constraints(model, "c")}
    assert WRONG.keys() <= names
