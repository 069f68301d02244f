"""An offer of other seats has a page: take them, or get a refund."""

from datetime import timedelta

import pytest

from kernel import clock
from payments.models import Payment
from reservations.models import Reservation
from tests.pages.browsing import form_with, send, text_of
from tests.support.login_api import Time
from tests.support.offering import late_money, make_hall
from tickets.models import Ticket


@pytest.fixture
def offered(fan, mine, gateway, monkeypatch):
    """Late money that is offered other seats; its fan's clock has come that far."""
    late = late_money(fan, make_hall(), gateway)
    late.settle()
    time = Time(monkeypatch)
    time.pass_by((late.now - clock.now() + timedelta(seconds=1)).total_seconds())
    return late


def test_the_way_back_leads_to_the_offer_and_it_is_taken_once(mine, offered):
    page_url = f"/en/me/payments/{offered.payment_id}/offer/"
    back = f"/en/checkout/{offered.held_id}/return/?payment={offered.payment_id}"
    assert mine.get(back).headers["Location"] == page_url
    page = mine.get(page_url)
    assert "These seats are held for you instead" in text_of(page)
    form = form_with(page, "accept")
    answers = [send(mine, form, "accept") for _ in range(2)]
    bought = Payment.objects.get(pk=offered.payment_id).reservation_id
    assert {one.headers["Location"] for one in answers} == {f"/en/me/reservations/{bought}/"}
    assert Ticket.objects.filter(reservation=bought).count() == 2
    assert Reservation.objects.get(pk=bought).status == "CONFIRMED"


def test_it_may_be_declined(mine, offered, gateway):
    page = mine.get(f"/ko/me/payments/{offered.payment_id}/offer/")
    answer = send(mine, form_with(page, "decline"), "decline")
    assert answer.status_code == 303
    assert not Ticket.objects.filter(user=offered.fan).exists()
    again = mine.get(f"/ko/me/payments/{offered.payment_id}/offer/")
    assert again.status_code == 404
