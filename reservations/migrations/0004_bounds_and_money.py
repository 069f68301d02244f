"""Bounds of sale policies as validators, and whether money may have moved for a reservation.

Only the new column changes a table: a constant default, so no row is rewritten. Until now payments
have said so of sold reservations alone, which can't be given up anyway.
"""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('concerts', '0005_layout_uploads'),
        ('reservations', '0003_seats_of_fan'),
    ]

    operations = [
        migrations.AddField(
            model_name='reservation',
            name='money_may_have_moved',
            field=models.BooleanField(db_default=False, default=False, help_text="Then the seats can't be given up like a mere hold."),
        ),
        migrations.AlterField(
            model_name='salepolicy',
            name='backoff_seconds',
            field=models.PositiveIntegerField(default=30, help_text='The first wait; it doubles each time.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(900)]),
        ),
        migrations.AlterField(
            model_name='salepolicy',
            name='hold_cap_seconds',
            field=models.PositiveIntegerField(default=900, help_text='Counted from the first hold; nothing outlives it.', validators=[django.core.validators.MinValueValidator(30), django.core.validators.MaxValueValidator(3600)]),
        ),
        migrations.AlterField(
            model_name='salepolicy',
            name='hold_seconds',
            field=models.PositiveIntegerField(default=300, validators=[django.core.validators.MinValueValidator(30), django.core.validators.MaxValueValidator(3600)]),
        ),
        migrations.AlterField(
            model_name='salepolicy',
            name='max_seats_per_fan',
            field=models.PositiveSmallIntegerField(default=4, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)]),
        ),
        migrations.AlterField(
            model_name='salepolicy',
            name='payment_seconds',
            field=models.PositiveIntegerField(default=300, validators=[django.core.validators.MinValueValidator(30), django.core.validators.MaxValueValidator(3600)]),
        ),
        migrations.AlterConstraint(
            model_name='salepolicy',
            name='reservations_policy_window_ordered',
            constraint=models.CheckConstraint(condition=models.Q(('sale_opens_at__lt', models.F('sale_closes_at'))), name='reservations_policy_window_ordered', violation_error_code='sale_closes_at'),
        ),
        migrations.AlterConstraint(
            model_name='salepolicy',
            name='reservations_policy_hold_within_cap',
            constraint=models.CheckConstraint(condition=models.Q(('hold_seconds__lte', models.F('hold_cap_seconds'))), name='reservations_policy_hold_within_cap', violation_error_code='hold_seconds'),
        ),
    ]
