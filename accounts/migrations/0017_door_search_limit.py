"""One more route whose limit staff may set."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0016_approvals'),
    ]

    operations = [
        migrations.AlterField(
            model_name='ratelimit',
            name='route',
            field=models.CharField(choices=[('anonymous', 'Not logged in, a client IP'), ('refused', 'Malformed calls, a person'), ('default', 'Everything else, a person'), ('machine', 'Machines, an API key'), ('webhook', 'Webhooks, a payment gateway'), ('join', 'Join the waiting room, a person'), ('join_address', 'Join the waiting room, a client IP'), ('poll', 'Poll the waiting room, a person'), ('hold', 'Hold seats, a person'), ('hold_address', 'Hold seats, a client IP'), ('pay', 'Pay, a person'), ('charge', 'Charge points, a person'), ('door_search', 'Search at the door, a person'), ('login', 'Failed logins, a client IP'), ('login_account', 'Failed logins, an account'), ('login_device', "Failed logins, an account's own device"), ('signup', 'Sign up, a client IP')], max_length=32, unique=True, verbose_name='route'),
        ),
    ]
