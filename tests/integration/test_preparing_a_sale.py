"""A promoter's staff prepare a sale in the admin, with the rights of the group and no others."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import override

from accounts.models import AuditEntry
from concerts.models import Performance
from kernel import clock
from kernel.staff.labels import own_fields
from queueing.models import QueueConfig
from reservations.models import SalePolicy, SeatInventory
from tests.support import factories
from tests.support.staff_pages import browser_of


@pytest.fixture
def staff(db_ready):
    person = factories.make_user(is_staff=True)
    person.groups.add(Group.objects.get(name="staff"))
    return browser_of(person)


@pytest.fixture
def unprepared(db_ready):
    """A performance with seats, but without windows and without a waiting room."""
    performance = factories.make_performance(seats=6, on_sale=False)
    SalePolicy.objects.filter(performance=performance).delete()
    return performance


def filled(answer, **wanted):
    """Return what a browser would send of the shown form, with the wanted fields filled in."""
    data = {}
    for field in answer.context["adminform"].form:
        value = wanted.get(field.name, field.value())
        if isinstance(value, datetime):
            local = localtime(value)
            data |= {f"{field.html_name}_0": local.date(), f"{field.html_name}_1": local.time()}
        elif value is not None and value is not False:
            data[field.html_name] = value
    return data


def page_of(model):
    return admin.site.get_model_admin(model)


@pytest.mark.parametrize("model", [SalePolicy, QueueConfig], ids=lambda model: model.__name__)
def test_the_link_to_what_is_not_there_yet_leads_to_the_form_that_adds_it(staff, unprepared, model):
    name = f"admin:{model._meta.label_lower.replace('.', '_')}"
    answer = staff.get(reverse(f"{name}_change", args=[unprepared.pk]), follow=True)
    assert answer.redirect_chain == [(f"{reverse(f'{name}_add')}?performance={unprepared.pk}", 302)]
    now = clock.now().replace(microsecond=0)
    times = {
        field: now + timedelta(hours=hours)
        for field, hours in {
            "sale_opens_at": -2, "sale_closes_at": 2,
            "queue_opens_at": -3, "admission_opens_at": -2,
        }.items()
    }  # fmt: skip
    form = filled(answer, reason="opening", **times)
    done = staff.post(answer.redirect_chain[0][0], form, follow=True)
    assert done.status_code == 200
    assert model.objects.filter(performance=unprepared).exists(), done.context["errors"]
    assert AuditEntry.objects.get(target_id=unprepared.pk).reason == "opening"


def test_those_who_may_not_add_it_learn_that_it_is_missing(unprepared):
    person = factories.make_user(is_staff=True)
    person.groups.add(Group.objects.get(name="finance"))
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:reservations_salepolicy_change", args=[unprepared.pk])
    assert client.get(address).headers["Location"] == reverse("admin:index")


def test_staff_put_on_sale_and_block_seats(staff):
    performance = factories.make_performance(seats=3, on_sale=False)
    pages = {
        "put_on_sale": (reverse("admin:reservations_salepolicy_changelist"), [performance.pk]),
        "block": (
            reverse("admin:reservations_seatinventory_changelist"),
            factories.seat_ids(performance, 1),
        ),
    }
    for action, (page, rows) in pages.items():
        data = {"action": action, "_selected_action": rows, "confirmed": "y", "reason": "because"}
        staff.post(page, data)
    statuses = SeatInventory.objects.filter(performance=performance).values_list(
        "status", flat=True
    )
    assert sorted(statuses) == ["AVAILABLE", "AVAILABLE", "BLOCKED"]


def test_a_performance_is_named_by_its_local_time():
    performance = factories.make_performance(seats=1, on_sale=False)
    starts_at = datetime(2027, 1, 5, 10, 0, tzinfo=UTC)
    Performance.objects.filter(pk=performance.pk).update(starts_at=starts_at)
    assert settings.TIME_ZONE == "Asia/Seoul"
    assert str(Performance.objects.get(pk=performance.pk)).endswith(" 2027-01-05 19:00")


def test_every_field_has_a_label_in_both_languages():
    unnamed = set()
    for field in own_fields():
        with override("ko"):
            korean = str(field.verbose_name)
        with override("en"):
            english = str(field.verbose_name)
        if korean == english and field.name not in {"x", "y"}:
            unnamed.add(f"{field.model.__name__}.{field.name}")
    assert unnamed == set(), "name them in config/settings/labels.py"


def test_the_list_of_waiting_rooms_shows_the_state_that_fans_meet(staff):
    now = clock.now()
    for hours in (-1, 1):
        QueueConfig.objects.create(
            performance=factories.make_performance(seats=1),
            queue_opens_at=now - timedelta(hours=2),
            admission_opens_at=now + timedelta(hours=hours),
        )
    rows = staff.get(reverse("admin:queueing_queueconfig_changelist")).context["cl"].result_list
    shown = {row.admission_opens_at > now: page_of(QueueConfig).in_force(row) for row in rows}
    assert shown == {True: "Presale", False: "Open"}


@pytest.mark.parametrize(("language", "name"), [("ko", "가을밤"), ("en", "Autumn Night")])
def test_staff_read_titles_in_their_language(staff, language, name):
    factories.make_performance(seats=1)
    page = reverse("admin:concerts_performance_changelist")
    assert f"{name} " in staff.get(page, headers={"Accept-Language": language}).text
