"""Looking a fan up: audited, masked by role, one timeline; and what staff do about a fan."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.translation import override

from accounts.models import Approval, AuditEntry, User
from boxoffice.fans import masked_email, masked_phone, name_of
from kernel import clock
from kernel.ids import uuid7
from notifications.models import Notification
from payments.models import Cancellation
from reservations.models import Reservation, SeatInventory
from tests.pages.browsing import Form, forms_of, send, text_of
from tests.support import factories
from tests.support.cancelling import buy, cancel
from tests.support.holding import place
from tests.support.money import balance_of, give_points
from tests.support.staff_pages import browser_of
from tests.support.staff_roles import ROLES, browser_as, member
from tickets.models import Ticket


def url(name, *args):
    with override("en"):
        return reverse(f"boxoffice:{name}", args=args)


def search(client, what, reason="caller 17"):
    return client.post(url("fans"), {"what": what, "reason": reason})


def page_of(client, fan):
    """Find a fan, and return the page."""
    found = search(client, str(fan.pk))
    return client.get(found.headers["Location"])


def form_to(page, address) -> Form:
    [found] = [form for form in forms_of(page) if form.action == address]
    return found


@pytest.fixture
def buyer(db_ready):
    """A fan with a purchase, a hold, a letter, and points."""
    fan = factories.make_user(email="minji.kim@example.com")
    User.objects.filter(pk=fan.pk).update(phone="+821012345678", display_name="Minji")
    give_points(fan, 500_000)
    return fan


@pytest.fixture
def bought(buyer):
    performance = factories.make_performance(seats=6, price=80_000)
    held = buy(buyer, performance, seats=2)
    place(buyer, performance, factories.seat_ids(performance)[-1:])
    return held


@pytest.fixture
def letter(buyer):
    now = clock.now()
    return Notification.objects.create(
        id=uuid7(),
        kind="reservation_confirmed",
        user_id=buyer.pk,
        data={},
        status="SENT",
        created_at=now,
        due_at=now,
        sent_at=now,
    )


def test_a_fan_is_found_by_what_people_say(buyer, bought):
    client = browser_as("staff")
    code = Ticket.objects.first().code
    spoken = f"{code[:4]}-{code[4:8]}-{code[8:]}".lower()
    for what in ("Minji.Kim@Example.com", str(bought.id), code, spoken, "+82 10-1234-5678"):
        answer = search(client, what)
        assert answer.headers.get("Location") == url("fan", buyer.pk), what


def test_who_is_nobody_is_said_so(buyer):
    client = browser_as("staff")
    for what in ("nobody@example.com", "+82 2 000 0000", str(uuid7()), "???"):
        answer = search(client, what)
        assert answer.status_code == 404
        assert "Nobody has this" in text_of(answer)
    assert not AuditEntry.objects.filter(action="accounts.look_up").exists()


def test_several_who_share_a_number_are_listed_with_their_addresses_masked(buyer):
    other = factories.make_user(email="sora@example.com")
    User.objects.filter(pk=other.pk).update(phone="+821012345678")
    page = text_of(search(browser_as("staff"), "+821012345678"))
    assert "m***@example.com" in page
    assert "s***@example.com" in page
    assert "minji.kim" not in page


def test_each_look_is_audited_with_its_reason(buyer):
    user = member("operator")
    client = browser_of(user)
    page_of(client, buyer)
    client.get(url("fan", buyer.pk))
    looks = AuditEntry.objects.filter(action="accounts.look_up", target_id=str(buyer.pk))
    assert [(one.actor_id, one.reason) for one in looks] == [(user.pk, "caller 17")] * 2


def test_without_a_reason_nobody_is_shown(buyer):
    client = browser_as("operator")
    assert client.get(url("fan", buyer.pk)).headers["Location"] == url("fans")
    assert search(client, buyer.email, reason=" ").status_code == 200
    assert client.get(url("fan", buyer.pk)).status_code == 302
    assert not AuditEntry.objects.filter(action="accounts.look_up").exists()


@pytest.mark.parametrize(
    ("role", "whole"), [("staff", True), ("operator", False), ("finance", False)]
)
def test_contacts_are_masked_by_role(buyer, bought, role, whole):
    page = page_of(browser_as(role), buyer).text
    assert ("minji.kim@example.com" in page) is whole
    assert ("+821012345678" in page) is whole
    assert ("m***@example.com" in page) is not whole


@pytest.mark.parametrize("role", ["door", "integrator"])
def test_other_roles_look_nobody_up(buyer, role):
    client = browser_as(role)
    assert client.get(url("fans")).status_code == 403
    assert search(client, buyer.email).status_code == 403


def test_who_has_no_name_is_called_by_a_masked_address(buyer):
    User.objects.filter(pk=buyer.pk).update(display_name="")
    buyer.refresh_from_db()
    assert name_of(buyer, whole=False) == "m***@example.com"
    assert name_of(buyer, whole=True) == "minji.kim@example.com"
    assert name_of(None, whole=True) == ""


def test_masks():
    assert masked_email("a@b.kr") == "a***@b.kr"
    assert (masked_email(""), masked_phone(""), masked_phone("12")) == ("", "", "")
    assert masked_phone("01012345678") == "***-5678"


def test_the_timeline_has_every_sort(buyer, bought, letter):
    cancel(buyer, bought.id, [bought.seats[0].seat_id])
    page = page_of(browser_as("finance"), buyer)
    sorts = {part.split('"')[0] for part in page.text.split('data-sort="')[1:]}
    assert sorts == {"hold", "payment", "refund", "points", "ticket", "letter", "deed"}
    assert "Looked up: caller 17" in text_of(page)
    shown = text_of(page)
    assert "Reservation confirmed" in shown
    assert not [code for code in ("reservation_confirmed", "CONFIRMED", "PAID") if code in shown]
    times = [part.split('"')[0] for part in page.text.split('<time datetime="')[1:]]
    assert times == sorted(times, reverse=True)


def test_a_letter_is_sent_again(buyer, letter):
    client = browser_as("operator")
    address = url("send_again", buyer.pk, letter.pk)
    done = send(client, form_to(page_of(client, buyer), address), reason="deleted it")
    assert done.headers["Location"] == url("fan", buyer.pk)
    letter.refresh_from_db()
    assert (letter.status, letter.sent_at, letter.attempts) == ("WAITING", None, 0)
    assert AuditEntry.objects.get(action="notifications.send_again").reason == "deleted it"
    assert "The letter is sent again." in text_of(client.get(url("fan", buyer.pk)))


def test_somebody_elses_letter_is_not_sent(buyer, letter):
    other = factories.make_user()
    client = browser_as("operator")
    page_of(client, other)
    client.post(url("send_again", other.pk, letter.pk), {"reason": "x"})
    letter.refresh_from_db()
    assert letter.status == "SENT"


def test_a_hold_is_released(buyer, bought):
    client = browser_as("operator")
    hold = Reservation.objects.get(user=buyer, status="PENDING")
    address = url("release_hold", buyer.pk, hold.pk)
    send(client, form_to(page_of(client, buyer), address), reason="asked by phone")
    hold.refresh_from_db()
    assert hold.status == "RELEASED"
    assert AuditEntry.objects.get(action="reservations.release").reason == "asked by phone"
    assert SeatInventory.objects.filter(status="TEMPORARILY_RESERVED").count() == 0
    refused = client.post(url("release_hold", buyer.pk, bought.id), {"reason": "x"})
    assert refused.status_code == 409  # bought: that is a refund


def test_a_fan_is_locked_out_and_let_in(buyer):
    client = browser_as("operator")
    address = url("lock_out", buyer.pk)
    send(client, form_to(page_of(client, buyer), address), "lock_out", reason="scalper")
    assert not User.objects.get(pk=buyer.pk).is_active
    send(client, form_to(client.get(url("fan", buyer.pk)), address), "let_in", reason="mistake")
    assert User.objects.get(pk=buyer.pk).is_active


def test_a_deed_without_its_reason_is_refused(buyer):
    client = browser_as("operator")
    page_of(client, buyer)
    refused = client.post(url("lock_out", buyer.pk), {"reason": " "})
    assert refused.status_code == 400
    assert "Say why" in text_of(refused)
    assert User.objects.get(pk=buyer.pk).is_active


def refund_form(client, fan, bought):
    page_of(client, fan)
    return client.get(url("refund", fan.pk, bought.id))


def test_a_seat_is_refunded_by_the_policys_quote(buyer, bought):
    client = browser_as("finance")
    before = balance_of(buyer)
    [form] = [one for one in forms_of(refund_form(client, buyer, bought)) if "seat" in one.boxes]
    seat = str(bought.seats[0].seat_id)
    assert len(form.boxes["seat"]) == 2
    quoted = send(client, form, "quote", seat=seat, how="policy", reason="broken seat")
    assert "₩80,000" in text_of(quoted)
    assert not Cancellation.objects.exists()  # looking gives nothing back
    [form] = [one for one in forms_of(quoted) if ("action", "confirm") in one.buttons]
    assert send(client, form, "confirm").headers["Location"] == url("fan", buyer.pk)
    send(client, form, "confirm")  # pressed twice
    assert balance_of(buyer) == before + 80_000
    assert AuditEntry.objects.get(action="payments.refund").reason == "broken seat"


def test_goodwill_above_the_limit_waits_for_somebody_else(buyer, bought):
    one, other = browser_as("finance"), browser_as("finance")
    before = balance_of(buyer)
    [form] = [f for f in forms_of(refund_form(one, buyer, bought)) if "seat" in f.boxes]
    seats = [str(seat.seat_id) for seat in bought.seats]
    quoted = send(one, form, "quote", seat=seats, how="goodwill", reason="rain all night")
    [form] = [f for f in forms_of(quoted) if ("action", "confirm") in f.buttons]
    send(one, form, "confirm")
    assert balance_of(buyer) == before
    asked = Approval.objects.get()
    own = one.get(url("approvals"))
    assert "somebody else decides" in text_of(own)
    refused = one.post(url("decide", asked.pk), {"action": "approve"})
    assert refused.status_code == 403
    assert balance_of(buyer) == before
    page = other.get(url("approvals"))
    assert "Goodwill refund: ₩160,000" in text_of(page)
    assert "For Minji · asked by" in text_of(page)  # who decides knows for whom, and who asks
    send(other, form_to(page, url("decide", asked.pk)), "approve")
    assert balance_of(buyer) == before + 160_000


def test_points_above_the_limit_wait_and_may_be_refused(buyer):
    one, other = browser_as("finance"), browser_as("finance")
    before = balance_of(buyer)
    address = url("adjust_points", buyer.pk)
    form = form_to(page_of(one, buyer), address)
    send(one, form, points="100000", reason="lost by us")
    assert balance_of(buyer) == before + 100_000
    form = form_to(one.get(url("fan", buyer.pk)), address)
    send(one, form, points="100001", reason="lost by us")
    asked = Approval.objects.get()
    form = form_to(other.get(url("approvals")), url("decide", asked.pk))
    send(other, form, "refuse")  # without a reason
    assert Approval.objects.get().status == "WAITING"
    send(other, form, "refuse", reason="no proof")
    assert Approval.objects.get().status == "REFUSED"
    assert balance_of(buyer) == before + 100_000


def test_an_expired_request_is_not_approved(buyer):
    one, other = browser_as("finance"), browser_as("finance")
    form = form_to(page_of(one, buyer), url("adjust_points", buyer.pk))
    send(one, form, points="200000", reason="lost by us")
    Approval.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    asked = Approval.objects.get()
    assert other.post(url("decide", asked.pk), {"action": "approve"}).status_code == 410
    assert "Nothing waits." in text_of(other.get(url("approvals")))


# What each deed needs beside the look-up; `form` is what a browser sends.
DEEDS = {
    "send_again": ({"operator"}, {"reason": "x"}),
    "release_hold": ({"operator"}, {"reason": "x"}),
    "lock_out": ({"operator"}, {"reason": "x"}),
    "adjust_points": ({"finance"}, {"reason": "x", "points": "1"}),
    "refund": ({"finance"}, {"reason": "x"}),
}


@pytest.mark.parametrize("name", DEEDS)
def test_every_deed_is_refused_to_roles_that_may_not(buyer, bought, letter, name):
    allowed, form = DEEDS[name]
    hold = Reservation.objects.get(user=buyer, status="PENDING")
    keys = {"send_again": [letter.pk], "release_hold": [hold.pk], "refund": [bought.id]}
    address = url(name, buyer.pk, *keys.get(name, []))
    counted = AuditEntry.objects.count()
    for role in set(ROLES) - allowed:
        assert browser_as(role).post(address, form).status_code == 403, role
    assert AuditEntry.objects.count() == counted
    hold.refresh_from_db()
    assert hold.status == "PENDING"


def test_who_may_not_do_the_deed_may_not_approve_it(buyer):
    form = form_to(page_of(one := browser_as("finance"), buyer), url("adjust_points", buyer.pk))
    send(one, form, points="200000", reason="lost by us")
    asked = Approval.objects.get()
    for role in set(ROLES) - {"finance"}:
        answer = browser_as(role).post(url("decide", asked.pk), {"action": "approve"})
        assert answer.status_code == 403, role
    assert Approval.objects.get().status == "WAITING"
