"""What pages say of money is so: after the hold, after late money, after cancelling."""

import re
from datetime import timedelta

import pytest

from kernel import clock
from payments import gateways
from payments.models import Payment, Refund, RefundPolicy
from payments.usecases import refunding
from reservations.models import Reservation
from tests.pages.browsing import form_with, forms_of, send, text_of
from tests.support import factories, money
from tests.support.cancelling import buy
from tests.support.gateways import Fault
from tests.support.login_api import Time
from tests.support.offering import late_money, make_hall

NOTHING = "Nothing was charged"


@pytest.fixture
def performance(db_ready):
    """Soon enough for a fee."""
    performance = factories.make_performance(price=10_000)
    performance.starts_at = clock.now() + timedelta(days=4)
    performance.save()
    return performance


@pytest.fixture
def late(fan, gateway, monkeypatch):
    """Late money whose outcome nobody knows; its fan's clock has passed the hold."""
    late = late_money(fan, make_hall(), gateway)
    time = Time(monkeypatch)
    time.pass_by((late.now - clock.now() + timedelta(seconds=1)).total_seconds())
    return late


def checkout_of(reservation_id) -> str:
    return f"/en/checkout/{reservation_id}/"


def test_an_unknown_outcome_after_the_hold_says_only_not_to_pay_again(mine, late):
    page = text_of(mine.get(checkout_of(late.held_id)))
    assert "being confirmed. Do not pay again" in page
    assert NOTHING not in page
    assert "Choose again" not in page


def test_late_money_on_offer_leads_to_the_offer_from_both_reservations(mine, late):
    late.settle()
    offer = f"/en/me/payments/{late.payment_id}/offer/"
    for reservation_id in (late.held_id, late.offer.reservation_id):
        assert mine.get(checkout_of(reservation_id)).headers["Location"] == offer


def test_late_money_that_went_back_is_said_to_be_back(mine, late, gateway):
    late.settle()
    late.decline()
    own = f"/en/me/reservations/{late.held_id}/"
    for refund in Refund.objects.exclude(status="DONE"):
        refunding.carry_on(gateway=gateways.current(), refund_id=refund.pk, now=clock.now())
    page = text_of(mine.get(checkout_of(late.held_id)))
    assert "All of it has been given back" in page
    assert NOTHING not in page
    listed = text_of(mine.get(own))
    assert "refund ₩200,000 · done" in listed
    assert "All of it has been given back" in listed


def test_an_accepted_offer_leads_from_the_old_checkout_to_the_tickets(mine, late):
    late.settle()
    late.accept()
    bought = Payment.objects.get(pk=late.payment_id).reservation_id
    assert mine.get(checkout_of(late.held_id)).headers["Location"] == f"{checkout_of(bought)}done/"


def test_a_hold_that_lapsed_without_a_payment_charged_nothing(mine, fan, monkeypatch):
    held = money.hold(fan, make_hall(), seats=1)
    Time(monkeypatch).pass_by(120)
    page = text_of(mine.get(checkout_of(held.id)))
    assert NOTHING in page
    assert "Choose again" in page


def test_a_cancelled_reservation_says_what_comes_back(mine, fan, performance, gateway):
    held = buy(fan, performance, by_points=0)
    own = f"/en/me/reservations/{held.id}/"
    gateway.fail("refund", Fault.HANG)
    [form] = forms_of(mine.get(f"{own}cancel/"))
    assert send(mine, form, seat=form.boxes["seat"]).headers["Location"] == own
    assert "paid ₩20,000 · fee ₩4,000 · refund ₩16,000 · on its way" in text_of(mine.get(own))
    for path in (checkout_of(held.id), f"{checkout_of(held.id)}done/"):
        assert mine.get(path).headers["Location"] == own
    refund = Refund.objects.get()
    refunding.carry_on(gateway=gateways.current(), refund_id=refund.pk, now=clock.now())
    assert "refund ₩16,000 · done" in text_of(mine.get(own))


def test_a_refused_refund_is_said_and_points_are_named(mine, fan, performance, gateway):
    money.give_points(fan, 20_000)
    held = buy(fan, performance, by_points=5_000)
    own = f"/en/me/reservations/{held.id}/"
    [form] = forms_of(mine.get(f"{own}cancel/"))
    gateway.fail("refund", Fault.REFUSE)
    send(mine, form, seat=form.boxes["seat"])
    page = text_of(mine.get(own))
    assert "(as points ₩4,000)" in page
    assert "our staff see to it" in page


def test_a_form_without_its_button_decides_nothing(mine, fan, late, gateway):
    late.settle()
    page = mine.get(f"/en/me/payments/{late.payment_id}/offer/")
    answer = send(mine, form_with(page, "accept"))
    assert "These seats are held for you instead" in text_of(answer)
    assert late.offer.status == "OPEN"


def test_neither_the_checkout_nor_the_return_takes_another_button_for_its_own(mine, fan, gateway):
    money.give_points(fan, 500_000)
    held = money.hold(fan, make_hall(), seats=1)
    form = form_with(mine.get(checkout_of(held.id)), "pay")
    for action in ("", "buy"):
        answer = send(mine, form, action, method="POINTS", agreed="on")
        assert answer.status_code == 200
    assert not Payment.objects.exists()
    begun = money.begin_by_card(fan, held.id)
    key = gateway.approve(Payment.objects.get().order_id)
    back = f"{checkout_of(held.id)}return/?payment={begun.id}&paymentKey={key}"
    form = form_with(mine.get(back), "confirm")
    assert send(mine, form).status_code == 200
    assert Payment.objects.get().status == "CREATED"


def test_giving_up_what_is_being_confirmed_says_not_to_pay_again(mine, late):
    back = f"{checkout_of(late.held_id)}return/?payment={late.payment_id}"
    form = {"action": "abandon", "payment": str(late.payment_id)}
    answer = mine.post(back, form)
    assert answer.status_code == 409
    assert "Do not pay again" in text_of(answer)


def test_more_time_pressed_twice_is_given_once(mine, fan):
    held = money.hold(fan, make_hall(), seats=1)
    form = form_with(mine.get(checkout_of(held.id)), "extend")
    answers = [send(mine, form, "extend") for _ in range(2)]
    assert {one.headers["Location"] for one in answers} == {checkout_of(held.id)}
    after = Reservation.objects.get(pk=held.id).expires_at
    assert after - held.expires_at == timedelta(seconds=60)
    # The same page's other forms have the same key, and are other requests.
    assert send(mine, form_with(mine.get(checkout_of(held.id)), "release"), "release").status_code


@pytest.mark.parametrize(
    ("seats", "words"),
    [
        ([], "Choose at least one seat."),
        (["nonsense"], "These seats were not recognised."),
        (
            [f"00000000-0000-0000-0000-{n:012}" for n in range(21)],
            "Choose at most 20 seats at once.",
        ),
    ],
)
def test_a_wrong_selection_is_named(mine, performance, seats, words):
    url = f"/en/performances/{performance.pk}/seats/list/?section=A"
    answer = send(mine, form_with(mine.get(url), "hold"), "hold", seat=seats)
    assert words in text_of(answer)


def test_an_offer_names_its_concert_and_the_venues_time(mine, late):
    performance = Reservation.objects.get(pk=late.held_id).performance
    venue = performance.concert.venue
    venue.timezone = "America/New_York"
    venue.save()
    late.settle()
    page = text_of(mine.get(f"/en/me/payments/{late.payment_id}/offer/"))
    assert performance.concert.title_en in page
    assert "Offered until: " in page
    assert len(re.findall(r"\d\d:\d\d E[SD]T", page)) == 2  # the show, and the offer's end


def test_fees_and_prices_are_in_the_currency_of_the_seats(mine, fan, performance):
    performance.grades.update(currency="EUR", price=1010)
    RefundPolicy.objects.create(performance=performance, fees="72 20%\n24 550")
    public = mine.get(f"/en/performances/{performance.pk}/")
    assert '"price": "10.10"' in public.text
    held = money.hold(fan, performance, seats=1)
    for page in (public, mine.get(checkout_of(held.id))):
        assert "Until 24 hours before the start 5.50 EUR" in text_of(page)
    assert "₩" not in text_of(public)


def test_a_confirm_that_comes_after_the_hold_offers_no_second_button(
    mine, fan, gateway, monkeypatch
):
    held = money.hold(fan, make_hall(), seats=1)
    begun = money.begin_by_card(fan, held.id)
    key = gateway.approve(Payment.objects.get().order_id)
    back = f"{checkout_of(held.id)}return/?payment={begun.id}&paymentKey={key}"
    form = form_with(mine.get(back), "confirm")
    Time(monkeypatch).pass_by(600)
    answer = send(mine, form, "confirm")
    assert "The time to pay" in text_of(answer)
    assert forms_of(answer) == []
    assert gateway.money_of(Payment.objects.get().order_id) == 0
