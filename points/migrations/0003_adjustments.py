"""The system account of adjustments, and their kind and permission."""

from django.db import migrations, models

OPEN = """
INSERT INTO points_account (id, name, currency, opened_at)
VALUES ('00000000-0000-7000-8000-000000000004', 'adjustments', 'KRW', now())
ON CONFLICT (id) DO NOTHING
"""


class Migration(migrations.Migration):

    dependencies = [
        ('points', '0002_kinds_of_card_payments'),
    ]

    operations = [
        migrations.RunSQL(OPEN, migrations.RunSQL.noop),
        migrations.AlterModelOptions(
            name='account',
            options={'permissions': [('adjust_points', 'Can give points to a fan and take them back')], 'verbose_name': 'points account', 'verbose_name_plural': 'points accounts'},
        ),
        migrations.AlterField(
            model_name='transfer',
            name='kind',
            field=models.CharField(choices=[('charge', 'charge'), ('payment', 'payment'), ('payment_hold', 'points part of a payment'), ('payment_return', 'points part returned'), ('refund', 'refund'), ('grant', 'grant'), ('adjustment', 'adjustment by staff')], max_length=20),
        ),
    ]
