"""The end of a postponed performance's refund window; empty, so the code from before goes on."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('concerts', '0006_doors_before_start'),
    ]

    operations = [
        migrations.AddField(
            model_name='performance',
            name='refund_until',
            field=models.DateTimeField(blank=True, editable=False, help_text='Until then bought seats are given back without a fee, as it was postponed.', null=True),
        ),
    ]
