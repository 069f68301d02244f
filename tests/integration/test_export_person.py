"""Everything that is kept of a person: complete, without secrets, by command and as a document."""

import json

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.usecases import people, second_factor
from kernel import clock
from personal import kept
from personal.export import export
from tests.support import factories
from tests.support.codes import Device
from tests.support.holding import place
from tests.support.money import begin, give_points

# A column of such a name refers to a person, whatever its type.
PERSONAL = {"user", "user_id", "actor_id", "created_by", "email", "sid", "last_user_id", "phone"}


def links_of(model, decided):
    """Return the columns of a model by which its rows may be somebody's."""
    return {
        field.name
        for field in model._meta.concrete_fields
        if field.name in PERSONAL
        or (field.is_relation and field.related_model._meta.label in decided)
    }


def undecided(models):
    """Return the models that refer to people, directly or through another, and stand nowhere."""
    decided = {one.model for one in kept.EXPORTED} | set(kept.LEFT_OUT)
    return {
        model._meta.label
        for model in models
        if links_of(model, decided) and model._meta.label not in decided
    }


def test_every_table_that_refers_to_people_is_decided_about():
    assert undecided(apps.get_models()) == set()


@pytest.mark.control
def test_control_a_table_that_nobody_decided_about_is_found(monkeypatch):
    fewer = tuple(one for one in kept.EXPORTED if one.model != "tickets.Ticket")
    monkeypatch.setattr(kept, "EXPORTED", fewer)
    assert undecided(apps.get_models()) == {"tickets.Ticket"}


def test_what_is_decided_about_exists_and_every_reason_is_said():
    for one in kept.EXPORTED:
        columns = {field.attname for field in apps.get_model(one.model)._meta.concrete_fields}
        assert set(one.without) <= columns, one.model
    for model, reason in kept.LEFT_OUT.items():
        assert apps.get_model(model)
        assert len(reason) > 20
    assert not {one.model for one in kept.EXPORTED} & set(kept.LEFT_OUT)


@pytest.fixture
def buyer(db_ready):
    """A fan who has bought a seat, by points, and set up a second factor."""
    fan = factories.make_user(email="hong@example.com", display_name="홍길동", phone="0212345678")
    performance = factories.make_performance(seats=4, price=1000)
    give_points(fan, 5000)
    begin(fan, place(fan, performance, factories.seat_ids(performance)[:1], now=clock.now()).id)
    device = Device()
    second_factor.set_up(user_id=fan.pk, secret=device.secret, code=device.code(), now=clock.now())
    return fan


def test_a_buyer_gets_everything_and_nothing_of_others(buyer):
    other = factories.make_user(email="kim@example.com")
    give_points(other, 700)
    found = export(user_id=buyer.pk, now=clock.now())
    rows = found["kept"]
    assert rows["accounts.User"][0]["display_name"] == "홍길동"
    assert [one["email"] for one in rows["account.EmailAddress"]] == ["hong@example.com"]
    for table in (
        "reservations.Reservation",
        "reservations.ReservationSeat",
        "tickets.Ticket",
        "payments.Payment",
        "points.Account",
    ):
        assert len(rows[table]) == 1, table
    assert {one["amount"] for one in rows["points.Entry"]} == {5000, -1000}
    assert len(rows["points.Transfer"]) == 2
    assert len(rows["mfa.Authenticator"]) == 2
    text = json.dumps(found, ensure_ascii=False)
    assert "kim@example.com" not in text
    assert str(other.pk) not in text
    assert found["form"] == "frontrow.person.v1"


def test_what_staff_did_with_the_account_is_in_it_without_their_names(buyer):
    boss = factories.make_user(is_staff=True)
    people.lock_out(user_ids=[buyer.pk], actor_id=boss.pk, reason="a test", now=clock.now())
    found = export(user_id=buyer.pk, now=clock.now())["kept"]["accounts.AuditEntry"]
    assert [one["action"] for one in found] == ["accounts.lock_out"]
    assert str(boss.pk) not in json.dumps(found)


def test_it_has_no_secret(buyer):
    text = json.dumps(export(user_id=buyer.pk, now=clock.now()))
    for secret in (
        "argon2",
        "migrated_codes",
        "session_data",
        "session_key",
        "request_key",
        "seed",
    ):
        assert secret not in text


def test_a_passkey_is_in_it_by_its_name_alone(buyer):
    data = {"name": "My phone", "credential": {"rawId": "AAEC"}}
    Authenticator.objects.create(user=buyer, type="webauthn", data=data)
    rows = export(user_id=buyer.pk, now=clock.now())["kept"]["mfa.Authenticator"]
    assert {row["type"]: row["data"] for row in rows} == {
        "totp": {},
        "recovery_codes": {},
        "webauthn": {"name": "My phone"},
    }


def test_the_command_writes_json_or_text_and_finds_people_by_either_name(buyer, capsys):
    call_command("export_person", " Hong@Example.com ", "--json")
    by_address = json.loads(capsys.readouterr().out)
    call_command("export_person", str(buyer.pk), "--json")
    by_id = json.loads(capsys.readouterr().out)
    assert by_address["kept"] == by_id["kept"]
    assert by_id["person"] == str(buyer.pk)
    call_command("export_person", "hong@example.com")
    assert "tickets.Ticket: 1" in capsys.readouterr().out


def test_the_command_says_when_there_is_nobody(db_ready, capsys):
    with pytest.raises(CommandError) as refused:
        call_command("export_person", "nobody@example.com")
    assert refused.value.returncode == 1
    assert capsys.readouterr().out == ""


def test_a_closed_account_is_still_found_by_its_id(db_ready, capsys):
    fan = factories.make_user()
    EmailAddress.objects.filter(user=fan).delete()  # PostgreSQL empties the copy
    User.objects.filter(pk=fan.pk).update(is_active=False, display_name="", closed_at=clock.now())
    call_command("export_person", str(fan.pk), "--json")
    assert json.loads(capsys.readouterr().out)["kept"]["accounts.User"][0]["email"] is None
