"""`User.email` equals the verified primary address after every write; older rows follow."""

import importlib

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts import operations, tasks
from accounts.email_addresses import EmailAddressInvalid
from accounts.models import User
from accounts.operations import EmailTaken
from accounts.usecases import email_ownership
from kernel import clock
from kernel.db import transaction as words
from tests.support import database, factories
from tests.support.login_api import PASSWORD, add_address, call, log_in, reauthenticate

migration = importlib.import_module("accounts.migrations.0006_whose_address")


class Abandoned(Exception):
    """Undoes what a test did."""


def disagreeing() -> list[str]:
    """Return the people whose `email` isn't their verified, primary address."""
    primary = dict(
        EmailAddress.objects.filter(verified=True, primary=True).values_list("user_id", "email")
    )
    return [str(user.pk) for user in User.objects.all() if user.email != primary.get(user.pk)]


@pytest.mark.parametrize("email", ["Fan@Example.com", "fan@bücher.example"])
def test_who_makes_a_person_makes_his_address(email):
    user = User.objects.create_user(email, PASSWORD)
    (row,) = EmailAddress.objects.all()
    assert (row.user_id, row.email, row.verified, row.primary) == (user.pk, user.email, True, True)
    assert log_in(email).status_code == 200


def test_so_do_bulk_makers_and_the_command_of_the_server():
    call_command("fans", count=3, points=0, verbosity=0)
    call_command("createsuperuser", interactive=False, email="Boss@Example.com", verbosity=0)
    assert EmailAddress.objects.filter(verified=True, primary=True).count() == 4
    assert User.objects.get(is_superuser=True).email == "boss@example.com"
    assert disagreeing() == []


def test_nobody_is_made_with_an_address_that_has_no_spelling():
    for email in ("", "nobody", "f\u0430n@example.com"):
        with pytest.raises(EmailAddressInvalid):
            User.objects.create_user(email)


def test_a_column_that_would_disagree_is_refused_at_the_commit():
    fan = factories.make_user(email="fan@example.com")
    with pytest.raises(IntegrityError, match="not his verified"):
        User.objects.filter(pk=fan.pk).update(email="other@example.com")
    fan.email = "other@example.com"
    with pytest.raises(IntegrityError, match="not his verified"):
        fan.save()
    assert disagreeing() == []


def test_the_column_follows_the_rows():
    fan = factories.make_user(email="fan@example.com")
    EmailAddress.objects.filter(user=fan).update(email="new@example.com")
    fan.refresh_from_db()
    assert fan.email == "new@example.com"
    EmailAddress.objects.filter(user=fan).delete()
    fan.refresh_from_db()
    assert fan.email is None


def test_a_primary_address_is_copied_without_a_query_for_it():
    """Thousands are added at once: Note [Kept plans] in kernel/db/planner_statistics.py."""
    with pytest.raises(Abandoned), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION accounts_primary_email(person uuid) RETURNS varchar"
                " LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'looked up'; END $$"
            )
        fan = factories.make_user(email="fan@example.com")
        fan.refresh_from_db()
        assert fan.email == "fan@example.com"
        with pytest.raises(DatabaseError, match="looked up"), transaction.atomic():
            EmailAddress.objects.filter(user=fan).delete()
        raise Abandoned


@pytest.mark.control
def test_without_the_triggers_row_and_column_disagree():
    fan = factories.make_user(email="fan@example.com")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
        User.objects.filter(pk=fan.pk).update(email="other@example.com")
    assert disagreeing() == [str(fan.pk)]


@pytest.mark.parametrize("email", ["Fan@example.com", "fan@bücher.example", "a b@example.com"])
def test_a_spelling_that_is_not_the_one_is_refused_by_constraints(email):
    fan = factories.make_user()
    with pytest.raises(IntegrityError, match="accounts_address_form"):
        EmailAddress.objects.create(user=fan, email=email)
    with pytest.raises(IntegrityError, match="accounts_user_email_form"):
        User.objects.filter(pk=fan.pk).update(email=email)


def test_an_address_is_moved_with_all_rows_and_never_to_a_second_owner():
    fan = factories.make_user(email="fan@example.com")
    EmailAddress.objects.create(user=fan, email="second@example.com", verified=True)
    factories.make_user(email="other@example.com")
    with words.transaction():
        before = operations.move_email(user=fan, email="new@example.com")
    assert before == ["fan@example.com", "second@example.com"]
    assert list(EmailAddress.objects.filter(user=fan).values_list("email", flat=True)) == [
        "new@example.com"
    ]
    with pytest.raises(EmailTaken), words.transaction():
        operations.move_email(user=fan, email="other@example.com")
    assert disagreeing() == []


def test_claims_are_deleted_after_a_day_and_nobody_else():
    factories.make_user(email="fan@example.com")
    email_ownership.sign_up(
        email="claim@example.com", password=PASSWORD, language="ko", proved=False
    )
    assert tasks.purge_claims.run() == 0
    User.objects.update(date_joined=clock.now() - email_ownership.CLAIM_LIFETIME)
    assert tasks.purge_claims.run() == 1
    assert list(User.objects.values_list("email", flat=True)) == ["fan@example.com"]
    assert EmailAddress.objects.count() == 1


def raw(email, *rows, last_login=None):
    """Write a person as an earlier version might have left them; rows are (email, verified)."""
    user = User(email=email, last_login=last_login)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
        User.objects.bulk_create([user])
        EmailAddress.objects.bulk_create(
            EmailAddress(user=user, email=address, verified=verified, primary=address == email)
            for address, verified in rows
        )
    return user


@pytest.fixture
def _as_before():
    """Take the constraints away that earlier rows need not meet."""
    constraints = [
        ("accounts_user", "accounts_user_email_form"),
        ("account_emailaddress", "accounts_address_form"),
    ]
    form = "CHECK (email ~ '^[!-@\\[-~]+$')"
    with connection.cursor() as cursor:
        for table, name in constraints:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    database.clean("default")
    with connection.cursor() as cursor:
        for table, name in constraints:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {form}")


def migrate():
    with connection.schema_editor() as editor:
        editor.execute("SET LOCAL session_replication_role = replica")  # no triggers yet, then
        migration.fill(apps, editor)


@pytest.mark.usefixtures("_as_before")
def test_earlier_people_get_one_spelling_and_the_rows_they_lacked():
    listed = raw("staff@example.com")
    squatter = raw("me@example.com", ("me@example.com", True), ("staff@example.com", False))
    idn = raw("fan@bücher.example", ("fan@bücher.example", True))
    twin = raw("fan@xn--bcher-kva.example")
    odd = raw("o\u0434d@example.com")
    two = raw("two@example.com", ("two@example.com", True), ("second@example.com", True))
    migrate()
    emails = dict(User.objects.values_list("pk", "email"))
    assert emails[listed.pk] == "staff@example.com"
    assert {emails[idn.pk], emails[twin.pk]} == {"fan@xn--bcher-kva.example", None}
    assert emails[odd.pk] is None
    rows = set(EmailAddress.objects.values_list("user_id", "email", "verified", "primary"))
    assert (listed.pk, "staff@example.com", True, True) in rows
    assert {row for row in rows if row[0] == squatter.pk} == {
        (squatter.pk, "me@example.com", True, True)
    }
    assert {row for row in rows if row[0] == two.pk} == {
        (two.pk, "two@example.com", True, True),
        (two.pk, "second@example.com", True, False),
    }
    assert disagreeing() == []


@pytest.mark.usefixtures("_as_before")
def test_earlier_sign_ups_that_were_never_proved_become_claims_where_mail_proves(settings):
    settings.SIGN_UP_CONFIRMED_BY_MAIL = True
    claim = raw("claim@example.com", ("claim@example.com", False))
    raw("seen@example.com", ("seen@example.com", False), last_login=clock.now())
    migrate()
    claim.refresh_from_db()
    assert claim.email is None
    assert EmailAddress.objects.get(email="seen@example.com").verified
    assert not EmailAddress.objects.get(email="claim@example.com").verified
    assert disagreeing() == []


class Addresses(RuleBasedStateMachine):
    """Two fans and staff do what they like to addresses by the API; each opens one account."""

    names = st.sampled_from(["one@example.com", "two@example.com", "three@example.com"])
    fans = st.sampled_from([0, 1])

    def __init__(self) -> None:
        super().__init__()
        database.clean("default")
        self.users = [
            factories.make_user(email=f"fan{n}@example.com", password=PASSWORD) for n in (0, 1)
        ]

    def token(self, fan: int) -> str:
        self.users[fan].refresh_from_db()
        answer = log_in(self.users[fan].email)
        token = answer.json()["meta"]["access_token"]
        reauthenticate(token)
        return token

    @rule(fan=fans, email=names)
    def add(self, fan, email):
        taken = EmailAddress.objects.filter(email=email).exists()
        token = self.token(fan)
        if taken:
            answer = call("POST", "account/email", {"email": email}, token=token)
            assert answer.status_code == 400
        else:
            add_address(token, email, mail.outbox)

    @rule(fan=fans, email=names)
    def prefer(self, fan, email):
        mine = EmailAddress.objects.filter(user=self.users[fan], email=email).exists()
        body = {"email": email, "primary": True}
        answer = call("PATCH", "account/email", body, token=self.token(fan))
        assert answer.status_code == (200 if mine else 400)

    @rule(fan=fans, email=names)
    def remove(self, fan, email):
        mine = EmailAddress.objects.filter(user=self.users[fan], email=email).first()
        answer = call("DELETE", "account/email", {"email": email}, token=self.token(fan))
        removable = mine is not None and not mine.primary
        assert answer.status_code == (200 if removable else 400)

    @rule(fan=fans, email=names)
    def moved_by_staff(self, fan, email):
        theirs = EmailAddress.objects.filter(email=email).exclude(user=self.users[fan])
        taken = theirs.exists()
        try:
            with words.transaction():
                operations.change_email(
                    user_id=self.users[fan].pk,
                    email=email,
                    actor_id=self.users[fan].pk,
                    reason="asked for it",
                    now=clock.now(),
                )
        except EmailTaken:
            assert taken
        else:
            assert not taken

    @invariant()
    def each_address_opens_the_account_that_owns_it(self):
        assert disagreeing() == []
        assert all(row.verified for row in EmailAddress.objects.all())
        for row in EmailAddress.objects.all():
            assert log_in(row.email).json()["data"]["user"]["id"] == str(row.user_id)


def test_whatever_is_done_to_addresses_each_opens_one_account(settings_without_limits):
    run_state_machine_as_test(
        Addresses,
        settings=settings(
            max_examples=6,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def settings_without_limits(settings):
    off = ("signup", "login", "login_failed", "manage_email", "confirm_email", "reauthenticate")
    settings.ACCOUNT_RATE_LIMITS = dict.fromkeys(off, "")
