"""Prove that the addresses that were there have their one spelling; nobody waits meanwhile."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

_PROVE = """
SET LOCAL statement_timeout = 0;
ALTER TABLE account_emailaddress VALIDATE CONSTRAINT accounts_address_form;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_guard_addresses")]

    operations = [
        migrations.RunSQL(_PROVE, migrations.RunSQL.noop),
        ValidateConstraint("user", "accounts_user_email_form"),
    ]
