"""A fan buys a ticket without JavaScript: queue, seats, checkout, ticket, cancel."""

import re

import pytest
from django.conf import settings
from django.test import Client

from payments.models import Cancellation, Charge, Payment
from reservations.models import Reservation
from tests.pages.browsing import form_with, forms_of, send, text_of
from tests.support import factories, money
from tests.support.gateways import Fault
from tests.support.waiting_rooms import join, make_room
from tickets.models import Ticket

HANGUL = re.compile(r"[가-힣]")


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(price=10_000)


@pytest.fixture
def rich(fan):
    money.give_points(fan, 100_000)
    return fan


def list_url(performance, section: str = "", language: str = "en") -> str:
    tail = f"?section={section}" if section else ""
    return f"/{language}/performances/{performance.pk}/seats/list/{tail}"


def hold(browser: Client, performance, *, seats: int = 2) -> str:
    """Hold seats by the list; return the address of the checkout."""
    page = browser.get(list_url(performance, "A"))
    form = form_with(page, "hold")
    held = send(browser, form, "hold", seat=form.boxes["seat"][:seats])
    assert held.status_code == 303, text_of(held)
    return held.headers["Location"]


def pay(browser: Client, checkout: str, **typed):
    return send(
        browser,
        form_with(browser.get(checkout), "pay"),
        "pay",
        **({"method": "POINTS", "agreed": "on"} | typed),
    )


def test_the_whole_way_by_points(mine, rich):
    performance = make_room(performance=factories.make_performance(price=10_000))
    place = f"/en/performances/{performance.pk}/queue/place/"
    joined = send(mine, form_with(mine.get(place), "join"), "join")
    assert joined.headers["Location"] == place
    page = mine.get(place)
    assert "It is your turn" in text_of(page)
    assert int(page.headers["Refresh"]) > 0
    checkout = hold(mine, performance)
    page = mine.get(checkout)
    assert "₩20,000" in text_of(page)
    assert "refund" in text_of(page)
    paid = pay(mine, checkout)
    assert paid.headers["Location"] == f"{checkout}done/"
    done = mine.get(f"{checkout}done/")
    assert "You have your tickets" in text_of(done)
    assert money.balance_of(rich) == 80_000
    over = mine.get(place)
    assert "You have bought your seats" in text_of(over)
    assert "Refresh" not in over.headers  # somebody may be typing an invitation
    [first, _] = re.findall(r'href="(/en/me/tickets/[0-9a-f-]+/)"', done.text)
    ticket = mine.get(first)
    assert "<svg" in ticket.text
    assert "seat 1" in text_of(ticket)
    assert mine.get(f"{first.rstrip('/')}.pdf").content.startswith(b"%PDF")
    assert mine.get(f"{first.rstrip('/')}.ics").content.startswith(b"BEGIN:VCALENDAR")
    assert "Autumn Night" in text_of(mine.get("/en/me/"))
    reservation = Reservation.objects.get()
    quote = mine.get(f"/en/me/reservations/{reservation.pk}/cancel/")
    [form] = forms_of(quote)
    assert "refund ₩10,000" in text_of(quote)
    cancelled = send(mine, form, seat=form.boxes["seat"][:1])
    assert cancelled.headers["Location"] == f"/en/me/reservations/{reservation.pk}/"
    assert "Cancelled" in text_of(mine.get(cancelled.headers["Location"]))
    assert money.balance_of(rich) == 90_000
    assert sorted(Ticket.objects.values_list("status", flat=True)) == ["VALID", "VOID"]


def test_the_best_seats_by_one_button(mine, performance):
    page = mine.get(list_url(performance))
    held = send(mine, form_with(page, "best"), "best", count=3, grade="R")
    assert held.status_code == 303
    assert Reservation.objects.get().seats.count() == 3


def test_a_gone_seat_is_said_and_the_rest_of_the_choice_stays(mine, performance):
    page = mine.get(list_url(performance, "A"))
    form = form_with(page, "hold")
    chosen = form.boxes["seat"][:2]
    money.hold(factories.make_user(), performance, seats=1)
    answer = send(mine, form, "hold", seat=chosen)
    assert answer.status_code == 409
    assert "These seats have just gone" in text_of(answer)
    again = form_with(answer, "hold")
    assert chosen[0] not in again.boxes["seat"]
    assert again.fields["seat"] == [chosen[1]]
    assert again.fields["idempotency_key"] != form.fields["idempotency_key"]


def test_nothing_chosen_is_said_beside_the_form(mine, performance):
    answer = send(mine, form_with(mine.get(list_url(performance, "A")), "hold"), "hold")
    assert answer.status_code == 200
    assert "Choose at least one seat." in text_of(answer)


def test_who_has_not_waited_is_led_to_the_waiting_room(mine, fan):
    performance = make_room(performance=factories.make_performance(), rate_per_second=1, capacity=1)
    for _ in range(3):
        join(performance, factories.make_user().pk)
    form = form_with(mine.get(list_url(performance)), "best")
    answer = send(mine, form, "best", count=1)
    assert answer.status_code == 403
    assert f"/en/performances/{performance.pk}/queue/place/" in answer.text
    waiting = mine.get(f"/en/performances/{performance.pk}/queue/place/")
    assert "ahead of you" in text_of(waiting)
    number = re.search(r"Your number is ([\d,]+)", text_of(waiting))[1]
    again = mine.get(f"/en/performances/{performance.pk}/queue/place/")
    assert f"Your number is {number}" in text_of(again)
    left = send(mine, form_with(again, "leave"), "leave")
    assert left.status_code == 303


def test_a_double_click_pays_once(mine, rich, performance):
    checkout = hold(mine, performance)
    form = form_with(mine.get(checkout), "pay")
    answers = [send(mine, form, "pay", method="POINTS", agreed="on") for _ in range(3)]
    assert {answer.headers["Location"] for answer in answers} == {f"{checkout}done/"}
    assert Payment.objects.count() == 1
    assert money.balance_of(rich) == 80_000


def test_a_double_click_holds_once(mine, performance):
    page = mine.get(list_url(performance, "A"))
    form = form_with(page, "hold")
    seats = form.boxes["seat"][:2]
    first, second = (send(mine, form, "hold", seat=seats) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert Reservation.objects.count() == 1


def test_without_consent_nothing_is_paid(mine, rich, performance):
    checkout = hold(mine, performance)
    form = form_with(mine.get(checkout), "pay")
    answer = send(mine, form, "pay", method="POINTS")
    assert "Please agree before you pay." in text_of(answer)
    assert not Payment.objects.exists()


def test_too_few_points_take_nothing_and_say_so(mine, fan, performance):
    answer = pay(mine, hold(mine, performance))
    assert answer.status_code == 409
    assert "There are not enough points" in text_of(answer)
    assert form_with(answer, "pay").fields["idempotency_key"]


def test_more_time_and_giving_back(mine, fan, performance):
    checkout = hold(mine, performance)
    before = Reservation.objects.get().expires_at
    assert send(mine, form_with(mine.get(checkout), "extend"), "extend").status_code == 303
    assert Reservation.objects.get().expires_at >= before
    given = send(mine, form_with(mine.get(checkout), "release"), "release")
    assert given.headers["Location"] == f"/en/performances/{performance.pk}/"
    assert "Nothing was charged" in text_of(mine.get(checkout))


def test_a_card_by_redirect_and_a_button(mine, fan, performance, gateway):
    checkout = hold(mine, performance)
    begun = pay(mine, checkout, method="CARD")
    payment = Payment.objects.get()
    assert begun.headers["Location"] == payment.checkout_url
    key = gateway.approve(payment.order_id)
    back = f"{checkout}return/?payment={payment.pk}&paymentKey={key}&orderId={payment.order_id}"
    page = mine.get(back)
    assert gateway.money_of(payment.order_id) == 0  # a GET changes nothing
    confirmed = send(mine, form_with(page, "confirm"), "confirm")
    assert confirmed.headers["Location"] == f"{checkout}done/"
    again = send(mine, form_with(page, "confirm"), "confirm")
    assert again.headers["Location"] == f"{checkout}done/"
    assert gateway.ledger[payment.order_id].captures == 1
    assert mine.get(back).headers["Location"] == f"{checkout}done/"


def test_a_forged_return_confirms_nothing(mine, fan, performance, gateway):
    checkout = hold(mine, performance)
    pay(mine, checkout, method="CARD")
    payment = Payment.objects.get()
    page = mine.get(f"{checkout}return/?payment={payment.pk}&paymentKey=made-up&orderId=x")
    answer = send(mine, form_with(page, "confirm"), "confirm")
    assert answer.status_code == 400
    assert gateway.money_of(payment.order_id) == 0
    assert not Ticket.objects.exists()
    assert mine.get(f"{checkout}return/?payment=nonsense").status_code == 404


def test_another_fan_sees_nothing_of_it(browser_of, mine, fan, performance, gateway):
    checkout = hold(mine, performance)
    pay(mine, checkout, method="CARD")
    payment = Payment.objects.get()
    other = browser_of(factories.make_user())
    for path in (checkout, f"{checkout}done/", f"{checkout}return/?payment={payment.pk}"):
        assert other.get(path).status_code == 404
    reservation = Reservation.objects.get()
    assert other.get(f"/en/me/reservations/{reservation.pk}/").status_code == 404
    assert other.get(f"/en/me/reservations/{reservation.pk}/cancel/").status_code == 404
    assert "no reservations yet" in text_of(other.get("/en/me/"))


def test_a_decline_says_why_and_lets_another_way_be_chosen(mine, rich, performance, gateway):
    checkout = hold(mine, performance)
    pay(mine, checkout, method="CARD")
    payment = Payment.objects.get()
    page = mine.get(f"{checkout}return/?payment={payment.pk}&code=PAY_PROCESS_CANCELED&message=x")
    assert "Nothing was charged" in text_of(page)
    given_up = send(mine, form_with(page, "abandon"), "abandon")
    assert given_up.headers["Location"] == checkout
    assert pay(mine, checkout).headers["Location"] == f"{checkout}done/"


def test_an_unknown_outcome_says_not_to_pay_again(mine, fan, performance, gateway):
    checkout = hold(mine, performance)
    pay(mine, checkout, method="CARD")
    payment = Payment.objects.get()
    key = gateway.approve(payment.order_id)
    gateway.fail("confirm", Fault.HANG)
    gateway.fail("find", Fault.LOST)
    page = mine.get(f"{checkout}return/?payment={payment.pk}&paymentKey={key}")
    sent = send(mine, form_with(page, "confirm"), "confirm")
    assert sent.headers["Location"] == f"{checkout}return/?payment={payment.pk}"
    waiting = mine.get(sent.headers["Location"])
    assert "Do not pay again" in text_of(waiting)
    # By the browser only where no script asks.
    assert f'<noscript><meta http-equiv="refresh" content="3; url={checkout}' in waiting.text
    assert "Refresh" not in waiting.headers
    assert "Do not pay again" in text_of(mine.get(checkout))


def test_points_are_charged_by_the_gateway_page(mine, fan, gateway):
    form = next(one for one in forms_of(mine.get("/en/me/points/")) if "amount" in one.fields)
    begun = send(mine, form, amount=50_000)
    charge = Charge.objects.get()
    assert begun.headers["Location"] == charge.checkout_url
    key = gateway.approve(charge.order_id)
    page = mine.get(f"/en/me/points/return/?charge={charge.pk}&paymentKey={key}")
    confirmed = send(mine, form_with(page, "confirm"), "confirm")
    assert confirmed.headers["Location"] == "/en/me/points/"
    assert "₩50,000" in text_of(mine.get("/en/me/points/"))
    assert money.balance_of(fan) == 50_000


def test_who_is_logged_out_meanwhile_comes_back_to_the_page(mine, fan, performance):
    checkout = hold(mine, performance)
    form = form_with(mine.get(checkout), "pay")
    del mine.cookies[settings.FAN_SESSION_COOKIE_NAME]
    answer = send(mine, form, "pay", method="POINTS", agreed="on")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/en/account/login/?next=%2Fen%2Fcheckout%2F")


def test_cancelling_twice_gives_back_once(mine, rich, performance):
    pay(mine, hold(mine, performance))
    reservation = Reservation.objects.get()
    url = f"/en/me/reservations/{reservation.pk}/cancel/"
    [form] = forms_of(mine.get(url))
    for _ in range(2):
        assert send(mine, form, seat=form.boxes["seat"]).status_code == 303
    assert Cancellation.objects.count() == 1
    assert money.balance_of(rich) == 100_000
    assert "It is cancelled already" in text_of(mine.get(url))


def test_private_pages_are_kept_nowhere_and_read_in_one_language(mine, rich, performance):
    concert = performance.concert
    concert.title_ko, concert.artist_ko = "T1", "A1"
    concert.save()
    concert.venue.name_ko = "V1"
    concert.venue.save()
    performance.grades.update(name_ko="R")
    performance.sections.update(name_ko="A")
    checkout = hold(mine, performance)
    paths = [checkout, list_url(performance, "A"), "/en/me/", "/en/me/points/"]
    pages = [mine.get(path) for path in paths]
    pay(mine, checkout)
    reservation, ticket = Reservation.objects.get(), Ticket.objects.first()
    own = f"/en/me/reservations/{reservation.pk}/"
    paths += [f"{checkout}done/", own, f"{own}cancel/", f"/en/me/tickets/{ticket.pk}/"]
    pages += [mine.get(path) for path in paths[4:]]
    for page in pages:
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "private, no-store"
        assert HANGUL.findall(text_of(page).replace("한국어", "")) == []
    for path in paths[1:]:
        korean = text_of(mine.get(path.replace("/en/", "/ko/", 1)))
        found = re.findall(r"[A-Za-z']+ [a-z']+ [a-z']+ [a-z']+", korean)
        assert found == [], path


def test_a_script_in_a_name_shows_as_text(mine, rich, performance):
    evil = "<script>alert(1)</script>"
    performance.concert.title_en = performance.concert.title_ko = evil
    performance.concert.save()
    performance.concert.venue.name_en = performance.concert.venue.name_ko = evil
    performance.concert.venue.save()
    performance.grades.update(name_en=evil, name_ko=evil)
    performance.sections.update(name_en=evil, name_ko=evil)
    performance.seats.filter(row="1").update(row="<script>")
    checkout = hold(mine, performance)
    pay(mine, checkout)
    ticket = f"/en/me/tickets/{Ticket.objects.first().pk}/"
    for path in (checkout, "/en/me/", ticket, list_url(performance, "A")):
        page = mine.get(path, follow=True)
        assert "<script>" not in page.text
        assert "&lt;script&gt;" in page.text


def test_a_section_that_is_not_there_says_so(mine, performance):
    page = mine.get(list_url(performance, "%3Cx%3E"))
    assert page.status_code == 200
    assert "There is no such section." in text_of(page)
