"""What the server says about keeping tickets on a device: until when, by which script."""

from datetime import timedelta

from django.conf import settings
from django.test import Client

from kernel import clock
from tests.pages.browsing import forms_of, send
from tests.support import factories
from tests.support.tickets import sell
from tickets.models import Ticket

KEEPER = "/en/me/tickets/keeper.js"


def test_a_ticket_says_until_when_it_may_be_kept(mine, fan):
    [ticket] = sell(fan, factories.make_performance(seats=1), 1)
    address = f"/en/me/tickets/{ticket.pk}/"
    page = mine.get(address)
    until = ticket.performance.starts_at + timedelta(days=1)
    assert page.headers["Ticket-Kept-Until"] == clock.as_text(until)
    assert KEEPER in page.text
    Ticket.objects.update(status=Ticket.Status.VOID)
    assert "Ticket-Kept-Until" not in mine.get(address).headers
    assert "Ticket-Kept-Until" not in mine.get("/en/me/").headers


def test_the_keeper_is_the_same_script_for_everybody_and_may_speak_to_us_alone(mine):
    for browser in (Client(), mine):
        answer = browser.get(KEEPER)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.headers["Cache-Control"] == "no-cache"
        policy = answer.headers["Content-Security-Policy"]
        assert policy == "default-src 'none'; connect-src 'self'"
        # Its scope is its own folder: no header makes it wider.
        assert "Service-Worker-Allowed" not in answer.headers
        assert not answer.cookies
    again = mine.get(KEEPER, headers={"if-none-match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_the_end_of_a_login_tells_the_browser_to_delete_what_it_keeps(mine):
    mine.cookies[settings.LOGIN_COOKIE_NAME] = "1"
    assert "Clear-Site-Data" not in mine.get("/en/me/").headers
    out = send(mine, forms_of(mine.get("/en/account/logout/"))[0])
    assert out.headers["Clear-Site-Data"] == '"storage"'
    assert "Clear-Site-Data" not in Client().get("/en/").headers
