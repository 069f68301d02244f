"""The staff's forms ask again before an unusual change of times, and lose nothing typed."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils.timezone import localtime

from accounts.models import AuditEntry
from concerts.models import Concert, Performance, Venue
from kernel import clock
from reservations.models import SalePolicy
from tests.support import factories
from tests.support.schedules import sell
from tests.support.staff_pages import browser_of

DAY = timedelta(days=1)


@pytest.fixture
def staff(db_ready):
    person = factories.make_user(is_staff=True)
    person.groups.add(Group.objects.get(name="staff"))
    return browser_of(person)


@pytest.fixture
def performance(db_ready):
    found = factories.make_performance(seats=3, now=clock.now().replace(microsecond=0))
    AuditEntry.objects.all().delete()
    return found


def page_of(row):
    name = row._meta.label_lower.replace(".", "_")
    return reverse(f"admin:{name}_change", args=[row.pk])


def form_of(client, url):
    """Return what a browser would send of the form as it is shown."""
    context = client.get(url).context
    bound = [*context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        bound += [*inline.formset.management_form]
        bound += [field for form in inline.formset.forms for field in form]
    data = {}
    for field in bound:
        value = field.value()
        if field.name == "confirmed":
            continue
        if hasattr(value, "astimezone"):
            data |= moment(field.html_name, value)
        elif value is not None and value is not False:
            data[field.html_name] = value
    return data


def moment(name, value):
    local = localtime(value)
    return {f"{name}_0": f"{local:%Y-%m-%d}", f"{name}_1": f"{local:%H:%M:%S}"}


def boxes(answer):
    """Return the yes to every question of the page."""
    return [key for key, _message in answer.context["adminform"].form.fields["confirmed"].choices]


def ask(client, url, data):
    """Post what must be asked about; return the page that asks."""
    before = everything()
    answer = client.post(url, data)
    assert answer.status_code == 200, "it was saved without a question"
    assert everything() == before
    assert not AuditEntry.objects.exists()
    assert boxes(answer)
    html = answer.content.decode()
    assert 'name="reason"' in html
    assert 'name="confirmed"' in html
    for name, value in data.items():
        if name.endswith(("_0", "_1")) and value:
            assert f'value="{value}"' in html, f"{name} is lost"
    return answer


def everything():
    models = (Venue, Concert, Performance, SalePolicy)
    return [list(model.objects.order_by("pk").values()) for model in models]


def confirm(client, url, data, asked):
    answer = client.post(url, data | {"confirmed": boxes(asked), "reason": "as agreed"})
    assert answer.status_code == 302, answer.context["errors"]
    return AuditEntry.objects.get(reason="as agreed")


def test_a_mistyped_year_is_asked_about_and_saved_once_confirmed(staff, performance):
    url = page_of(performance)
    wrong = form_of(staff, url) | moment("starts_at", performance.starts_at - 5 * 366 * DAY)
    asked = ask(staff, url, wrong)
    assert "This time has passed" in asked.content.decode()
    entry = confirm(staff, url, wrong, asked)
    assert set(entry.changes["starts_at"]) == {"from", "to"}
    assert entry.changes["confirmed"] == ["time_in_the_past", "start_before_sale_end"]
    assert Performance.objects.get().starts_at < clock.now()


@pytest.mark.parametrize("given", ["a reason alone", "a yes alone"])
def test_one_of_the_two_is_not_enough(staff, performance, given):
    url = page_of(performance)
    wrong = form_of(staff, url) | moment("starts_at", clock.now() - DAY)
    asked = ask(staff, url, wrong)
    said = {"reason": "so"} if given == "a reason alone" else {"confirmed": boxes(asked)}
    again = ask(staff, url, wrong | said)
    checked = again.content.decode().count(" checked")
    assert checked == (0 if given == "a reason alone" else len(boxes(asked)))


def test_the_question_comes_in_the_language_of_the_page(performance):
    person = factories.make_user(is_staff=True, is_superuser=True)
    client = browser_of(person, "ko")
    wrong = form_of(client, page_of(performance)) | moment("starts_at", clock.now() - DAY)
    assert "이미 지난 시각입니다" in ask(client, page_of(performance), wrong).content.decode()


def test_a_form_asks_for_no_reason_before_there_is_a_question(staff, performance):
    for row in (performance, performance.concert, performance.concert.venue):
        html = staff.get(page_of(row)).content.decode()
        assert 'name="reason"' not in html
        assert 'name="confirmed"' not in html


def test_a_performance_that_nobody_has_bought_is_moved_as_simply_as_ever(staff, performance):
    url = page_of(performance)
    data = form_of(staff, url) | moment("starts_at", performance.starts_at + DAY)
    assert staff.post(url, data).status_code == 302
    assert Performance.objects.get().starts_at == performance.starts_at + DAY
    assert AuditEntry.objects.get().action == "concerts.performance.changed"


def test_a_performance_of_the_concert_s_page_is_asked_about_there(staff, performance):
    sell(performance)
    AuditEntry.objects.all().delete()
    url = page_of(performance.concert)
    data = form_of(staff, url) | moment("performances-0-starts_at", performance.starts_at + DAY)
    data["title_ko"] = "겨울밤"
    asked = ask(staff, url, data)
    assert "겨울밤" in asked.content.decode()
    staff.post(url, data | {"confirmed": boxes(asked), "reason": "as agreed"})
    entries = {entry.target_type: entry for entry in AuditEntry.objects.filter(reason="as agreed")}
    assert set(entries) == {"concerts.concert", "concerts.performance"}
    assert Concert.objects.get().title_ko == "겨울밤"
    assert Performance.objects.get().starts_at == performance.starts_at + DAY


@pytest.mark.parametrize("page", ["performance", "concert"])
def test_doors_behind_the_start_are_named_as_such(staff, performance, page):
    Performance.objects.update(doors_open_at=performance.starts_at)
    row, prefix = (
        (performance, "") if page == "performance" else (performance.concert, "performances-0-")
    )
    data = form_of(staff, page_of(row)) | moment(f"{prefix}starts_at", clock.now() - DAY)
    answer = staff.post(page_of(row), data)
    assert answer.status_code == 200
    assert "The doors must open before the start." in answer.content.decode()
    assert Performance.objects.get().starts_at == performance.starts_at


def test_a_new_performance_in_the_past_is_asked_about_on_both_pages(staff, performance):
    url = page_of(performance.concert)
    rows = {"performances-TOTAL_FORMS": "2", "performances-1-concert": str(performance.concert_id)}
    data = form_of(staff, url) | rows | moment("performances-1-starts_at", clock.now() - DAY)
    confirm(staff, url, data, ask(staff, url, data))
    AuditEntry.objects.all().delete()

    url = reverse("admin:concerts_performance_add")
    data = {"concert": str(performance.concert_id), "doors_open_at_0": "", "doors_open_at_1": ""}
    data |= moment("starts_at", clock.now() - 2 * DAY)
    entry = confirm(staff, url, data, ask(staff, url, data))
    assert entry.action == "concerts.performance.added"
    assert Performance.objects.count() == 3


def test_a_new_zone_of_a_venue_shows_what_shifts(staff, performance):
    url = page_of(performance.concert.venue)
    data = form_of(staff, url) | {"timezone": "America/New_York"}
    asked = ask(staff, url, data)
    assert (
        f"{localtime(performance.starts_at):%Y-%m-%d %H:%M} UTC+09:00 →" in asked.content.decode()
    )
    entry = confirm(staff, url, data, asked)
    assert entry.changes["timezone"] == {"from": "Asia/Seoul", "to": "America/New_York"}
    assert Performance.objects.get().starts_at == performance.starts_at


def test_a_venue_in_another_zone_is_asked_about(staff, performance):
    other = Venue.objects.create(name_ko="뉴욕홀", timezone="America/New_York")
    url = page_of(performance.concert)
    data = form_of(staff, url) | {"venue": str(other.pk)}
    entry = confirm(staff, url, data, ask(staff, url, data))
    assert entry.changes["venue_id"]["to"] == str(other.pk)


def test_a_sale_that_would_end_behind_the_start_is_asked_about(staff, performance):
    policy = SalePolicy.objects.get()
    url = page_of(policy)
    data = form_of(staff, url) | moment("sale_closes_at", performance.starts_at + DAY)
    data["reason"] = "as agreed"
    asked = ask(staff, url, data)
    assert "starts before its sale ends" in asked.content.decode()
    entry = confirm(staff, url, data, asked)
    assert entry.changes["confirmed"] == ["start_before_sale_end"]


def test_those_who_only_look_are_asked_nothing(performance):
    person = factories.make_user(is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = browser_of(person)
    for row in (
        performance,
        performance.concert,
        performance.concert.venue,
        SalePolicy.objects.get(),
    ):
        page = client.get(page_of(row))
        assert page.status_code == 200
        assert 'name="reason"' not in page.content.decode()
        assert client.post(page_of(row), {"reason": "x", "confirmed": "x"}).status_code == 403


@pytest.mark.control
def test_control_a_page_that_says_yes_by_itself_would_be_seen(staff, performance, monkeypatch):
    monkeypatch.setattr("concerts.schedule.require_confirmation", lambda **_: [])
    url = page_of(performance)
    wrong = form_of(staff, url) | moment("starts_at", clock.now() - DAY)
    with pytest.raises(AssertionError, match="without a question"):
        ask(staff, url, wrong)
