"""The tables of cancellations and of fee tables; both are new, so nothing waits for them."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import kernel.db.fields
import kernel.ids
import payments.fees
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('concerts', '0006_doors_before_start'),
        ('payments', '0005_webhooks_in'),
    ]

    operations = [
        migrations.CreateModel(
            name='Cancellation',
            fields=[
                ('id', kernel.db.fields.UUID7Field(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('seat_ids', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), help_text='By id', size=None)),
                ('paid', models.PositiveBigIntegerField(help_text='Minor units, for these seats')),
                ('fee', models.PositiveBigIntegerField(help_text='Kept of what was paid')),
                ('points_amount', models.PositiveBigIntegerField(help_text='The part given back as points')),
                ('currency', models.CharField(default='KRW', max_length=3)),
                ('reason', models.CharField(max_length=40)),
                ('policy_version', models.PositiveIntegerField(help_text='0: the one built in')),
                ('request_key', models.CharField(help_text='Hex SHA-256 of caller, route and Idempotency-Key', max_length=64)),
                ('created_at', models.DateTimeField()),
                ('payment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cancellations', to='payments.payment')),
            ],
            options={
                'verbose_name': 'cancellation',
                'verbose_name_plural': 'cancellations',
                'constraints': [models.UniqueConstraint(fields=('request_key',), name='payments_cancellation_request_unique'), models.CheckConstraint(condition=models.Q(('fee__lte', models.F('paid')), ('points_amount__lte', django.db.models.expressions.CombinedExpression(models.F('paid'), '-', models.F('fee')))), name='payments_cancellation_parts_fit')],
            },
        ),
        migrations.CreateModel(
            name='RefundPolicy',
            fields=[
                ('id', kernel.db.fields.UUID7Field(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('fees', models.TextField(help_text='A line each: until how many hours before the start, and the fee of a seat until then as a percentage or in minor units, such as 72 20% or 24 5000. Later than the last line nothing is given back.', max_length=1000, validators=[payments.fees.validate_fees])),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('performance', models.ForeignKey(blank=True, db_index=False, help_text='Empty: for every performance without a table of its own', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refund_policies', to='concerts.performance')),
            ],
            options={
                'verbose_name': 'refund policy',
                'verbose_name_plural': 'refund policies',
                'constraints': [models.UniqueConstraint(fields=('performance',), name='payments_refund_policy_unique', nulls_distinct=False)],
            },
        ),
    ]
