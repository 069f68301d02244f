"""Index letters by their fan, month by month, while letters are written and sent."""

from django.db import migrations, models

from kernel.db.partitioned_index import AddPartitionedIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0003_letters_traces")]

    operations = [
        AddPartitionedIndex(
            model_name="notification",
            index=models.Index(fields=["user_id", "created_at"], name="notifications_of_fan"),
        ),
    ]
