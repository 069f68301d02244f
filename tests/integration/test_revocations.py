"""A login that has ended stays ended, whatever server loses its data and whatever process dies."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts import operations, revocation
from accounts.models import RevokedLogin, Session, User
from accounts.revocation import RevokedSessions
from accounts.tasks import repeat_revocations
from accounts.usecases import sessions
from config.wsgi import application
from kernel.errors import ServiceUnavailable
from kernel.redis.clients import breaker, client
from tests.support import factories
from tests.support.database import other_transaction
from tests.support.login_api import PASSWORD, log_in, new_login, own_points, sid_in
from tests.support.waiting import await_promised
from tests.support.wsgi import answer_of, environment

# By the first way that answers: a fast path each, the refusals in front of Django, Django.
WAYS = {
    f"/api/v1/performances/{UUID(int=1)}/queue/": "POST",
    "/api/v1/reservations/": "POST",
    "/api/v1/points/": "GET",
}
PUBLIC = "/api/v1/concerts/"


@pytest.fixture
def access(db_ready):
    return new_login()["access_token"]


@pytest.fixture
def processes():
    """Make the copies of other processes, which read by themselves; stopped at the end."""
    made = []

    def make():
        made.append(RevokedSessions())
        return made[-1]

    yield make
    for copy in made:
        copy.stop()


def end_everything():
    owners = Session.objects.filter(user_id__isnull=False).values_list("user_id", flat=True)
    sessions.end_all(user_ids=list(owners))


def answered_by_the_whole_site(access: str, path: str, method: str) -> tuple[int, str | None]:
    login = {"HTTP_AUTHORIZATION": f"Bearer {access}", "CONTENT_TYPE": "application/json"}
    answer = answer_of(application, environment(method, path, **login))
    return int(answer.status[:3]), answer.json().get("code")


def killed_after_the_commit(monkeypatch):
    monkeypatch.setattr(revocation, "revoke", lambda session_ids: None)


def test_a_lock_server_that_lost_its_data_brings_no_login_back(access, processes):
    sid, known = sid_in(access), processes()
    end_everything()
    assert sid in known
    client("lock").flushall()
    known.refresh()
    assert sid in known
    assert sid in processes()  # one that starts now


def test_a_process_killed_after_the_commit_leaves_the_login_ended(access, processes, monkeypatch):
    sid, other = sid_in(access), processes()
    assert sid not in other
    killed_after_the_commit(monkeypatch)
    end_everything()
    await_promised(lambda: sid in other, "the others refuse it", seconds=2)


@pytest.mark.control
def test_control_without_the_row_that_login_goes_on(access, processes, monkeypatch):
    monkeypatch.setattr(operations, "_REVOKE", "SELECT %s, %s::text[]")
    killed_after_the_commit(monkeypatch)
    end_everything()
    assert sid_in(access) not in processes()


def test_an_end_that_is_rolled_back_revokes_nothing(access, processes):
    def boom():
        with transaction.atomic():
            operations.revoke(session_ids=[sid_in(access)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        boom()
    assert sid_in(access) not in processes()
    assert own_points(access).status_code == 200


def test_with_postgresql_silent_a_new_process_reads_the_copy_in_redis(
    access, processes, monkeypatch
):
    end_everything()
    monkeypatch.setattr(revocation, "_READ", "SELECT pg_sleep(1), %s FROM nowhere")
    starting = processes()
    assert sid_in(access) in starting
    assert "somebody else" not in starting


def test_a_process_that_can_ask_nobody_believes_nobody(access, processes, monkeypatch, parts):
    monkeypatch.setattr(revocation, "_READ", "SELECT %s FROM nowhere")
    parts.part("lock").stop()
    try:
        starting = processes()
        with pytest.raises(ServiceUnavailable):
            _ = sid_in(access) in starting
        monkeypatch.setattr(revocation, "_sessions", starting)
        assert own_points(access).status_code == 503
        for path, method in WAYS.items():
            answer = answered_by_the_whole_site(access, path, method)
            assert (path, answer) == (path, (503, ServiceUnavailable.code))
        assert answered_by_the_whole_site(access, PUBLIC, "GET")[0] == 200
    finally:
        parts.part("lock").start()
        breaker("lock").reset()
    monkeypatch.undo()
    starting.refresh()
    assert sid_in(access) not in starting


def test_what_redis_lost_is_repeated(access, processes, monkeypatch):
    end_everything()
    client("lock").flushall()
    assert repeat_revocations.run() == 2  # the login, and tokens without one
    monkeypatch.setattr(revocation, "_READ", "SELECT %s FROM nowhere")
    assert sid_in(access) in processes()


def test_upkeep_keeps_a_revocation_as_long_as_a_token_lives(db_ready, settings):
    settings.TEST_FANS_ALLOWED, settings.ACCESS_TOKEN_SECONDS = False, 300
    with transaction.atomic():
        operations.revoke(session_ids=["kept", "over"])
    kept = RevokedLogin.objects.get(sid="kept")
    assert kept.until - kept.recorded_at == timedelta(seconds=305)
    RevokedLogin.objects.filter(sid="over").update(until=kept.recorded_at)
    assert repeat_revocations.run() == 1
    assert RevokedLogin.objects.get().sid == "kept"


def test_a_row_that_shows_late_is_read_all_the_same(processes, db_ready):
    copy = processes()
    copy.refresh()
    with other_transaction() as cursor:
        cursor.execute(operations._REVOKE, [300, ["late"]])
        copy.refresh()
        assert "late" not in copy
        cursor.connection.commit()
    copy.refresh()
    assert "late" in copy


@pytest.mark.control
def test_control_without_looking_back_a_late_row_is_missed(processes, db_ready, monkeypatch):
    monkeypatch.setattr(revocation, "_LOOK_BACK", timedelta())
    monkeypatch.setattr(RevokedSessions, "start", lambda self: None)
    copy = processes()
    copy.refresh()
    with other_transaction() as cursor:
        cursor.execute(operations._REVOKE, [300, ["late"]])
        copy.refresh()
        cursor.connection.commit()
    copy.refresh()
    assert "late" not in copy


def test_a_read_is_one_statement_and_no_call_of_redis(processes, db_ready, monkeypatch):
    copy = processes()
    copy.refresh()
    monkeypatch.setattr(revocation, "guarded", None)
    statements = []
    with connection.execute_wrapper(
        lambda run, sql, *rest: (statements.append(sql), run(sql, *rest))[1]
    ):
        copy.refresh()
    assert len(statements) == 1


def test_rights_that_are_taken_end_tokens_and_pages_at_once(db_ready):
    boss = User.objects.create_superuser("root@example.com", PASSWORD)
    colleague = factories.make_user(email="door@example.com", password=PASSWORD, is_staff=True)
    colleague.groups.set(Group.objects.filter(name="door"))
    access = log_in(colleague.email).json()["meta"]["access_token"]
    browser = Client()
    form = {"username": colleague.email, "password": PASSWORD}
    assert browser.post(reverse("admin:login"), form).status_code == 302
    office = Client()
    office.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    answer = office.post(
        reverse("admin:accounts_user_change", args=[colleague.pk]),
        {"email": colleague.email, "display_name": "", "is_staff": "", "groups": []},
    )
    assert answer.status_code == 302
    assert own_points(access).status_code == 401
    assert browser.get(reverse("admin:index")).status_code == 302  # to the login


@pytest.mark.parametrize("deed", ["rename", "delete", "delete_selected"])
def test_a_group_that_goes_ends_the_logins_of_its_members(db_ready, deed):
    boss = User.objects.create_superuser("root@example.com", PASSWORD)
    group = Group.objects.create(name="ushers")
    usher = factories.make_user(email="usher@example.com", password=PASSWORD, is_staff=True)
    usher.groups.add(group)
    access = log_in(usher.email).json()["meta"]["access_token"]
    office = Client()
    office.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    url = {
        "rename": reverse("admin:auth_group_change", args=[group.pk]),
        "delete": reverse("admin:auth_group_delete", args=[group.pk]),
        "delete_selected": reverse("admin:auth_group_changelist"),
    }[deed]
    body = {
        "rename": {"name": "doormen"},
        "delete": {"post": "yes"},
        "delete_selected": {
            "action": "delete_selected",
            "_selected_action": [group.pk],
            "post": "yes",
        },
    }[deed]
    assert office.post(url, body).status_code == 302
    assert own_points(access).status_code == 401


def test_a_locked_out_fan_of_a_load_script_stays_out_for_the_life_of_his_token(settings, db_ready):
    settings.TEST_FANS_ALLOWED = True
    fan = factories.make_user()
    sessions.end_all(user_ids=[fan.pk])
    row = RevokedLogin.objects.get(sid=str(fan.pk))
    assert row.until - row.recorded_at > timedelta(hours=2)
