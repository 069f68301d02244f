"""Halting a sale and letting it go on: effect, confirmation, reason, and what one has not seen."""

import pytest
from django.urls import reverse
from django.utils.translation import override

from accounts.models import AuditEntry
from kernel import clock
from reservations.models import SaleHalt, SalePolicy
from reservations.usecases import sale
from reservations.usecases.holds import SalePaused
from tests.pages.browsing import form_with, forms_of, send, text_of
from tests.support import factories
from tests.support.holding import place
from tests.support.staff_roles import ROLES, browser_as
from tests.support.waiting_rooms import make_room


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=6)


def url_of(performance, name="sale"):
    with override("en"):
        return reverse(f"boxoffice:{name}", args=[performance.pk])


def preview(client, performance, button, reason="fire alarm"):
    page = client.get(url_of(performance))
    return send(client, form_with(page, button), button, reason=reason)


def live(performance):
    return SaleHalt.objects.filter(performance=performance, lifted_at=None)


def halt(performance, reason="[audit.seats] 1 violation"):
    sale.halt(performance_id=performance.pk, reason=reason, actor_id=None, now=clock.now())


def test_the_effect_of_a_halt_is_shown_before_and_each_step_is_audited(performance, fan):
    place(fan, performance, factories.seat_ids(performance)[:2])
    make_room(performance=performance, capacity=1, queue_required=True)
    client = browser_as("operator")
    page = preview(client, performance, "show_halt")
    assert "The 2 seats held now can be paid until their holds end" in text_of(page)
    assert "The waiting room goes on admitting fans" in text_of(page)
    assert not live(performance).exists()  # looking halts nothing
    assert send(client, form_with(page, "halt"), "halt").status_code == 302
    assert live(performance).get().reason == "fire alarm"
    assert AuditEntry.objects.get(action="reservations.halt").reason == "fire alarm"
    with pytest.raises(SalePaused):
        place(factories.make_user(), performance, factories.seat_ids(performance)[-1:])

    page = preview(client, performance, "show_resume", reason="false alarm")
    assert "The halt above is lifted. Within a second fans can hold seats; 4 are free." in text_of(
        page
    )
    assert live(performance).exists()
    assert send(client, form_with(page, "resume"), "resume").status_code == 302
    assert not live(performance).exists()
    assert AuditEntry.objects.get(action="reservations.resume").reason == "false alarm"


def test_a_halt_that_nobody_has_seen_is_not_lifted(performance):
    client = browser_as("operator")
    halt(performance, "fire alarm")
    page = preview(client, performance, "show_resume", reason="false alarm")
    halt(performance)
    refused = send(client, form_with(page, "resume"), "resume")
    assert refused.status_code == 409
    assert "The sale was halted once more meanwhile." in text_of(refused)
    assert "[audit.seats] 1 violation" in text_of(refused)
    assert live(performance).count() == 2
    page = preview(client, performance, "show_resume", reason="both are mended")
    assert "All 2 halts above are lifted." in text_of(page)
    send(client, form_with(page, "resume"), "resume")
    assert not live(performance).exists()


@pytest.mark.control
def test_without_what_was_seen_it_would_be_lifted(performance, monkeypatch):
    resume = sale.resume
    monkeypatch.setattr(sale, "resume", lambda seen, **rest: resume(**rest))
    test = test_a_halt_that_nobody_has_seen_is_not_lifted
    with pytest.raises(AssertionError):
        test(performance)


def test_a_halt_that_somebody_else_lifted_is_said_so(performance):
    client = browser_as("operator")
    halt(performance)
    page = preview(client, performance, "show_resume")
    now = clock.now()
    sale.resume(performance_id=performance.pk, reason="mended", actor_id=None, now=now)
    refused = send(client, form_with(page, "resume"), "resume")
    assert refused.status_code == 409
    assert "The sale is not halted." in text_of(refused)


def test_what_was_asked_to_halt_never_lets_it_go_on(performance):
    client = browser_as("operator")
    form = form_with(client.get(url_of(performance)), "show_halt")
    halt(performance)
    page = send(client, form, "show_halt", reason="fire alarm")
    assert "If it is halted" in text_of(page)
    send(client, form_with(page, "halt"), "halt")
    assert live(performance).count() == 2


def test_without_a_reason_nothing_happens(performance):
    page = preview(browser_as("operator"), performance, "show_halt", reason=" ")
    assert ("action", "halt") not in [one for form in forms_of(page) for one in form.buttons]
    body = {"action": "halt", "reason": " "}
    assert browser_as("operator").post(url_of(performance), body).status_code == 200
    assert not live(performance).exists()


def test_a_long_reason_is_whole_in_the_audit_log(performance):
    reason = "fire alarm " * 40
    page = preview(browser_as("operator"), performance, "show_halt", reason=reason)
    send(browser_as("operator"), form_with(page, "halt"), "halt")
    assert reason.startswith(live(performance).get().reason)
    assert AuditEntry.objects.get(action="reservations.halt").reason == reason.strip()


@pytest.mark.parametrize("action", ["halt", "resume"])
def test_it_is_refused_to_roles_that_may_not(performance, action):
    halt(performance)
    body = {"action": action, "reason": "x", "seen": [str(live(performance).get().pk)]}
    for role in set(ROLES) - {"operator"}:
        assert browser_as(role).post(url_of(performance), body).status_code == 403, role
    assert live(performance).count() == 1
    assert not AuditEntry.objects.filter(action="reservations.resume").exists()
    page = browser_as("finance").get(url_of(performance))
    assert [form for form in forms_of(page) if "reason" in form.fields] == []


def test_without_a_sale_there_is_nothing_to_halt(performance):
    SalePolicy.objects.filter(performance=performance).delete()
    page = browser_as("operator").get(url_of(performance))
    assert "so nothing is sold" in text_of(page)
    body = {"action": "halt", "reason": "x"}
    assert browser_as("operator").post(url_of(performance), body).status_code == 200
    assert not live(performance).exists()


def test_the_board_leads_to_where_the_halt_is_lifted(performance):
    halt(performance)
    page = browser_as("operator").get(url_of(performance, "board"))
    assert f'<a href="{url_of(performance)}">The sale is halted.</a>' in page.text
