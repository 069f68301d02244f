"""Staff change how a waiting room is run: bounded, audited, in force at once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.models import AuditEntry, User
from concerts.errors import PerformanceNotFound
from kernel import clock
from kernel.ids import uuid7
from kernel.redis.clients import breaker
from queueing import queries
from queueing.models import QueueConfig
from queueing.queue_server import queue_server
from queueing.replies import PlaceState
from queueing.usecases import config as config_use_case
from queueing.usecases import waiting_room
from tests.support.factories import make_performance, make_user
from tests.support.schedules import asked, codes, yes
from tests.support.waiting_rooms import Room, make_room


def set_config(performance, *, now=None, actor_id=None, confirmed=(), **changes):
    return config_use_case.set_config(
        performance_id=performance.pk,
        changes=changes,
        actor_id=actor_id,
        reason="the hall is smaller",
        now=now or clock.now(),
        confirmed=confirmed,
    )


def test_a_change_is_versioned_audited_and_mirrored():
    performance, actor = make_room(capacity=100), make_user(is_staff=True)
    rules = set_config(performance, capacity=50, actor_id=actor.pk)
    assert (rules.capacity, rules.version) == (50, 2)
    entry = AuditEntry.objects.get()
    assert entry.actor_id == actor.pk
    assert entry.reason == "the hall is smaller"
    assert entry.changes == {"capacity": {"from": 100, "to": 50}}
    assert entry.target_id == str(performance.pk)


def test_the_audit_shows_what_was_empty_as_empty():
    room = Room.open()
    set_config(room.performance, now=room.now, joins_per_minute=5)
    [entry] = AuditEntry.objects.all()
    assert entry.changes["joins_per_minute"] == {"from": None, "to": 5}


def test_a_change_reaches_the_server_with_the_commit():
    room = Room.open(capacity=1)
    room.join_many(3)
    set_config(room.performance, now=room.now, capacity=3)
    totals = queue_server.tick(
        performance_id=room.performance.pk, now_ms=clock.to_ms(room.now)
    ).totals
    assert (totals.capacity, totals.active) == (3, 3)


def test_an_older_version_never_replaces_a_later_one():
    room = Room.open(capacity=1)
    room.join()
    older = QueueConfig.objects.get(performance=room.performance)
    set_config(room.performance, now=room.now, capacity=3)
    queue_server.mirror_config(config=older, now_ms=clock.to_ms(room.now))
    totals = queue_server.tick(
        performance_id=room.performance.pk, now_ms=clock.to_ms(room.now)
    ).totals
    assert totals.capacity == 3


def test_the_first_config_is_made_by_the_same_use_case():
    performance = make_performance(seats=1, on_sale=False)
    assert not queries.is_required(performance.pk)
    rules = set_config(performance, queue_opens_at=clock.now())
    assert (rules.version, rules.queue_required) == (1, True)
    assert queries.is_required(performance.pk)


def test_an_opening_of_another_year_needs_a_confirmation():
    performance = make_room()
    opens = clock.now() - timedelta(days=365)
    questions = asked(set_config, performance, queue_opens_at=opens)
    assert codes(questions) == ["time_in_the_past"]
    assert not AuditEntry.objects.exists()
    set_config(performance, queue_opens_at=opens, confirmed=yes(questions))
    assert AuditEntry.objects.get().changes["confirmed"] == ["time_in_the_past"]


def test_nothing_changed_is_no_change():
    performance = make_room(capacity=100)
    assert set_config(performance, capacity=100).version == 1
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"capacity": 0},
        {"capacity": 10**6},
        {"rate_per_second": Decimal("0.01")},
        {"rate_per_second": Decimal(100_000)},
        {"grace_seconds": 1},
        {"session_seconds": 10},
        {"state": "ASLEEP"},
        {"version": 7},
        {"admission_opens_at": clock.now() - timedelta(days=2)},
    ],
    ids=", ".join,
)
def test_nonsense_is_refused_and_changes_nothing(changes):
    performance = make_room()
    before = QueueConfig.objects.values().get(performance=performance)
    with pytest.raises(config_use_case.QueueConfigInvalid) as refusal:
        set_config(performance, **changes)
    assert refusal.value.extras["problems"]
    assert QueueConfig.objects.values().get(performance=performance) == before


@pytest.mark.parametrize(
    "change",
    ["capacity = 0", "rate_per_second = 0", "grace_seconds = 0", "state = 'ASLEEP'"],
)
def test_the_database_refuses_what_code_forgets(change):
    make_room()
    with (
        pytest.raises(IntegrityError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE queueing_queueconfig SET {change}")


def test_a_version_read_too_long_ago_is_refused():
    performance = make_room()
    set_config(performance, capacity=50)
    with pytest.raises(config_use_case.QueueConfigChanged):
        config_use_case.set_config(
            performance_id=performance.pk,
            changes={"capacity": 60},
            actor_id=None,
            reason="",
            now=clock.now(),
            expected_version=1,
        )


def test_an_unknown_performance_has_no_room():
    with pytest.raises(PerformanceNotFound):
        config_use_case.set_config(
            performance_id=uuid7(),
            changes={"queue_opens_at": clock.now()},
            actor_id=None,
            reason="",
            now=clock.now(),
        )


def test_a_change_with_the_queue_server_away_is_kept_and_mirrored_later(parts):
    room = Room.open(capacity=1)
    users = room.join_many(3)
    parts.part("queue").pause()
    try:
        set_config(room.performance, now=room.now, capacity=3)
    finally:
        parts.part("queue").resume()
    breaker("queue").reset()
    waiting_room.advance(now=room.now)
    assert room.states(users) == [PlaceState.ADMITTED] * 3


class TestAdmin:
    LIST = "/admin/queueing/queueconfig/"

    @pytest.fixture
    def operator(self, db_ready) -> User:
        user = make_user(is_staff=True)
        user.user_permissions.set(Permission.objects.filter(content_type__app_label="queueing"))
        return user

    @pytest.fixture
    def browser(self, operator) -> Client:
        browser = Client()
        browser.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
        return browser

    def form(self, performance, **changes) -> dict:
        config = QueueConfig.objects.get(performance=performance)
        opens = clock.now().astimezone()
        data = {
            "queue_required": "on",
            "queue_opens_at_0": f"{opens:%Y-%m-%d}",
            "queue_opens_at_1": f"{opens:%H:%M:%S}",
            "admission_opens_at_0": "",
            "admission_opens_at_1": "",
            "rate_per_second": str(config.rate_per_second),
            "capacity": str(config.capacity),
            "grace_seconds": str(config.grace_seconds),
            "session_seconds": str(config.session_seconds),
            "state": config.state,
            "joins_per_minute": "",
            "joins_per_minute_per_address": "",
            "accounts_per_address": "0",
            "expected_fans": "",
            "abuse_check": "OFF",
            "work_bits": "18",
            "reason": "less load",
        }
        return data | changes

    def test_the_form_changes_the_room_through_the_use_case(self, browser, operator):
        performance = make_room(capacity=100)
        url = f"{self.LIST}{performance.pk}/change/"
        assert browser.get(url).status_code == 200
        answer = browser.post(url, self.form(performance, capacity="7", expected_fans="40000"))
        assert answer.status_code == 302, answer.context["errors"]
        config = QueueConfig.objects.get(performance=performance)
        assert (config.capacity, config.expected_fans, config.version) == (7, 40_000, 2)
        entry = AuditEntry.objects.get(action="queueing.set_config")
        assert (entry.actor_id, entry.reason) == (operator.pk, "less load")

    def test_the_form_asks_about_an_opening_of_another_year(self, browser):
        performance = make_room()
        url = f"{self.LIST}{performance.pk}/change/"
        data = self.form(performance, queue_opens_at_0="2020-01-01", queue_opens_at_1="10:00:00")
        answer = browser.post(url, data)
        assert answer.status_code == 200
        boxes = answer.context["adminform"].form.fields["confirmed"].choices
        assert browser.post(url, data | {"confirmed": [key for key, _ in boxes]}).status_code == 302
        assert QueueConfig.objects.get(performance=performance).queue_opens_at.year == 2020

    def test_no_change_without_a_reason(self, browser):
        performance = make_room(capacity=100)
        url = f"{self.LIST}{performance.pk}/change/"
        browser.post(url, self.form(performance, capacity="7", reason=""))
        assert QueueConfig.objects.get(performance=performance).capacity == 100

    def test_a_new_room_is_made_by_the_form(self, browser):
        performance, other = make_performance(seats=1, on_sale=False), make_room()
        data = self.form(other, capacity="9") | {"performance": str(performance.pk)}
        answer = browser.post(f"{self.LIST}add/", data)
        assert answer.status_code == 302, answer.context["errors"]
        config = QueueConfig.objects.get(performance=performance)
        assert (config.capacity, config.version) == (9, 1)
        assert AuditEntry.objects.filter(action="queueing.set_config").count() == 1

    @pytest.mark.parametrize(
        ("action", "state"),
        [("pause", "PAUSED"), ("resume", "OPEN"), ("drain", "DRAINING"), ("close", "CLOSED")],
    )
    def test_buttons_ask_for_a_reason_and_change_the_state(self, browser, action, state):
        performance = make_room()
        data = {"action": action, "_selected_action": [str(performance.pk)]}
        page = browser.post(self.LIST, data)
        assert page.status_code == 200
        assert QueueConfig.objects.get(performance=performance).state == "PRESALE"
        browser.post(self.LIST, data | {"confirmed": "1", "reason": "stop"})
        assert QueueConfig.objects.get(performance=performance).state == state
        assert AuditEntry.objects.get().reason == "stop"

    def test_staff_without_the_permission_get_no_button(self, browser, operator):
        operator.user_permissions.set(Permission.objects.filter(codename="view_queueconfig"))
        performance = make_room()
        browser.post(
            self.LIST,
            {
                "action": "close",
                "_selected_action": [str(performance.pk)],
                "confirmed": "1",
                "reason": "x",
            },
        )
        assert QueueConfig.objects.get(performance=performance).state == "PRESALE"
