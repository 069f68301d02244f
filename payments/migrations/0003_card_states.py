"""Columns for payments through a gateway, and the table of refunds.

The columns are empty or have a default of the database, so the code from before goes on writing.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import kernel.db.fields
import kernel.ids
from django.conf import settings
from django.db import migrations, models


WITHIN_CAPTURED = """
CREATE FUNCTION payments_refund_within_captured() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    by_gateway bigint; by_points bigint; refunded bigint; refunded_points bigint;
BEGIN
    -- The lock first: what others have refunded meanwhile is seen by the statement after it.
    SELECT CASE WHEN status IN ('PAID', 'LATE_CAPTURED') THEN amount - points_amount ELSE 0 END,
           CASE WHEN status = 'PAID' THEN points_amount ELSE 0 END
      INTO by_gateway, by_points
      FROM payments_payment WHERE id = NEW.payment_id FOR NO KEY UPDATE;
    SELECT coalesce(sum(amount - points_amount), 0), coalesce(sum(points_amount), 0)
      INTO refunded, refunded_points
      FROM payments_refund WHERE payment_id = NEW.payment_id AND status <> 'REFUSED';
    IF refunded > by_gateway OR refunded_points > by_points THEN
        RAISE EXCEPTION 'the refunds of payment % exceed what it captured', NEW.payment_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_refund_within_captured',
                  TABLE = 'payments_refund';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_refund_within_captured
    AFTER INSERT OR UPDATE OF payment_id, status, amount, points_amount ON payments_refund
    FOR EACH ROW EXECUTE FUNCTION payments_refund_within_captured();
"""
WITHOUT = """
DROP TRIGGER payments_refund_within_captured ON payments_refund;
DROP FUNCTION payments_refund_within_captured();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0002_room_for_methods'),
        ('reservations', '0004_bounds_and_money'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', kernel.db.fields.UUID7Field(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('status', models.CharField(choices=[('CREATED', 'Created'), ('REQUESTED', 'Requested'), ('DONE', 'Done'), ('UNKNOWN', 'Unknown'), ('REFUSED', 'Refused')], max_length=20)),
                ('reason', models.CharField(choices=[('LATE_CAPTURE', 'Paid too late'), ('CANCELLED', 'Cancelled by the fan')], max_length=20)),
                ('amount', models.PositiveBigIntegerField(help_text='Minor units, all parts together')),
                ('points_amount', models.PositiveBigIntegerField(help_text='The part given back as points')),
                ('currency', models.CharField(default='KRW', max_length=3)),
                ('seat_ids', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), blank=True, default=list, help_text='The seats given up; empty where none were sold', size=None)),
                ('request_key', models.CharField(help_text='Names the refund to the gateway, however often it is asked for', max_length=64)),
                ('failure_message', models.CharField(blank=True, default='', max_length=500)),
                ('created_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('resolve_after', models.DateTimeField(blank=True, null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'refund',
                'verbose_name_plural': 'refunds',
            },
        ),
        migrations.AddField(
            model_name='charge',
            name='checkout_url',
            field=models.CharField(blank=True, db_default='', default='', max_length=2000),
        ),
        migrations.AddField(
            model_name='charge',
            name='failure_code',
            field=models.CharField(blank=True, db_default='', default='', max_length=60),
        ),
        migrations.AddField(
            model_name='charge',
            name='failure_message',
            field=models.CharField(blank=True, db_default='', default='', max_length=500),
        ),
        migrations.AddField(
            model_name='charge',
            name='gateway',
            field=models.CharField(blank=True, db_default='', default='', help_text='Empty if no gateway takes part', max_length=20),
        ),
        migrations.AddField(
            model_name='charge',
            name='order_id',
            field=models.CharField(blank=True, help_text='Of the order at the gateway', max_length=64, null=True),
        ),
        migrations.AddField(
            model_name='charge',
            name='payment_key',
            field=models.CharField(blank=True, db_default='', default='', help_text='What the gateway calls the payment of the order', max_length=200),
        ),
        migrations.AddField(
            model_name='charge',
            name='requested_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='charge',
            name='resolve_after',
            field=models.DateTimeField(blank=True, help_text='When the gateway is asked next; empty when nothing is open', null=True),
        ),
        migrations.AddField(
            model_name='charge',
            name='tries',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='payment',
            name='checkout_url',
            field=models.CharField(blank=True, db_default='', default='', max_length=2000),
        ),
        migrations.AddField(
            model_name='payment',
            name='failure_code',
            field=models.CharField(blank=True, db_default='', default='', max_length=60),
        ),
        migrations.AddField(
            model_name='payment',
            name='failure_message',
            field=models.CharField(blank=True, db_default='', default='', max_length=500),
        ),
        migrations.AddField(
            model_name='payment',
            name='gateway',
            field=models.CharField(blank=True, db_default='', default='', help_text='Empty if no gateway takes part', max_length=20),
        ),
        migrations.AddField(
            model_name='payment',
            name='order_id',
            field=models.CharField(blank=True, help_text='Of the order at the gateway', max_length=64, null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='payment_key',
            field=models.CharField(blank=True, db_default='', default='', help_text='What the gateway calls the payment of the order', max_length=200),
        ),
        migrations.AddField(
            model_name='payment',
            name='requested_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='resolve_after',
            field=models.DateTimeField(blank=True, help_text='When the gateway is asked next; empty when nothing is open', null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='tries',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='refund',
            name='payment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='payments.payment'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('resolve_after__isnull', False)), fields=['resolve_after'], name='payments_refund_due'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(fields=('request_key',), name='payments_refund_request_unique'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('points_amount__lte', models.F('amount'))), name='payments_refund_parts_fit'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['CREATED', 'REQUESTED', 'UNKNOWN', 'DONE', 'REFUSED'])), name='payments_refund_status_known'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('done_at__isnull', False), ('status', 'DONE')), models.Q(models.Q(('status', 'DONE'), _negated=True), ('done_at__isnull', True)), _connector='OR'), name='payments_refund_done_has_time'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('resolve_after__isnull', False), ('status__in', ['CREATED', 'REQUESTED', 'UNKNOWN'])), models.Q(models.Q(('status__in', ['CREATED', 'REQUESTED', 'UNKNOWN']), _negated=True), ('resolve_after__isnull', True)), _connector='OR'), name='payments_refund_open_is_resolved'),
        ),
        migrations.RunSQL(WITHIN_CAPTURED, WITHOUT),
    ]
