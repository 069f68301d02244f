"""Staff block and unblock seats by section, row or rectangle; those that somebody has are named."""

import pytest
from django.urls import reverse
from django.utils.translation import override

from accounts.models import AuditEntry
from concerts.models import Seat
from kernel import clock
from kernel.ids import uuid7
from reservations.models import SeatInventory
from reservations.usecases import inventory
from reservations.usecases.inventory import SeatsNotFree, TooManySeats
from tests.pages.browsing import form_with, send, text_of
from tests.support import factories
from tests.support.holding import place
from tests.support.staff_roles import browser_as


@pytest.fixture
def hall(db_ready):
    """Two sections of 200 seats in rows of 20."""
    return factories.make_performance(seats=400, row_length=20, sections=2)


def url_of(performance, name="seats"):
    with override("en"):
        return reverse(f"boxoffice:{name}", args=[performance.pk])


def blocked(performance):
    rows = SeatInventory.objects.filter(performance=performance, status="BLOCKED")
    return rows.count()


def act(client, performance, action, query, *, kind="camera", note="crane"):
    page = client.get(url_of(performance), query)
    return send(client, form_with(page, action), action, kind=kind, note=note)


def test_hundreds_go_in_one_call_and_the_refused_are_named(hall):
    ids = factories.seat_ids(hall)
    place(factories.make_user(), hall, ids[:2])
    client = browser_as("operator")
    done = act(client, hall, "block", {"section": "A"})
    assert done.status_code == 302
    assert blocked(hall) == 198
    page = text_of(client.get(done.headers["Location"]))
    assert "198 seats blocked." in page
    assert "Held or sold, and left alone: A 1-1, A 1-2." in page
    entry = AuditEntry.objects.get(action="reservations.block")
    assert entry.reason == "[camera] crane"
    assert len(entry.changes["seat_ids"]) == 198
    assert act(client, hall, "unblock", {"section": "A"}).status_code == 302
    assert blocked(hall) == 0


def test_a_row_and_a_rectangle(hall):
    client = browser_as("staff")
    act(client, hall, "block", {"section": "B", "row": "3"})
    assert blocked(hall) == 20
    corner = Seat.objects.get(performance=hall, section__code="A", row="1", number="1")
    box = {"x_from": corner.x, "x_to": corner.x + 4, "y_from": corner.y, "y_to": corner.y + 1}
    assert "10 seats chosen" in text_of(client.get(url_of(hall), box))
    act(client, hall, "block", box)
    assert blocked(hall) == 30


def test_looking_changes_nothing_and_an_empty_choice_is_refused(hall):
    client = browser_as("operator")
    page = client.get(url_of(hall), {"section": ""})
    assert "Choose a section, a row or a rectangle." in text_of(page)
    client.get(url_of(hall), {"section": "A"})
    assert blocked(hall) == 0


def test_without_a_note_nothing_is_blocked(hall):
    assert act(browser_as("operator"), hall, "block", {"section": "A"}, note="").status_code == 200
    assert blocked(hall) == 0


def test_the_map_has_every_seat_with_its_letter(hall):
    ids = factories.seat_ids(hall)
    place(factories.make_user(), hall, ids[:1])
    seats = browser_as("staff").get(url_of(hall, "seat_map")).json()
    assert len(seats) == 400
    assert [letter for _, _, letter in seats[:2]] == ["T", "A"]


@pytest.mark.parametrize("role", ["finance", "door", "integrator"])
def test_other_roles_block_nothing(hall, role):
    client = browser_as(role)
    body = {"action": "block", "kind": "camera", "note": "x"}
    assert client.post(f"{url_of(hall)}?section=A", body).status_code == 403
    assert blocked(hall) == 0


def block_free(ids):
    return inventory.block_free(seat_ids=ids, reason="x", actor_id=None, now=clock.now())


def test_block_free_refuses_what_is_no_seat_and_too_many(hall):
    with pytest.raises(SeatsNotFree):
        block_free([uuid7()])
    with pytest.raises(TooManySeats):
        block_free([uuid7() for _ in range(1001)])


def test_block_free_changes_those_that_are_free_alone(hall):
    ids = factories.seat_ids(hall, 4)
    place(factories.make_user(), hall, ids[:2])
    done = block_free(ids)
    assert (done.changed, set(done.refused)) == (2, set(ids[:2]))
    again = block_free(ids[2:])
    assert (again.changed, again.refused) == (0, ())
    assert SeatInventory.objects.get(pk=ids[0]).status == "TEMPORARILY_RESERVED"
