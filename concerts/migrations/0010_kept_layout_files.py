"""Where an imported layout file is kept; empty, so the code from before goes on."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('concerts', '0009_stage_and_outlines'),
    ]

    operations = [
        migrations.AddField(
            model_name='layoutupload',
            name='file',
            field=models.CharField(blank=True, db_default='', default='', max_length=150),
        ),
    ]
