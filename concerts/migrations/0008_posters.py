"""Posters that are uploaded; concerts have none yet, and code from before reads none."""

import django.contrib.postgres.fields
import django.db.models.deletion
import kernel.db.fields
import kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('concerts', '0007_refund_window'),
    ]

    operations = [
        migrations.AlterField(
            model_name='concert',
            name='poster_url',
            field=models.URLField(blank=True, editable=False, max_length=500),
        ),
        migrations.CreateModel(
            name='Poster',
            fields=[
                ('id', kernel.db.fields.UUID7Field(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('digest', models.CharField(max_length=32)),
                ('width', models.PositiveSmallIntegerField()),
                ('height', models.PositiveSmallIntegerField()),
                ('widths', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), size=None)),
                ('unused_since', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'poster',
                'verbose_name_plural': 'posters',
                'constraints': [models.UniqueConstraint(fields=('digest',), name='concerts_poster_digest_unique')],
            },
        ),
        migrations.AddField(
            model_name='concert',
            name='poster',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='concerts', to='concerts.poster'),
        ),
    ]
