"""Index the tickets of a performance by their last change, while tickets are sold."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('tickets', '0002_checkins'),
    ]

    operations = [
        # It looks at every ticket there is.
        migrations.RunSQL("SET statement_timeout = 0", "RESET statement_timeout"),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['performance', 'changed_at'], name='tickets_ticket_changed'),
        ),
        migrations.RunSQL("RESET statement_timeout", "SET statement_timeout = 0"),
        migrations.AlterField(
            model_name='ticket',
            name='performance',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='concerts.performance'),
        ),
    ]
