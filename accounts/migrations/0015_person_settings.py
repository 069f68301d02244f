"""What a person may set (telephone, more time), and when the owner closed the account.

Columns with constant defaults, so no row is rewritten and old code goes on inserting; the
constraints hold for every row that there is.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0014_sessions_of_pages'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='closed_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='When the owner deleted the account; nothing of the person is left in it.', null=True, verbose_name='deleted at'),
        ),
        migrations.AddField(
            model_name='user',
            name='extra_time',
            field=models.BooleanField(db_default=False, default=False, help_text="Holds of this person may be extended up to the sale policy's longer cap.", verbose_name='needs more time'),
        ),
        migrations.AddField(
            model_name='user',
            name='phone',
            field=models.CharField(blank=True, db_default='', default='', help_text='Digits, with + before a country.', max_length=16, verbose_name='telephone'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('phone__regex', '^(\\+?[0-9]{7,15})?$')), name='accounts_user_phone_form'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('closed_at__isnull', True), models.Q(('display_name', ''), ('email__isnull', True), ('is_active', False), ('phone', '')), _connector='OR'), name='accounts_user_closed_is_nobody'),
        ),
    ]
