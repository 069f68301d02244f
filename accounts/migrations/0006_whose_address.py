"""Give everybody's address one spelling and a row of django-allauth's that says whose it is.

Each step is a transaction of its own, so that nobody who logs in waits for the filling behind a
lock on the table; one that was cut short is begun again. The step that can't be repeated is last.
"""

import logging

from django.conf import settings
from django.db import migrations, models

from accounts import email_addresses

log = logging.getLogger(__name__)

# Signed up, and never read the mail: a claim (Note [Whose address] in accounts/models.py).
_CLAIMS = """
CREATE TEMPORARY TABLE claims ON COMMIT DROP AS
SELECT u.id FROM accounts_user u JOIN account_emailaddress a ON a.user_id = u.id
WHERE u.last_login IS NULL GROUP BY u.id HAVING NOT bool_or(a.verified);
UPDATE account_emailaddress a SET "primary" = false FROM claims c WHERE a.user_id = c.id;
UPDATE accounts_user u SET email = NULL FROM claims c WHERE u.id = c.id;
"""
# Who is listed under an address has it; what others added without proof goes.
_ROWS = """
DELETE FROM account_emailaddress a USING accounts_user u
WHERE a.user_id = u.id AND u.email IS NOT NULL AND NOT a.verified AND a.email <> u.email;
DELETE FROM account_emailaddress a USING accounts_user u
WHERE a.email = u.email AND a.user_id <> u.id;
UPDATE account_emailaddress a SET "primary" = false FROM accounts_user u
WHERE a.user_id = u.id AND a."primary" AND a.email IS DISTINCT FROM u.email;
UPDATE account_emailaddress a SET verified = true, "primary" = true FROM accounts_user u
WHERE a.user_id = u.id AND a.email = u.email AND NOT (a.verified AND a."primary");
INSERT INTO account_emailaddress (user_id, email, verified, "primary")
SELECT u.id, u.email, true, true FROM accounts_user u
WHERE u.email IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM account_emailaddress a WHERE a.user_id = u.id AND a.email = u.email);
"""


def fill(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        if settings.SIGN_UP_CONFIRMED_BY_MAIL:
            cursor.execute(_CLAIMS)
        _respell(apps.get_model("accounts", "User"), connection.alias)
        _respell(apps.get_model("account", "EmailAddress"), connection.alias)
        cursor.execute(_ROWS)


def _respell(model, alias):
    """Write what is spelt otherwise; who would share a mailbox, or has none, is left without."""
    rows = model.objects.using(alias).exclude(email=None)
    for row in rows.only("pk", "email").order_by("pk").iterator(2000):
        try:
            spelling = email_addresses.normalize(row.email)
        except email_addresses.EmailAddressInvalid:
            spelling = None
        if spelling == row.email:
            continue
        mine = model.objects.using(alias).filter(pk=row.pk)
        if spelling is not None and not rows.filter(email=spelling).exists():
            mine.update(email=spelling)
        elif model._meta.model_name == "user":
            log.warning("user %s has no address now: staff may set one", row.pk)
            mine.update(email=None)
        else:
            mine.delete()


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("accounts", "0005_failed_logins"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [
                    ("lock_out_user", "Can lock users out and let them in"),
                    ("reset_second_factor", "Can reset second factors"),
                ],
                "verbose_name": "user",
                "verbose_name_plural": "users",
            },
        ),
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.EmailField(
                blank=True, max_length=254, null=True, verbose_name="e-mail"
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, atomic=True, elidable=True),
        migrations.RemoveConstraint(model_name="user", name="accounts_user_email_lower_case"),
    ]
