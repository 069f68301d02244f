"""Let the constraint of the doors say what is wrong; nothing changes in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("concerts", "0005_layout_uploads")]

    operations = [
        migrations.AlterConstraint(
            model_name="performance",
            name="concerts_performance_doors_before_start",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("doors_open_at__isnull", True),
                    ("doors_open_at__lte", models.F("starts_at")),
                    _connector="OR",
                ),
                name="concerts_performance_doors_before_start",
                violation_error_message="The doors must open before the start.",
            ),
        ),
    ]
