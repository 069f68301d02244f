"""The door's endpoints: who may scan, what comes back, and what no scanner sends."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group

from accounts.api_keys import keys_in_force
from accounts.models import AuditEntry
from accounts.usecases import api_keys
from kernel import clock
from kernel.ids import uuid7
from tests.support import factories
from tests.support.doors import BATCH, CHECKINS, post
from tests.support.hostile import Caller, code_of
from tests.support.machines import machine, make_key
from tests.support.staff_pages import browser_of
from tests.support.tickets import sell
from tickets import queries
from tickets.models import Checkin, Ticket
from tickets.queries import qr_payload


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=8, max_seats_per_fan=8)


@pytest.fixture
def ticket(fan, performance):
    return sell(fan, performance, 1)[0]


@pytest.fixture
def gate(db_ready):
    return machine(make_key())


def refusal(response):
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def admission_list(performance):
    return f"/api/v1/performances/{performance.pk}/admission-list/"


def in_group(name):
    user = factories.make_user(is_staff=True)
    user.groups.set(Group.objects.filter(name=name))
    return user


def batch_of(*tickets, **changes):
    return [
        {
            "code": ticket.code,
            "gate": "1",
            "scan_id": str(uuid7()),
            "scanned_at": "2026-11-21T11:00:00Z",
        }
        | changes
        for ticket in tickets
    ]


def test_a_scan_has_the_form_of_the_contract(gate, fan, ticket):
    fan.display_name = "홍길동"
    fan.save()
    first = post(gate, ticket, scan_id="s-1", gate="north")
    assert first.status_code == 200
    body = first.json()
    assert body.keys() == {"id", "seat", "holder_name", "admitted_at"}
    assert body["holder_name"] == "홍길동"
    assert body["seat"] == {"id": str(ticket.seat_id), "section": "A", "row": "1", "number": "1"}
    again = post(gate, ticket, scan_id="s-1", gate="north")
    assert (again.status_code, again.json()) == (200, body)
    second = post(gate, ticket)
    assert refusal(second) == (409, "already_admitted")
    assert (second.json()["at"], second.json()["gate"]) == (body["admitted_at"], "north")
    assert first.headers["Cache-Control"] == "private, no-store"


def test_the_text_of_a_qr_code_may_hold_blanks_anywhere(gate, ticket):
    row = Ticket.objects.select_related("performance").get()
    assert post(gate, ticket, code=qr_payload(row)).status_code == 200


def test_refusals_have_the_codes_of_the_contract(gate, fan, performance, ticket, settings):
    other = factories.make_performance(seats=1)
    assert refusal(post(gate, ticket, performance_id=str(other.pk))) == (409, "wrong_performance")
    assert refusal(post(gate, ticket, performance_id=str(uuid7()))) == (409, "wrong_performance")
    assert refusal(post(gate, ticket, code="0" * 12)) == (404, "ticket_not_found")
    settings.CHECKINS_WAIT_FOR_DOORS = True
    assert refusal(post(gate, ticket)) == (409, "doors_closed")
    settings.CHECKINS_WAIT_FOR_DOORS = False
    Ticket.objects.update(status="VOID")
    assert refusal(post(gate, ticket)) == (409, "ticket_void")


def test_door_staff_scan_and_nobody_else_among_people(as_fan, api, fan, ticket):
    for user in (fan, in_group("operator"), in_group("staff"), in_group("integrator")):
        client = as_fan(user)
        for response in (
            post(client, ticket),
            client.post(BATCH, {"scans": batch_of(ticket)}, format="json"),
            client.delete(f"{CHECKINS}{uuid7()}/"),
            client.get(f"/api/v1/performances/{ticket.performance_id}/admission-list/"),
        ):
            assert refusal(response) == (403, "permission_denied")
    assert refusal(post(api, ticket)) == (401, "not_authenticated")
    door = in_group("door")
    assert post(as_fan(door), ticket).status_code == 200
    kept = Checkin.objects.get()
    assert (kept.actor_id, kept.api_key_id) == (door.pk, None)


def test_keys_without_the_scope_of_other_performances_over_or_revoked_do_not_scan(ticket):
    now, key_id = clock.now(), uuid7()
    assert refusal(post(machine(make_key("webhooks:manage")), ticket)) == (403, "permission_denied")
    elsewhere = machine(make_key(performances=[uuid7()]))
    assert refusal(post(elsewhere, ticket)) == (403, "permission_denied")
    listed = elsewhere.get(f"/api/v1/performances/{ticket.performance_id}/admission-list/")
    assert refusal(listed) == (403, "permission_denied")
    [result] = elsewhere.post(BATCH, {"scans": batch_of(ticket)}, format="json").json()["results"]
    assert result["outcome"] == "wrong_performance"
    over = make_key(expires_at=now - timedelta(seconds=1), now=now - timedelta(days=1))
    assert refusal(post(machine(over), ticket)) == (401, "api_key_expired")
    client = machine(make_key(key_id=key_id))
    assert post(client, ticket).status_code == 200
    boss = factories.make_user(is_staff=True)
    api_keys.revoke(key_ids=[key_id], actor_id=boss.pk, reason="lost", now=now)
    assert refusal(post(client, ticket)) == (401, "api_key_invalid")
    assert Checkin.objects.get().api_key_id == key_id


def test_undoing_is_repeatable_and_the_ticket_admits_again(gate, ticket):
    made = post(gate, ticket, scan_id="first").json()
    for _ in range(2):
        assert gate.delete(f"{CHECKINS}{made['id']}/").status_code == 204
    assert AuditEntry.objects.filter(action="tickets.undo_checkin").count() == 1
    assert refusal(post(gate, ticket, scan_id="first")) == (409, "scan_undone")
    assert post(gate, ticket).status_code == 200
    assert refusal(gate.delete(f"{CHECKINS}{uuid7()}/")) == (404, "checkin_not_found")


def test_staff_undo_in_the_admin_with_a_reason(gate, ticket):
    made = post(gate, ticket).json()
    door = in_group("door")
    form = {"action": "undo", "_selected_action": [made["id"]], "confirmed": "1", "reason": "oops"}
    browser_of(door).post("/admin/tickets/checkin/", form)
    entry = AuditEntry.objects.get(action="tickets.undo_checkin")
    assert (entry.reason, entry.actor_id) == ("oops", door.pk)
    assert Ticket.objects.get().status == "VALID"


def test_a_batch_says_of_each_scan_what_became_of_it(gate, fan, performance):
    one, other = sell(fan, performance, 2)
    post(gate, one, gate="north")
    scans = batch_of(one, other, scanned_at=clock.as_text(clock.now()))
    answer = gate.post(BATCH, {"scans": scans}, format="json")
    assert answer.status_code == 200
    first, second = answer.json()["results"]
    assert first["scan_id"] == scans[0]["scan_id"]
    assert first["outcome"] == "already_admitted"
    assert first["conflict"].keys() == {"at", "gate"}
    made = str(Checkin.objects.get(ticket=other).pk)
    assert second == {
        "scan_id": scans[1]["scan_id"],
        "outcome": "admitted",
        "checkin_id": made,
    }
    repeated = gate.post(BATCH, {"scans": scans}, format="json")
    assert repeated.json() == answer.json()
    here = {"scans": batch_of(other), "performance_id": str(uuid7())}
    [result] = gate.post(BATCH, here, format="json").json()["results"]
    assert result["outcome"] == "wrong_performance"
    assert gate.delete(f"{CHECKINS}{made}/").status_code == 204
    assert Ticket.objects.get(pk=other.pk).status == "VALID"


def test_the_list_is_what_a_gate_without_network_needs_and_no_more(gate, fan, performance):
    fan.display_name = "Kim Minji"
    fan.save()
    one, _ = sell(fan, performance, 2)
    admitted = post(gate, one, gate="west").json()
    answer = gate.get(admission_list(performance))
    body = answer.json()
    assert body.keys() == {"as_of", "tickets"}
    first, second = body["tickets"]
    assert first == {
        "code_hash": queries.code_hash(performance.pk, one.code),
        "seat": admitted["seat"],
        "initials": "KM",
        "status": "USED",
        "admitted_at": admitted["admitted_at"],
        "gate": "west",
    }
    assert (second["status"], second["admitted_at"], second["gate"]) == ("VALID", None, None)
    for secret in (one.code, "Minji", fan.email, str(fan.pk), str(one.pk)):
        assert secret not in answer.content.decode()


def test_the_list_is_sent_once_until_something_changes(gate, ticket, performance):
    url = admission_list(performance)
    first = gate.get(url)
    tag = first.headers["ETag"]
    same = gate.get(url, headers={"If-None-Match": f'"x", {tag}'})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    post(gate, ticket)
    changed = gate.get(url, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["ETag"] != tag) == (200, True)


def test_since_leaves_out_what_has_not_changed(gate, ticket, performance):
    url = admission_list(performance)
    assert len(gate.get(url, {"since": clock.as_text(clock.now())}).json()["tickets"]) == 1
    Ticket.objects.update(changed_at=clock.now() - timedelta(hours=1))
    assert gate.get(url, {"since": clock.as_text(clock.now())}).json()["tickets"] == []
    assert gate.get(admission_list(factories.make_performance(seats=1))).json()["tickets"] == []
    missing = gate.get(f"/api/v1/performances/{uuid7()}/admission-list/")
    assert refusal(missing) == (404, "performance_not_found")


@pytest.mark.parametrize(
    "since", ["yesterday", "9999-99-99", "2026-11-21T11:00:00+99:00", "\0", "x" * 5000]
)
def test_a_since_that_is_no_time_is_refused(gate, performance, since):
    assert refusal(gate.get(admission_list(performance), {"since": since})) == (
        400,
        "validation_failed",
    )


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_since_at_the_ends_of_time_is_a_time(gate, ticket, performance, since):
    assert gate.get(admission_list(performance), {"since": since}).status_code == 200


HOSTILE = {
    "a code that is no text": {"code": {}},
    "no code": {"code": ""},
    "a code that is too long": {"code": "x" * 1025},
    "a gate that is too long": {"gate": "g" * 41},
    "an empty gate": {"gate": " "},
    "a scan id with blanks inside": {"scan_id": "a b"},
    "a scan id that is too long": {"scan_id": "s" * 65},
    "a scan id of nothing": {"scan_id": ""},
    "a performance that is no id": {"performance_id": 7},
    "an unknown member": {"force": True},
    "a list for a code": {"code": ["x"]},
    "null": {"gate": None},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_no_scanner_sends_is_refused(gate, ticket, what):
    assert refusal(post(gate, ticket, **HOSTILE[what])) == (400, "validation_failed")
    assert not Checkin.objects.exists()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"scans": []}, 400),
        ({"scans": "all"}, 400),
        ({"scans": [7]}, 400),
        ({"scans": [{}]}, 400),
        ({}, 400),
        ({"scans": [{"scanned_at": "0000-00-00T00:00:00Z"}]}, 400),
        ({"scans": [{}] * 201}, 400),
        ({"scans": [{"code": "x" * 2000}] * 200}, 413),
    ],
)
def test_a_batch_that_no_scanner_sends_is_refused(db_ready, body, expected):
    headers = {"Authorization": f"Api-Key {make_key()}"}
    keys_in_force.refresh()  # by itself ten times a second: these tests make more keys than that
    answer = Caller(None).send("POST", BATCH, json.dumps(body).encode(), headers=headers)
    assert answer.status_code == expected
    assert code_of(answer)[1] in {"validation_failed", "body_too_large"}
    assert len(answer.content) < 8192


@pytest.mark.parametrize("scanned_at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_a_scan_at_the_ends_of_time_is_judged_within_bounds(gate, ticket, scanned_at):
    answer = gate.post(BATCH, {"scans": batch_of(ticket, scanned_at=scanned_at)}, format="json")
    assert answer.json()["results"][0]["outcome"] == "admitted"


def test_two_hundred_scans_of_qr_codes_fit_a_batch(gate, ticket):
    text = qr_payload(Ticket.objects.select_related("performance").get())
    scans = batch_of(*[ticket] * 200, code=text, gate="g" * 40)
    answer = gate.post(BATCH, {"scans": scans}, format="json")
    outcomes = [one["outcome"] for one in answer.json()["results"]]
    assert outcomes == ["admitted"] + ["already_admitted"] * 199
