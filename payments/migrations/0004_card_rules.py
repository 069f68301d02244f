"""The rules of payments through a gateway, added beside the traffic.

Indexes are built concurrently; constraints are added without a look at the rows and validated after.
"""

from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("payments", "0003_card_states")]

    operations = [
        AddIndexConcurrently(
            model_name='charge',
            index=models.Index(condition=models.Q(('resolve_after__isnull', False)), fields=['resolve_after'], name='payments_charge_due'),
        ),
        AddIndexConcurrently(
            model_name='payment',
            index=models.Index(condition=models.Q(('resolve_after__isnull', False)), fields=['resolve_after'], name='payments_payment_due'),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddConstraint(
                    model_name='charge',
                    constraint=models.UniqueConstraint(condition=models.Q(('order_id__isnull', False)), fields=('order_id',), name='payments_charge_order_unique'),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY payments_charge_order_unique ON payments_charge (order_id) WHERE order_id IS NOT NULL",
                    "DROP INDEX payments_charge_order_unique",
                )
            ],
        ),
        AddConstraintNotValid(
            model_name='charge',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('gateway', ''), ('order_id__isnull', True)), models.Q(models.Q(('gateway', ''), _negated=True), ('order_id__isnull', False)), _connector='OR'), name='payments_charge_order_at_gateway'),
        ),
        AddConstraintNotValid(
            model_name='charge',
            constraint=models.CheckConstraint(condition=models.Q(('gateway', ''), models.Q(('status__in', ['CREATED', 'REQUESTED', 'UNKNOWN']), _negated=True), ('resolve_after__isnull', False), _connector='OR'), name='payments_charge_open_is_resolved'),
        ),
        AddConstraintNotValid(
            model_name='charge',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'REQUESTED'), _negated=True), ('gateway', ''), ('requested_at__isnull', False), _connector='OR'), name='payments_charge_requested_has_time'),
        ),
        AddConstraintNotValid(
            model_name='charge',
            constraint=models.CheckConstraint(condition=models.Q(('failure_code', ''), models.Q(('status__in', ['CREATED', 'REQUESTED', 'UNKNOWN', 'PAID']), _negated=True), _connector='OR'), name='payments_charge_failure_is_final'),
        ),
        AddConstraintNotValid(
            model_name='charge',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['CREATED', 'REQUESTED', 'UNKNOWN', 'PAID', 'FAILED'])), name='payments_charge_status_known'),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddConstraint(
                    model_name='payment',
                    constraint=models.UniqueConstraint(condition=models.Q(('order_id__isnull', False)), fields=('order_id',), name='payments_payment_order_unique'),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY payments_payment_order_unique ON payments_payment (order_id) WHERE order_id IS NOT NULL",
                    "DROP INDEX payments_payment_order_unique",
                )
            ],
        ),
        AddConstraintNotValid(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('gateway', ''), ('order_id__isnull', True)), models.Q(models.Q(('gateway', ''), _negated=True), ('order_id__isnull', False)), _connector='OR'), name='payments_payment_order_at_gateway'),
        ),
        AddConstraintNotValid(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('gateway', ''), models.Q(('status__in', ['CREATED', 'REQUESTED', 'UNKNOWN']), _negated=True), ('resolve_after__isnull', False), _connector='OR'), name='payments_payment_open_is_resolved'),
        ),
        AddConstraintNotValid(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'REQUESTED'), _negated=True), ('gateway', ''), ('requested_at__isnull', False), _connector='OR'), name='payments_payment_requested_has_time'),
        ),
        AddConstraintNotValid(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('failure_code', ''), models.Q(('status__in', ['CREATED', 'REQUESTED', 'UNKNOWN', 'PAID']), _negated=True), _connector='OR'), name='payments_payment_failure_is_final'),
        ),
        AddConstraintNotValid(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['CREATED', 'REQUESTED', 'UNKNOWN', 'PAID', 'FAILED', 'ABANDONED', 'LATE_CAPTURED'])), name='payments_payment_status_known'),
        ),
        ValidateConstraint("charge", "payments_charge_order_at_gateway"),
        ValidateConstraint("charge", "payments_charge_open_is_resolved"),
        ValidateConstraint("charge", "payments_charge_requested_has_time"),
        ValidateConstraint("charge", "payments_charge_failure_is_final"),
        ValidateConstraint("charge", "payments_charge_status_known"),
        ValidateConstraint("payment", "payments_payment_order_at_gateway"),
        ValidateConstraint("payment", "payments_payment_open_is_resolved"),
        ValidateConstraint("payment", "payments_payment_requested_has_time"),
        ValidateConstraint("payment", "payments_payment_failure_is_final"),
        ValidateConstraint("payment", "payments_payment_status_known"),
    ]
