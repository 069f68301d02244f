"""The stage and the outlines of a hall; empty, so the code from before goes on."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('concerts', '0008_posters'),
    ]

    operations = [
        migrations.AddField(
            model_name='performance',
            name='stage_outline',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='section',
            name='outline',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
    ]
