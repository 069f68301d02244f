"""Make room for other methods of payment than points and card.

Nothing is rewritten: a longer varchar is a change of the catalogue alone. The new constraint is
added without a look at the rows and validated beside the traffic; the old one, stricter on methods
that don't exist yet, goes last, so that there is always one. The code from before fits both.
"""

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.conf import settings
from django.db import migrations, models

import payments.models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("payments", "0001_initial")]

    operations = [
        migrations.AlterField("payment", "user", models.ForeignKey(on_delete=models.PROTECT, related_name="%(class)ss", to=settings.AUTH_USER_MODEL)),
        migrations.AlterField("charge", "user", models.ForeignKey(on_delete=models.PROTECT, related_name="%(class)ss", to=settings.AUTH_USER_MODEL)),
        migrations.AlterField("payment", "method", models.CharField(choices=payments.models.payment_methods, max_length=20)),
        migrations.AlterField("payment", "status", models.CharField(choices=[("CREATED", "Created"), ("REQUESTED", "Requested"), ("PAID", "Paid"), ("FAILED", "Failed"), ("UNKNOWN", "Unknown"), ("ABANDONED", "Abandoned"), ("LATE_CAPTURED", "Late Captured")], max_length=20)),
        migrations.AlterField("charge", "status", models.CharField(choices=[("CREATED", "Created"), ("REQUESTED", "Requested"), ("PAID", "Paid"), ("FAILED", "Failed"), ("UNKNOWN", "Unknown")], max_length=20)),
        AddConstraintNotValid(
            "payment",
            models.CheckConstraint(
                condition=models.Q(("points_amount__lte", models.F("amount")), models.Q(models.Q(("method", "POINTS"), _negated=True), ("points_amount", models.F("amount")), _connector="OR")),
                name="payments_payment_points_fit",
            ),
        ),
        ValidateConstraint("payment", "payments_payment_points_fit"),
        migrations.RemoveConstraint("payment", "payments_payment_parts_fit"),
    ]
