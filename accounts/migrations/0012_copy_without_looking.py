"""Copy a primary, verified address from its own row, without a query for each row.

Autovacuum that comes while many rows are written notes an empty table; PostgreSQL may then look a
row's address up by reading an index of all addresses (Note [Kept plans] in
kernel/db/planner_statistics.py). At most one row of a person is primary, so a primary, verified
one is what the query would find.
"""

from django.db import migrations

_FUNCTION = """
CREATE OR REPLACE FUNCTION accounts_copy_email() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    person uuid;
    address varchar;
BEGIN
{find}
    UPDATE accounts_user SET email = address WHERE id = person AND email IS DISTINCT FROM address;
    RETURN NULL;
END $$;
"""
_FROM_ITS_ROW = """
    IF TG_OP = 'DELETE' THEN
        person := OLD.user_id;
        address := accounts_primary_email(person);
    ELSIF NEW."primary" AND NEW.verified THEN
        person := NEW.user_id;
        address := NEW.email;
    ELSE
        person := NEW.user_id;
        address := accounts_primary_email(person);
    END IF;
"""
_BY_QUERY = """
    person := CASE WHEN TG_OP = 'DELETE' THEN OLD.user_id ELSE NEW.user_id END;
    address := accounts_primary_email(person);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_language")]

    operations = [
        migrations.RunSQL(
            _FUNCTION.format(find=_FROM_ITS_ROW), _FUNCTION.format(find=_BY_QUERY)
        )
    ]
