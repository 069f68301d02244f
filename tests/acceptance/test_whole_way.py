"""One fan goes the whole way over HTTP, and the rest of the system hears of it."""

import json
from collections import Counter
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import httpx
import jsonschema
import pytest

from tests.support.kafka_reader import KafkaReader
from tests.support.shopper import Shopper
from tests.support.site import ROOT, Fan, Site
from tests.support.waiting import await_promised, await_that

SCHEMAS = ROOT / "docs" / "events"
AUTH = "/_allauth/app/v1/auth"


def sign_up(site: Site) -> tuple[Fan, str]:
    """Sign up as a new person does; return the fan and the refresh token."""
    email = f"new-{token_hex(6)}@example.com"
    answer = site.http().post(
        f"{AUTH}/signup", json={"email": email, "password": f"a long word {token_hex(8)}"}
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    meta = body["meta"]
    assert meta["is_authenticated"]
    fan = Fan(email, body["data"]["user"]["id"], meta["access_token"])
    return fan, meta["refresh_token"]


def test_a_fan_goes_the_whole_way(site: Site, kafka_records: KafkaReader):
    sale = site.sale(seats=20, price=70_000, queue={"rate_per_second": 50, "capacity": 10})
    fan, _ = sign_up(site)
    shopper = Shopper(site, fan)

    charge = shopper.send(
        "POST",
        "/points/charges/",
        json={"amount": 300_000},
        headers={"Idempotency-Key": str(uuid4())},
    )
    assert (charge.status_code, charge.json()["status"]) == (201, "PAID")
    assert charge.json()["balance"] == {"amount": 300_000, "currency": "KRW"}

    refused = shopper.hold(sale.performance_id, sale.seat_ids[:1])
    assert (refused.status_code, refused.json()["code"]) == (403, "queue_token_required")
    place = shopper.join(sale.performance_id)
    assert place["pass"]
    assert place["admitted_until"]

    performance = f"/performances/{sale.performance_id}"
    seat_map = shopper.send("GET", f"{performance}/seatmap/").json()
    [section] = seat_map["sections"]
    seats = [seat["id"] for row in section["rows"] for seat in row["seats"]]
    assert seats == list(sale.seat_ids)

    request_id = f"acceptance-{token_hex(8)}"
    held = shopper.send(
        "POST",
        "/reservations/",
        json={"performance_id": sale.performance_id, "seat_ids": seats[4:7]},
        headers={"X-Queue-Token": place["pass"], "X-Request-ID": request_id},
    )
    assert held.status_code == 201, held.text
    assert held.headers["X-Request-ID"] == request_id
    reservation = held.json()
    assert reservation["status"] == "PENDING"
    assert reservation["amount"] == {"amount": 210_000, "currency": "KRW"}

    paid = shopper.pay(reservation["id"])
    assert (paid.status_code, paid.json()["status"]) == (201, "PAID"), paid.text
    assert shopper.balance() == 90_000
    mine = shopper.send("GET", f"/reservations/{reservation['id']}/").json()
    assert mine["status"] == "CONFIRMED"
    assert mine["payment"]["status"] == "PAID"
    assert Counter(shopper.tickets(reservation["id"])) == Counter(
        (reservation["id"], seat) for seat in seats[4:7]
    )
    listed = shopper.send("GET", "/tickets/").json()["results"]
    assert {ticket["seat"]["id"] for ticket in listed} == set(seats[4:7])
    assert all(ticket["qr"] and ticket["code"] for ticket in listed)

    await_that(
        lambda: (
            shopper.send("GET", f"{performance}/availability/").json()["statuses"]
            == "A" * 4 + "R" * 3 + "A" * 13
        ),
        "the sold seats show",
        seconds=3,
    )

    _check_events(kafka_records, fan, reservation["id"], charge.json()["id"], request_id)
    await_that(
        lambda: site.statistics(sale.performance_id) == (1, 3, 210_000), "statistics counted it"
    )
    _check_delay(site, reservation["id"])


def _check_events(
    reader: KafkaReader, fan: Fan, reservation_id: str, charge_id: str, request_id: str
) -> None:
    def mine(records):
        return [record for record in records if record.data.get("user_id") == fan.user_id]

    wanted = {
        "points.charged": 1,
        "reservation.held": 1,
        "points.spent": 1,
        "payment.paid": 1,
        "reservation.confirmed": 1,
    }
    reader.until(lambda records: len(mine(records)) >= len(wanted), "five events of the fan")
    found = mine(reader.to_the_end())
    assert Counter(record.type for record in found) == wanted
    for record in found:
        assert record.content_type == "application/cloudevents+json"
        assert record.event["specversion"] == "1.0"
        assert record.event["datacontenttype"] == "application/json"
        assert record.event["subject"] == record.key
        assert record.event["traceparent"]
        schema = SCHEMAS / Path(record.event["dataschema"]).name
        jsonschema.validate(record.data, json.loads(schema.read_text()))
    by_type = {record.type: record for record in found}
    assert by_type["reservation.held"].event["requestid"] == request_id
    assert by_type["reservation.held"].key == reservation_id
    assert by_type["reservation.confirmed"].key == reservation_id
    assert by_type["payment.paid"].data["reservation_id"] == reservation_id
    assert fan.email not in json.dumps([record.event for record in found])


def _check_delay(site: Site, reservation_id: str) -> None:
    """Published within a second of the commit, by the clock of the one database."""
    statement = (
        "SELECT extract(epoch FROM max(published_at - created_at)) FROM events_outboxevent"
        " WHERE aggregate_id = %s"
    )
    [(seconds,)] = await_that(
        lambda: [row for row in site.rows(statement, reservation_id) if row[0] is not None],
        "the relay has marked the events",
    )
    assert seconds < 1


def test_a_logout_ends_the_login_within_two_seconds(site: Site):
    fan, refresh_token = sign_up(site)
    client = site.http(fan.access_token)
    assert client.get("/api/v1/points/").status_code == 200

    assert client.delete(f"{AUTH}/session").status_code == 401  # allauth's word for logged out

    def refused_everywhere() -> bool:
        # New connections each time: every process of the API has to know.
        for _ in range(12):
            header = {"Authorization": f"Bearer {fan.access_token}"}
            answer = httpx.get(f"{site.url}/api/v1/points/", headers=header)
            if answer.status_code != 401:
                return False
            assert answer.json()["code"] == "token_invalid"
        return True

    await_promised(refused_everywhere, "the access token is refused", seconds=2)
    refreshed = site.http().post(
        "/_allauth/app/v1/tokens/refresh", json={"refresh_token": refresh_token}
    )
    assert refreshed.status_code in {400, 401, 410}


def test_a_wrong_password_is_no_login_and_a_right_one_is(site: Site):
    email, password = f"again-{token_hex(6)}@example.com", f"a long word {token_hex(8)}"
    nobody = site.http()
    made = nobody.post(f"{AUTH}/signup", json={"email": email, "password": password})
    assert made.status_code == 200
    wrong = nobody.post(f"{AUTH}/login", json={"email": email, "password": password + "!"})
    assert wrong.status_code == 400
    right = nobody.post(f"{AUTH}/login", json={"email": email, "password": password})
    assert right.status_code == 200
    token = right.json()["meta"]["access_token"]
    assert site.http(token).get("/api/v1/points/").status_code == 200


@pytest.mark.parametrize(("fan", "options"), [("fan1", []), ("fan2", ["--json"])])
def test_the_buy_command_walks_the_whole_flow(site: Site, fan: str, options: list[str]):
    """The quickest way to see it work, against the demo data of the running site."""
    whom = ["--concert", _demo_concert(site), "--fan", f"{fan}@example.com"]
    printed = site.manage("buy", *whom, "--base-url", site.url, *options, seconds=120)
    assert "PAID" in printed


def _demo_concert(site: Site) -> str:
    """Return a demo concert on sale without a queue, found as any client would."""
    api = site.http()
    for concert in api.get("/api/v1/concerts/", params={"on_sale": "true"}).json()["results"]:
        path = f"/api/v1/concerts/{concert['id']}/performances/"
        listed = api.get(path).json()
        rows = listed["results"] if isinstance(listed, dict) else listed
        if any(row["sale_state"] == "ON_SALE" and not row["queue_required"] for row in rows):
            return concert["id"]
    raise AssertionError("no demo concert is on sale without a queue")
