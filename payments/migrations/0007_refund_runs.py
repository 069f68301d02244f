"""The table that says how far the refunds of a cancelled performance have come."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('concerts', '0006_doors_before_start'),
        ('payments', '0006_cancellations'),
    ]

    operations = [
        migrations.CreateModel(
            name='RefundRun',
            fields=[
                ('performance', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='concerts.performance')),
                ('reservations', models.PositiveIntegerField(default=0)),
                ('amount', models.PositiveBigIntegerField(default=0, help_text='Minor units given back')),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'refund run',
                'verbose_name_plural': 'refund runs',
            },
        ),
        migrations.AlterField(
            model_name='refund',
            name='reason',
            field=models.CharField(choices=[('LATE_CAPTURE', 'Paid too late'), ('CANCELLED', 'Cancelled by the fan'), ('CALLED_OFF', 'Performance cancelled')], max_length=20),
        ),
    ]
