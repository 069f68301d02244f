"""Each constraint of a domain's tables refuses a wrong row by itself, without the others."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, router, transaction
from django.db.models import Model

from events.models import ConsumerFreeze, InboxEntry, OutboxEvent
from idempotency.models import Record
from kernel import clock
from kernel.db.integrity import violated_constraint
from kernel.docs.database_rules import own_apps
from kernel.ids import uuid7
from notifications.models import Mailing, Notification
from payments.models import (
    Cancellation,
    Charge,
    GatewayNotice,
    Offer,
    Payment,
    Refund,
    RefundPolicy,
    RefundRun,
)
from points.models import Account, Entry, Transfer
from points.policy import GRANTS
from queueing.models import (
    DrawCommitment,
    DrawRoster,
    Invitation,
    InvitationUse,
    QueueConfig,
    QueueProgress,
)
from reservations.models import Reservation, ReservationSeat, SaleHalt, SalePolicy, SeatInventory
from sale_statistics.models import HourlyPoints, HourlySales
from tests.support import factories
from tests.support.money import begin, give_points, hold
from tests.support.waiting_rooms import Room
from tickets.models import Checkin, RefusedScan, Ticket, UnlistedScans
from webhooks.models import WebhookDelivery, WebhookEndpoint

LEFT_OUT = {"accounts", "concerts"}  # a new app is tried unless it is named here
MODELS = [model for app in own_apps() if app.label not in LEFT_OUT for model in app.get_models()]

# What a check refuses, set on a row that is right. `column >= 0` needs none.
WRONG: dict[str, dict[str, Any]] = {
    "idempotency_finished_has_status": {"status": None},
    "notifications_sent_has_time": {"sent_at": clock.now()},
    "payments_cancellation_parts_fit": {"fee": 2},
    "payments_charge_failure_is_final": {"failure_code": "x"},
    "payments_charge_open_is_resolved": {"status": "UNKNOWN", "paid_at": None},
    "payments_charge_order_at_gateway": {"gateway": ""},
    "payments_charge_paid_has_time": {"paid_at": None},
    "payments_charge_positive": {"amount": 0},
    "payments_charge_requested_has_time": {"status": "REQUESTED", "paid_at": None},
    "payments_charge_status_known": {"status": "LOST", "paid_at": None},
    "payments_offer_closed_has_time": {"closed_at": None},
    "payments_payment_failure_is_final": {"failure_code": "x"},
    "payments_payment_open_is_resolved": {"status": "UNKNOWN", "paid_at": None},
    "payments_payment_order_at_gateway": {"gateway": ""},
    "payments_payment_paid_has_time": {"paid_at": None},
    "payments_payment_points_fit": {"points_amount": 10**9},
    "payments_payment_requested_has_time": {"status": "REQUESTED", "paid_at": None},
    "payments_payment_status_known": {"status": "LOST", "paid_at": None},
    "payments_refund_done_has_time": {"done_at": None},
    "payments_refund_open_is_resolved": {"resolve_after": clock.now()},
    "payments_refund_parts_fit": {"points_amount": 10**9},
    "payments_refund_status_known": {"status": "LOST", "done_at": None},
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
    "queueing_draw_beacon_announced_before_value": {
        "beacon_value": "a value of no beacon",
        "beacon_published_at": None,
    },
    "queueing_draw_committed_before_beacon": {
        "beacon_published_at": clock.now() - timedelta(9),
    },
    "queueing_invitation_uses_limited": {"uses": 6},
    "queueing_progress_serving_within_ceiling": {"serving": 10**9},
    "reservations_inventory_state_consistent": {"held_until": clock.now()},
    "reservations_policy_hold_within_cap": {"hold_cap_seconds": 1},
    "reservations_policy_window_ordered": {"sale_closes_at": clock.now() - timedelta(9)},
    "tickets_checkin_by_one": {"api_key_id": uuid7()},
    "webhooks_delivery_delivered_has_time": {"delivered_at": clock.now()},
    "webhooks_endpoint_disabled_has_reason": {"enabled": False},
    "webhooks_endpoint_one_owner": {"api_key_id": uuid7()},
}


def rows() -> dict[type[Model], Model]:
    """Return a right row of each table, made as the product makes it where that is short."""
    now, fan = clock.now(), factories.make_user()
    give_points(fan, 500_000)
    performance = factories.make_performance(seats=3, now=now)
    reservation = hold(fan, performance, seats=1, now=now)
    begin(fan, reservation.id, now=now)
    Payment.objects.update(gateway="double", order_id="pay-p")
    room = Room.open()
    [invitation] = room.issue_invitations(uses_allowed=5)
    room.join(fan.pk, invitation_code=invitation.code)
    made = [
        Charge.objects.create(
            user=fan,
            status="PAID",
            amount=5,
            request_key="c" * 64,
            gateway="double",
            order_id="chg-c",
            created_at=now,
            paid_at=now,
        ),
        ConsumerFreeze.objects.create(reason="test", frozen_at=now, resumed_at=now),
        DrawCommitment.objects.create(
            performance=room.performance, draw_seed="0" * 32, commitment="0" * 64, committed_at=now
        ),
        DrawRoster.objects.create(
            performance=room.performance, lines=b"", lines_sha256="0" * 64, made_at=now
        ),
        HourlyPoints.objects.create(hour=now, charges=1, charged=1, payments=1, spent=1),
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
        Mailing.objects.create(
            id=uuid7(),
            event_id=uuid7(),
            kind="postponed",
            performance_id=performance.pk,
            data={},
            created_at=now,
        ),
        Notification.objects.create(
            id=uuid7(), kind="test", user_id=fan.pk, data={}, created_at=now, due_at=now
        ),
        GatewayNotice.objects.create(
            gateway="double", notice_id="n", order_id="pay-p", occurred_at=now, received_at=now
        ),
        Offer.objects.create(
            payment=Payment.objects.get(),
            reservation_id=reservation.id,
            instead_of_id=reservation.id,
            status="ACCEPTED",
            until=now,
            created_at=now,
            closed_at=now,
        ),
        Refund.objects.create(
            payment=Payment.objects.get(),
            status="DONE",
            reason="CANCELLED",
            amount=1,
            points_amount=1,
            request_key="f" * 64,
            created_at=now,
            done_at=now,
        ),
        Checkin.objects.create(
            ticket=Ticket.objects.get(),
            performance=performance,
            scan_id="s",
            gate="A",
            admitted_at=now,
            recorded_at=now,
            actor_id=fan.pk,
        ),
        RefusedScan.objects.create(
            performance=performance,
            scan_id="s",
            gate="A",
            outcome="already_admitted",
            scanned_at=now,
            recorded_at=now,
            actor_id=fan.pk,
        ),
        UnlistedScans.objects.create(performance=performance, scans=1, latest_at=now),
        Cancellation.objects.create(
            payment=Payment.objects.get(),
            seat_ids=[],
            paid=1,
            fee=0,
            points_amount=1,
            reason="CANCELLED",
            policy_version=1,
            request_key="x" * 64,
            created_at=now,
        ),
        RefundPolicy.objects.create(fees="24 10%"),
        RefundRun.objects.create(performance=performance, started_at=now),
        SaleHalt.objects.create(performance=performance, reason="test", created_at=now),
        WebhookEndpoint.objects.create(
            user_id=fan.pk, url="https://example.com/", secret="s", created_at=now
        ),
        WebhookDelivery.objects.create(
            id=uuid7(),
            endpoint_id=uuid7(),
            event_id=uuid7(),
            event_type="test",
            payload="{}",
            created_at=now,
            begun_at=now,
            due_at=now,
        ),
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
