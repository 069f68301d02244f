"""Keep `User.email` what the verified, primary address is: Note [Whose address] in models.py.

The checks hold for new rows from here on; the next migration proves them for old ones, without
keeping anybody waiting.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

from accounts import email_addresses

_FORWARD = """
ALTER TABLE account_emailaddress
ADD CONSTRAINT accounts_address_form CHECK (email ~ '^[!-@\\[-~]+$') NOT VALID;

CREATE FUNCTION accounts_primary_email(person uuid) RETURNS varchar LANGUAGE sql STABLE AS $$
    SELECT email FROM account_emailaddress WHERE user_id = person AND "primary" AND verified
$$;

CREATE FUNCTION accounts_copy_email() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    person uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.user_id ELSE NEW.user_id END;
    address varchar := accounts_primary_email(person);
BEGIN
    UPDATE accounts_user SET email = address WHERE id = person AND email IS DISTINCT FROM address;
    RETURN NULL;
END $$;
CREATE TRIGGER accounts_copy_email AFTER INSERT OR UPDATE OR DELETE ON account_emailaddress
FOR EACH ROW EXECUTE FUNCTION accounts_copy_email();

CREATE FUNCTION accounts_check_email() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM accounts_user
    WHERE id = NEW.id AND email IS DISTINCT FROM accounts_primary_email(id);
    IF FOUND THEN
        RAISE EXCEPTION 'the address of user % is not his verified, primary one', NEW.id
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'accounts_check_email';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER accounts_check_email AFTER UPDATE OF email ON accounts_user
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION accounts_check_email();
"""
_BACKWARD = """
DROP TRIGGER accounts_check_email ON accounts_user;
DROP FUNCTION accounts_check_email();
DROP TRIGGER accounts_copy_email ON account_emailaddress;
DROP FUNCTION accounts_copy_email();
DROP FUNCTION accounts_primary_email(uuid);
ALTER TABLE account_emailaddress DROP CONSTRAINT accounts_address_form;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_whose_address")]

    operations = [
        AddConstraintNotValid(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("email__regex", email_addresses.FORM)),
                name="accounts_user_email_form",
            ),
        ),
        migrations.RunSQL(_FORWARD, _BACKWARD),
    ]
