"""The door's pages and documents: who may, what they serve, what they write down."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from accounts.models import AuditEntry
from kernel import clock
from kernel.ids import uuid7
from tests.api.test_page_policy import HEADER, directives, inline_of
from tests.pages.conftest import logged_in
from tests.support import factories
from tests.support.doors import live_checkins
from tests.support.security_events import security_events
from tests.support.staff_pages import browser
from tests.support.staff_roles import ROLES, browser_as, member
from tests.support.tickets import sell
from tickets.models import Checkin, RefusedScan
from tickets.usecases.door_search import seat_in

WORKING = {"door"}
WATCHING = {"door", "finance", "operator", "staff"}
DOCUMENTS = ("scan", "batch", "undo", "list", "search")


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=12, max_seats_per_fan=10)


@pytest.fixture
def ticket(fan, performance):
    return sell(fan, performance, 1)[0]


@pytest.fixture
def door(db_ready) -> Client:
    return browser_as("door")


def page(name, performance=None, language="en"):
    with override(language):
        return reverse(f"door:{name}", args=[performance.pk] if performance else [])


def document(name, performance):
    return reverse(f"door_documents:{name}", args=[performance.pk])


def send(client, name, performance, body, **options):
    return client.post(
        document(name, performance), json.dumps(body), content_type="application/json", **options
    )


def scanned(ticket, **changes):
    return {"code": ticket.code, "gate": "North", "scan_id": str(uuid7())} | changes


def admit(door, ticket):
    answer = send(door, "scan", ticket.performance, scanned(ticket))
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize("name", ["home", "gate", "conflicts"])
def test_the_script_of_the_door_guards_the_log_out_of_each_page(door, performance, name):
    html = door.get(page(name, None if name == "home" else performance)).content.decode()
    assert "door" in html.split('<script type="module"')[1].split(">")[0]
    assert "data-fr-staff-logout" in html
    assert f'"page": "{name}"' in html
    assert ("data-fr-fault" if name == "gate" else "data-fr-unsent") in html


@pytest.mark.parametrize("name", ["home", "gate", "conflicts"])
def test_a_page_opens_to_its_roles_alone(performance, name):
    allowed = WATCHING if name == "conflicts" else WORKING
    url = page(name, None if name == "home" else performance)
    for role in ROLES:
        client = browser_as(role)
        with security_events() as recorded:
            status = client.get(url).status_code
        assert status == (200 if role in allowed else 403), role
        assert len(recorded.events) == (0 if role in allowed else 1), role


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_refused_to_every_role_but_the_door_and_named(performance, name):
    for role in ROLES:
        client = browser_as(role)
        url = document(name, performance)
        with security_events() as recorded:
            answer = client.get(url) if name == "list" else send(client, name, performance, {})
        if role in WORKING:
            assert answer.status_code in (200, 400), role
            assert recorded.events == []
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "deed_not_allowed"), role
            assert [one["deed"] for one in recorded.events] == ["check_in"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_without_the_login_of_staff_a_document_is_a_problem(performance, name):
    for client in (browser(), logged_in(member("door"))):
        url = document(name, performance)
        answer = client.get(url) if name == "list" else client.post(url)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_second_factor_is_demanded_of_pages_and_documents(performance, settings, door):
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    assert door.get(page("home")).headers["Location"] == reverse("second_factor:set_up")
    answer = door.get(document("list", performance))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_a_scan_without_the_csrf_token_admits_nobody(ticket):
    client = Client(enforce_csrf_checks=True)
    client.force_login(member("door"), backend="django.contrib.auth.backends.ModelBackend")
    refused = send(client, "scan", ticket.performance, scanned(ticket))
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    assert live_checkins(ticket) == 0
    client.get(page("gate", ticket.performance))
    token = client.cookies["csrftoken"].value
    answer = send(
        client, "scan", ticket.performance, scanned(ticket), headers={"X-CSRFToken": token}
    )
    assert answer.status_code == 200
    assert live_checkins(ticket) == 1


def test_a_scan_is_the_api_s_and_the_second_gate_hears_where(door, ticket):
    first = admit(door, ticket)
    assert first.keys() == {"id", "seat", "holder_name", "admitted_at"}
    again = send(door, "scan", ticket.performance, scanned(ticket, gate="South"))
    assert (again.status_code, again.json()["code"]) == (409, "already_admitted")
    assert again.json()["gate"] == "North"
    assert Checkin.objects.get().actor_id is not None


def test_the_address_says_at_which_door_a_ticket_is_shown(door, ticket):
    other = factories.make_performance(seats=1)
    body = scanned(ticket, performance_id=str(ticket.performance_id))
    answer = send(door, "scan", other, body)
    assert answer.json()["code"] == "wrong_performance"
    scans = [scanned(ticket, scanned_at=clock.as_text(clock.now()))]
    [result] = send(door, "batch", other, {"scans": scans}).json()["results"]
    assert result["outcome"] == "wrong_performance"
    assert live_checkins(ticket) == 0


def test_an_undone_admission_is_audited_with_its_reason(door, ticket):
    made = admit(door, ticket)
    body = {"checkin_id": made["id"], "reason": "left again"}
    for _ in range(2):
        assert send(door, "undo", ticket.performance, body).status_code == 204
    assert live_checkins(ticket) == 0
    entry = AuditEntry.objects.get(action="tickets.undo_checkin")
    assert entry.reason == "left again"
    without = send(door, "undo", ticket.performance, {"checkin_id": made["id"], "reason": ""})
    assert without.status_code == 400
    elsewhere = factories.make_performance(seats=1)
    assert send(door, "undo", elsewhere, body).json()["code"] == "checkin_not_found"


def test_a_search_finds_by_name_or_seat_and_says_in_the_audit_log_whom_it_showed(door, fan, ticket):
    fan.display_name = "홍길동 Gildong"
    fan.save(update_fields=["display_name"])
    for words in ("길동", "gildong", "A 1 1", "A구역 1열 1번", "section a, row 1, seat 1"):
        answer = send(door, "search", ticket.performance, {"words": words}).json()
        assert [one["code"] for one in answer["results"]] == [ticket.code], words
        assert answer["more"] is False
    assert send(door, "search", ticket.performance, {"words": "nobody"}).json()["results"] == []
    entries = AuditEntry.objects.filter(action="tickets.find_at_door").order_by("created_at")
    assert [entry.changes["tickets"] for entry in entries] == [[ticket.code]] * 5 + [[]]
    assert all(entry.actor_id for entry in entries)


def test_a_search_shows_a_few_and_says_that_there_are_more(door, fan, performance):
    fan.display_name = "Kim"
    fan.save(update_fields=["display_name"])
    for number in (4, 4, 2):
        sell(fan, performance, number)
    answer = send(door, "search", performance, {"words": "kim"}).json()
    assert (len(answer["results"]), answer["more"]) == (8, True)


@pytest.mark.parametrize(
    ("words", "seat"),
    [
        ("A 3 12", ("A", "3", "12")),
        ("A-3-12", ("A", "3", "12")),
        ("A구역 3열 12번", ("A", "3", "12")),
        ("row 3 seat 12", ("3", "12")),
        ("Kim", ()),
        ("one two three four", ()),
    ],
)
def test_a_seat_is_understood_as_people_say_it(words, seat):
    assert seat_in(words) == seat


def test_what_was_let_in_offline_and_refused_later_stands_in_the_supervisor_s_list(door, ticket):
    made = admit(door, ticket)
    moment = clock.as_text(clock.now())
    scans = [scanned(ticket, gate="South", scanned_at=moment)]
    scans.append(scanned(ticket, code="0" * 12, gate="South", scanned_at=moment))
    for _ in range(2):  # a batch that is sent again adds nothing
        assert send(door, "batch", ticket.performance, {"scans": scans}).status_code == 200
    rows = {one.outcome: one for one in RefusedScan.objects.all()}
    assert rows.keys() == {"already_admitted", "ticket_not_found"}
    assert rows["already_admitted"].first_gate == "North"
    assert clock.as_text(rows["already_admitted"].admitted_at) == made["admitted_at"]
    assert rows["ticket_not_found"].ticket_id is None
    assert live_checkins(ticket) == 1  # nobody is put out
    shown = browser_as("operator").get(page("conflicts", ticket.performance)).text
    for said in ("A-1-1", "South", "North", "Admitted before", "No such ticket"):
        assert said in shown, said


@pytest.mark.control
def test_control_a_scan_that_was_refused_at_once_is_no_conflict(door, ticket):
    admit(door, ticket)
    send(door, "scan", ticket.performance, scanned(ticket))
    assert not RefusedScan.objects.exists()


def test_the_list_is_the_api_s_with_its_etag(door, ticket):
    answer = door.get(document("list", ticket.performance))
    assert [one["status"] for one in answer.json()["tickets"]] == ["VALID"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert door.get(document("list", ticket.performance), headers=tag).status_code == 304


def test_the_scanning_page_alone_may_use_the_camera_and_compile_its_reader(door, performance):
    gate = door.get(page("gate", performance))
    assert directives(gate.headers[HEADER])["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
    assert "camera=(self)" in gate.headers["Permissions-Policy"]
    for other in (page("home"), page("conflicts", performance)):
        answer = door.get(other)
        assert directives(answer.headers[HEADER])["script-src"] == ["'self'"]
        assert "camera=()" in answer.headers["Permissions-Policy"]


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("name", ["home", "gate", "conflicts"])
def test_a_page_has_no_inline_script_and_is_kept_by_nobody(door, performance, name, language):
    url = page(name, None if name == "home" else performance, language)
    answer = door.get(url)
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    inline = inline_of(answer.text)
    assert (inline.scripts, inline.styles) == ([], [])


def test_an_address_without_a_language_leads_to_one(door):
    answer = door.get("/door/", headers={"Accept-Language": "ko"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/ko/door/")


def test_a_member_of_the_door_is_led_to_no_page_that_refuses(door, performance):
    text = door.get(page("gate", performance)).text
    assert reverse("door:home").split("/", 2)[2] in text
    with override("en"):
        assert f'href="{reverse("boxoffice:home")}"' not in text
