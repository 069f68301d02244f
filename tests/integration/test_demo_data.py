"""The demo data is what use cases would have made, and loading it again changes nothing."""

import io
import json
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from concerts.models import Concert, Seat
from demo import concerts as demo_concerts
from demo.keys import CONCERT, PERFORMANCE, PERSON, key
from kernel import clock
from payments.models import Payment
from points.models import Account, Entry
from reservations.models import Reservation, SalePolicy, SeatInventory
from tickets.models import Ticket


def load(*options: str) -> dict:
    out = io.StringIO()
    call_command("demo_data", "--json", *options, stdout=out)
    return json.loads(out.getvalue())


def everything() -> dict[str, list]:
    rows = {}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            if model._meta.app_label in {"idempotency", "sessions"}:
                continue
            cursor.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1')
            rows[table] = cursor.fetchall()
    return rows


def states(api) -> dict[str, str]:
    results = api.get("/api/v1/concerts/", headers={"accept-language": "en"}).json()["results"]
    return {concert["title"]: concert["sale_state"] for concert in results}


def test_it_shows_each_kind_of_sale(api):
    facts = load()
    assert len(facts["fans"]) == 20
    assert set(facts["staff"]) == {
        *(f"{group}@example.com" for group in settings.STAFF_GROUPS),
        settings.DEMO_ADMIN_EMAIL,
    }
    assert states(api) == {
        "Hanok Nights": "ON_SALE",
        "Every Seat Taken": "SOLD_OUT",
        "Countdown": "PRESALE_QUEUE",
        "Chamber Evening": "ON_SALE",
        "Winter Journey": "SCHEDULED",
        "Summer Lawn": "SCHEDULED",
    }
    arena = api.get(f"/api/v1/performances/{key(PERFORMANCE, 0)}/").json()
    assert (arena["seats_total"], arena["queue_required"]) == (5000, True)
    recital = api.get(f"/api/v1/performances/{key(PERFORMANCE, 3 * 16)}/").json()
    assert (recital["seats_total"], recital["queue_required"]) == (300, False)


def test_loading_it_again_changes_nothing():
    load()
    before = everything()
    load()
    assert everything() == before


def test_the_sold_out_concert_adds_up():
    load()
    performance = key(PERFORMANCE, 1 * 16)
    seats = SeatInventory.objects.filter(performance_id=performance)
    assert set(seats.values_list("status", flat=True)) == {"RESERVED"}
    sold = Reservation.objects.filter(performance_id=performance, status="CONFIRMED")
    assert seats.count() == 200 == Ticket.objects.filter(performance_id=performance).count()
    assert sold.count() == 20
    assert sum(sold.values_list("amount", flat=True)) == 200 * 55_000
    assert Payment.objects.filter(status="PAID").count() == 20
    assert sum(Entry.objects.values_list("amount", flat=True)) == 0
    assert set(Account.objects.filter(user__isnull=False).values_list("balance", flat=True)) == {
        2_000_000 - 550_000
    }


def test_an_opening_that_passed_unused_moves_ahead():
    load()
    performance = key(PERFORMANCE, 2 * 16)
    now = clock.now()
    SalePolicy.objects.filter(pk=performance).update(sale_opens_at=now - timedelta(minutes=1))
    load()
    opens_at = SalePolicy.objects.get(pk=performance).sale_opens_at
    assert now + timedelta(minutes=9) < opens_at < now + timedelta(minutes=11)


def test_a_reset_retires_the_old_concerts_and_loads_new_ones(api):
    load()
    old = demo_concerts.current_generation()
    facts = load("--reset")
    assert facts["generation"] == old + 1
    assert Concert.objects.get(pk=key(CONCERT, 0)).deleted_at is not None
    assert states(api)["Every Seat Taken"] == "SOLD_OUT"
    assert len(states(api)) == 6
    assert api.get(f"/api/v1/concerts/{key(CONCERT, 0)}/").status_code == 404


def test_a_fan_of_the_demo_can_log_in(api):
    load()
    answer = api.post(
        "/_allauth/app/v1/auth/login",
        {"email": "fan1@example.com", "password": settings.DEMO_PASSWORD},
    )
    assert answer.status_code == 200
    assert answer.json()["meta"]["access_token"]


def test_settings_without_a_demo_refuse_it(settings):
    del settings.DEMO_PASSWORD
    with pytest.raises(CommandError, match="only for local and test"):
        call_command("demo_data")


def test_people_of_an_earlier_version_become_those_of_this_one(settings):
    load()
    EmailAddress.objects.filter(email="fan1@example.com").update(email="first@example.com")
    staff = list(User.objects.filter(is_staff=True, is_superuser=False).order_by("email"))
    EmailAddress.objects.filter(user=staff[0]).update(email="former@example.com")
    settings.DEMO_ADMIN_EMAIL = "boss@example.com"
    facts = load()
    assert User.objects.get(pk=key(PERSON, 1)).email == "fan1@example.com"
    assert not User.objects.filter(email="first@example.com").exists()
    assert staff[0].email in facts["staff"]
    administrators = User.objects.filter(is_superuser=True).values_list("email", flat=True)
    assert list(administrators) == ["boss@example.com"]
    before = everything()
    load()
    assert everything() == before


def test_concerts_that_do_not_fit_are_said_in_one_line_and_a_reset_mends_it():
    load()
    SalePolicy.objects.filter(pk=key(PERFORMANCE, 0)).update(put_on_sale_at=None)
    other = Seat.objects.filter(performance_id=key(PERFORMANCE, 0)).first()
    Seat.objects.filter(pk=other.pk).update(number="999")  # another layout, frozen
    with pytest.raises(CommandError, match="--reset") as refusal:
        load()
    assert "\n" not in str(refusal.value)
    load("--reset")
    assert load()["generation"] == 1


def test_every_concert_has_a_poster_of_its_own(api):
    load()
    shown = api.get("/api/v1/concerts/").json()["results"]
    assert len({one["poster"]["url"] for one in shown}) == 6
    for one in shown:
        assert [source["width"] for source in one["poster"]["sources"]] == [320, 640, 960]
        answer = api.get(urlsplit(one["poster"]["sources"][0]["url"]).path)
        assert answer.headers["Content-Type"] == "image/webp"
