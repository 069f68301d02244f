"""Staff screens of people, and the record of what staff did."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Session, User
from accounts.sessions import SessionStore
from accounts.tasks import purge_sessions
from kernel import clock
from tests.support import factories

PASSWORD = "orange-harbour-97"
PEOPLE = reverse("admin:accounts_user_changelist")


pytestmark = pytest.mark.usefixtures("english")


def member(*groups, **fields):
    user = factories.make_user(is_staff=True, password=PASSWORD, **fields)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def logged_in(user):
    client = Client(headers={"Accept-Language": "en"})
    answer = client.post(
        reverse("admin:login"), {"username": user.email.upper(), "password": PASSWORD}
    )
    assert answer.status_code == 302
    return client


def change_url(user):
    return reverse("admin:accounts_user_change", args=[user.pk])


def act(client, action, users, **fields):
    data = {"action": action, "_selected_action": [str(user.pk) for user in users]} | fields
    return client.post(PEOPLE, data, follow=True)


def test_staff_log_in_by_e_mail_in_any_case_and_fans_do_not():
    assert logged_in(member("operator")).get(PEOPLE).status_code == 200
    fan = factories.make_user(password=PASSWORD)
    answer = Client().post(reverse("admin:login"), {"username": fan.email, "password": PASSWORD})
    assert answer.status_code == 200  # the form again


def test_a_login_of_staff_ends_after_hours_however_much_it_is_used(settings):
    settings.STAFF_SESSION_SECONDS = 3600
    boss = member("operator", is_superuser=True)
    began = clock.now()
    client = logged_in(boss)
    assert 3590 <= client.cookies[settings.SESSION_COOKIE_NAME]["max-age"] <= 3600
    [row] = Session.objects.filter(user_id=boss.pk)
    assert 3600 <= (row.expire_date - began).total_seconds() <= 3620
    used = SessionStore(row.session_key)
    used["something"] = "new"
    used.save()
    assert Session.objects.get(user_id=boss.pk).expire_date == row.expire_date
    Session.objects.update(expire_date=clock.now())
    assert client.get(PEOPLE).status_code == 302


def test_logins_of_fans_last_as_long_as_their_refresh_tokens(settings):
    fan = factories.make_user(email="fan@example.com", password=PASSWORD)
    Client().post(
        "/_allauth/app/v1/auth/login",
        {"email": fan.email, "password": PASSWORD},
        "application/json",
    )
    left = Session.objects.get(user_id=fan.pk).expire_date - clock.now()
    assert left.total_seconds() >= settings.REFRESH_TOKEN_SECONDS - 60


def test_guessing_a_password_of_staff_is_stopped_and_counted_with_the_api(settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"login_account": "4/5 minute"}
    boss = member("operator")
    guess = {"email": boss.email, "password": "wrong-harbour-00"}
    for _ in range(2):
        Client().post("/_allauth/app/v1/auth/login", guess, "application/json")
    tries = [
        Client().post(reverse("admin:login"), {"username": boss.email, "password": password})
        for password in ["wrong-harbour-01", "wrong-harbour-02", PASSWORD]
    ]
    assert [answer.status_code for answer in tries] == [200, 200, 200]  # the form each time
    assert "Too many failed login attempts" in tries[-1].content.decode()


def test_logging_in_often_is_not_guessing(settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {
        "login": "2/minute",
        "login_account": "2/5 minute",
        "login_device": "2/5 minute",
    }
    boss = member("operator")
    for _ in range(4):
        logged_in(boss)


@pytest.mark.parametrize(
    ("screen", "lookup"),
    [
        ("accounts_session", "session_key__startswith"),
        ("accounts_session", "session_data__contains"),
        ("accounts_user", "password__startswith"),
        ("queueing_queueprogress", "draw_seed__gte"),
        ("points_account", "user__password__startswith"),
    ],
)
def test_no_filter_spells_out_what_no_screen_shows(screen, lookup, settings):
    operator = logged_in(member("operator"))
    address = reverse(f"admin:{screen}_changelist")
    assert operator.get(address).status_code == 200
    assert operator.get(address, {lookup: "a"}).status_code == 400


@pytest.mark.control
def test_without_that_rule_a_filter_spells_a_session_key_out(monkeypatch, settings):
    monkeypatch.setattr("kernel.staff.lookups.SECRET_FIELDS", frozenset())
    operator = logged_in(member("operator"))
    (key,) = Session.objects.values_list("session_key", flat=True)
    address = reverse("admin:accounts_session_changelist")
    hits = [
        len(operator.get(address, {"session_key__startswith": start}).context["cl"].result_list)
        for start in (key[:5], "~")
    ]
    assert hits == [1, 0]


def test_locking_out_asks_for_a_reason_then_ends_logins_and_is_recorded():
    operator = member("operator")
    fan = factories.make_user(password=PASSWORD)
    logged_in_fan = Client()
    logged_in_fan.post(
        "/_allauth/app/v1/auth/login",
        {"email": fan.email, "password": PASSWORD},
        "application/json",
    )
    assert Session.objects.filter(user_id=fan.pk).exists()
    client = logged_in(operator)

    asked = act(client, "lock_out", [fan])
    assert "Reason" in asked.content.decode()
    assert act(client, "lock_out", [fan], confirmed="yes", reason="").status_code == 200
    fan.refresh_from_db()
    assert fan.is_active

    done = act(client, "lock_out", [fan], confirmed="yes", reason="bot farm")
    assert "1 locked out." in done.content.decode()
    fan.refresh_from_db()
    assert not fan.is_active
    assert not Session.objects.filter(user_id=fan.pk).exists()
    entry = AuditEntry.objects.get()
    assert (entry.actor_id, entry.action, entry.reason) == (
        operator.pk,
        "accounts.lock_out",
        "bot farm",
    )
    assert (entry.target_type, entry.target_id) == ("accounts.user", str(fan.pk))
    assert entry.request_id

    act(client, "unlock", [fan], confirmed="yes", reason="mistake")
    fan.refresh_from_db()
    assert fan.is_active


def test_nobody_locks_himself_out_and_the_refusal_is_shown():
    operator = member("operator")
    done = act(logged_in(operator), "lock_out", [operator], confirmed="yes", reason="oops")
    assert "lock yourself out" in done.content.decode()
    operator.refresh_from_db()
    assert operator.is_active
    assert not AuditEntry.objects.exists()


def test_a_superuser_is_locked_out_only_by_another():
    boss = factories.make_user(is_staff=True, is_superuser=True)
    done = act(logged_in(member("operator")), "lock_out", [boss], confirmed="yes", reason="x")
    assert "Only a superuser" in done.content.decode()
    boss.refresh_from_db()
    assert boss.is_active


def test_without_the_permission_the_action_is_neither_offered_nor_carried_out():
    fan = factories.make_user()
    client = logged_in(member("staff"))
    assert "lock_out" not in client.get(PEOPLE).content.decode()
    act(client, "lock_out", [fan], confirmed="yes", reason="x")
    fan.refresh_from_db()
    assert fan.is_active


def test_a_change_is_recorded_with_its_difference():
    staff, fan = member("staff"), factories.make_user(display_name="Old")
    answer = logged_in(staff).post(change_url(fan), {"email": fan.email, "display_name": "New"})
    assert answer.status_code == 302
    entry = AuditEntry.objects.get()
    assert entry.action == "accounts.user.changed"
    assert entry.changes == {"display_name": {"from": "Old", "to": "New"}}


@pytest.mark.parametrize("field", ["is_staff", "is_superuser"])
def test_rights_are_handed_out_by_superusers_alone(field):
    fan = factories.make_user()
    logged_in(member("staff")).post(
        change_url(fan), {"email": fan.email, "display_name": "x", field: "on"}
    )
    fan.refresh_from_db()
    assert not getattr(fan, field)


def test_staff_who_may_edit_fans_may_not_touch_staff():
    colleague = member("finance")
    client = logged_in(member("staff"))
    assert client.post(change_url(colleague), {"email": "mine@example.com"}).status_code == 403
    url = reverse("admin:auth_user_password_change", args=[colleague.pk])
    assert client.post(url, {"password1": PASSWORD, "password2": PASSWORD}).status_code == 403


def test_new_rights_end_the_old_logins():
    boss = factories.make_user(is_staff=True, is_superuser=True, password=PASSWORD)
    colleague = member("staff")
    logged_in(colleague)
    finance = Group.objects.get(name="finance")
    logged_in(boss).post(
        change_url(colleague),
        {"email": colleague.email, "is_staff": "on", "groups": [finance.pk]},
    )
    assert list(colleague.groups.all()) == [finance]
    assert not Session.objects.filter(user_id=colleague.pk).exists()


def test_a_password_set_by_staff_ends_logins_and_is_recorded_without_it():
    fan = factories.make_user(password=PASSWORD)
    Client().post(
        "/_allauth/app/v1/auth/login",
        {"email": fan.email, "password": PASSWORD},
        "application/json",
    )
    url = reverse("admin:auth_user_password_change", args=[fan.pk])
    answer = logged_in(member("staff")).post(
        url,
        {
            "password1": "green-lantern-12",
            "password2": "green-lantern-12",
            "usable_password": "true",
            "set-password": "1",
        },
    )
    assert answer.status_code == 302
    fan.refresh_from_db()
    assert fan.check_password("green-lantern-12")
    assert not Session.objects.filter(user_id=fan.pk).exists()
    entry = AuditEntry.objects.get()
    assert entry.action == "accounts.set_password"
    assert "green" not in str(entry.changes)


def test_nobody_is_deleted():
    boss = factories.make_user(is_staff=True, is_superuser=True, password=PASSWORD)
    fan, client = factories.make_user(), logged_in(boss)
    url = reverse("admin:accounts_user_delete", args=[fan.pk])
    assert client.post(url, {"post": "yes"}).status_code == 403
    act(client, "delete_selected", [fan], post="yes")
    assert User.objects.filter(pk=fan.pk).exists()


def test_a_new_person_has_a_lower_case_address():
    boss = factories.make_user(is_staff=True, is_superuser=True, password=PASSWORD)
    answer = logged_in(boss).post(
        reverse("admin:accounts_user_add"),
        {
            "email": "Mixed@Example.com",
            "password1": "green-lantern-12",
            "password2": "green-lantern-12",
            "usable_password": "true",
        },
    )
    assert answer.status_code == 302
    assert User.objects.filter(email="mixed@example.com").exists()


def test_the_audit_log_is_read_only_and_its_list_costs_the_same_at_any_length(
    django_assert_max_num_queries,
):
    boss = factories.make_user(is_staff=True, is_superuser=True, password=PASSWORD)
    client = logged_in(boss)
    AuditEntry.objects.bulk_create(
        AuditEntry(actor_id=boss.pk, action="x.y", target_type="t", created_at=clock.now())
        for _ in range(40)
    )
    with django_assert_max_num_queries(8):
        page = client.get(reverse("admin:accounts_auditentry_changelist"))
    assert page.content.decode().count(boss.email) >= 40
    entry = AuditEntry.objects.first()
    for name in ("change", "delete"):
        url = reverse(f"admin:accounts_auditentry_{name}", args=[entry.pk])
        assert client.post(url, {"post": "yes", "action": "z"}).status_code == 403
    assert client.get(reverse("admin:accounts_auditentry_add")).status_code == 403


def test_expired_sessions_are_purged_and_live_ones_kept():
    staff = member("staff")
    logged_in(staff)
    logged_in(staff)
    first = Session.objects.filter(user_id=staff.pk).first()
    Session.objects.filter(pk=first.pk).update(expire_date=clock.now())
    assert purge_sessions.run() == 1
    assert Session.objects.filter(user_id=staff.pk).count() == 1
