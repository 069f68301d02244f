"""A longer cap for fans who need more time: a constant default, so no row is rewritten."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0015_person_settings'),
        ('reservations', '0005_seats_of_fans'),
    ]

    operations = [
        migrations.AddField(
            model_name='salepolicy',
            name='extra_time_cap_seconds',
            field=models.PositiveIntegerField(db_default=1800, default=1800, help_text='The cap of fans who need more time; never less than that of everybody.', validators=[django.core.validators.MinValueValidator(30), django.core.validators.MaxValueValidator(7200)]),
        ),
    ]
