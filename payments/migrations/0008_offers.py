"""The table of offers of other seats; it is new, so nothing waits for it."""

import django.db.models.deletion
import kernel.db.fields
import kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0007_refund_runs'),
        ('reservations', '0004_bounds_and_money'),
    ]

    operations = [
        migrations.CreateModel(
            name='Offer',
            fields=[
                ('id', kernel.db.fields.UUID7Field(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('status', models.CharField(choices=[('OPEN', 'Open'), ('ACCEPTED', 'Accepted'), ('DECLINED', 'Declined'), ('LAPSED', 'Lapsed')], default='OPEN', max_length=20)),
                ('until', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('instead_of', models.ForeignKey(help_text='Whose seats were gone', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reservations.reservation')),
                ('payment', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='offer', to='payments.payment')),
                ('reservation', models.OneToOneField(help_text='That holds the seats on offer', on_delete=django.db.models.deletion.PROTECT, related_name='offer', to='reservations.reservation')),
            ],
            options={
                'verbose_name': 'offer of other seats',
                'verbose_name_plural': 'offers of other seats',
                'indexes': [models.Index(condition=models.Q(('status', 'OPEN')), fields=['until'], name='payments_offer_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('status', 'OPEN')), models.Q(('closed_at__isnull', False), ('status__in', ['ACCEPTED', 'DECLINED', 'LAPSED'])), _connector='OR'), name='payments_offer_closed_has_time'), models.UniqueConstraint(condition=models.Q(('status__in', ['OPEN', 'ACCEPTED'])), fields=('instead_of',), name='payments_offer_one_of_reservation')],
            },
        ),
    ]
