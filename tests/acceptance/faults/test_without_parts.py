"""One part is unavailable at a time: what goes on, what is refused, and that all recovers."""

from datetime import UTC, datetime
from time import monotonic

import httpx
import pytest

from proof.history.facts import FanPurchase, violations
from tests.acceptance.test_on_sale import collect
from tests.support.concurrency import all_at_once
from tests.support.kafka_reader import KafkaReader
from tests.support.shopper import Shopper
from tests.support.site import Sale, Site
from tests.support.waiting import await_that

POINTS = 1_000_000


def has_passed(moment: str) -> bool:
    return datetime.now(UTC) >= datetime.fromisoformat(moment)


def contest(site: Site, sale: Sale, shoppers: list[Shopper]) -> list[FanPurchase]:
    """Let all shoppers want every seat at once, two each; every seat ends with one of them."""

    def go(number: int) -> list[FanPurchase | httpx.Response]:
        count = len(sale.seat_ids)
        wanted = [(number + step) % count for step in range(count)]
        return [shoppers[number].buy(sale.performance_id, [sale.seat_ids[seat]]) for seat in wanted]

    outcomes = [one for many in all_at_once(go, range(len(shoppers))) for one in many]
    refused = {
        (answer.status_code, answer.json()["code"])
        for answer in outcomes
        if isinstance(answer, httpx.Response)
    }
    assert refused <= {(409, "seat_taken"), (409, "seat_limit_exceeded")}
    return [outcome for outcome in outcomes if isinstance(outcome, FanPurchase)]


def test_workers_and_beat_stopped_a_lapsed_hold_is_free_to_the_next_request(site: Site):
    sale = site.sale(seats=2, hold_seconds=2)
    slow, early, quick = (Shopper(site, fan) for fan in site.fans(3, POINTS))
    with site.without("workers", "beat"):
        held = slow.hold(sale.performance_id, sale.seat_ids)
        assert held.status_code == 201
        # The control: while the hold lives, nobody else gets the seats.
        assert early.hold(sale.performance_id, sale.seat_ids).status_code == 409
        await_that(lambda: has_passed(held.json()["expires_at"]), "the hold's time is over")

        taken = quick.hold(sale.performance_id, sale.seat_ids)

        assert taken.status_code == 201, taken.text
        mine = slow.send("GET", f"/reservations/{held.json()['id']}/")
        assert mine.json()["status"] == "EXPIRED"
        late = slow.pay(held.json()["id"])
        assert (late.status_code, late.json()["code"]) == (409, "reservation_expired")
        assert quick.pay(taken.json()["id"]).json()["status"] == "PAID"


def test_workers_and_beat_stopped_fans_are_admitted_by_their_own_polls(site: Site):
    queue = {"rate_per_second": 4, "capacity": 50}
    sale = site.sale(seats=10, queue=queue)
    shoppers = [Shopper(site, fan) for fan in site.fans(10)]
    with site.without("workers", "beat"):
        started = monotonic()
        places = all_at_once(lambda shopper: shopper.join(sale.performance_id), shoppers)
        assert all(place["pass"] for place in places)
        assert len({place["number"] for place in places}) == len(shoppers)
        # The rate holds as well: a burst first, the others four a second.
        assert monotonic() - started > 0.5


def test_the_replica_stopped_the_catalogue_answers_from_the_primary(site: Site):
    api = site.http()
    with site.without("replica"):
        _read_everything(site, api)
    _read_everything(site, api)


def test_the_replica_frozen_the_catalogue_answers_from_the_primary(site: Site):
    api = site.http()
    with site.paused("replica"):
        _read_everything(site, api)


def _read_everything(site: Site, api: httpx.Client) -> None:
    """Read every catalogue document of a performance no cache has seen."""
    sale = site.sale(seats=3)
    performance = f"/api/v1/performances/{sale.performance_id}/"
    row = api.get(performance)
    assert row.status_code == 200, row.text
    assert row.json()["seats_total"] == 3
    for path in ("seatmap/", "availability/", "seats/"):
        answer = api.get(performance + path)
        assert answer.status_code == 200, answer.text
    assert answer.elapsed.total_seconds() < 5
    listed = api.get("/api/v1/concerts/", params={"page_size": 100})
    assert listed.status_code == 200, listed.text


def test_kafka_stopped_sales_go_on_and_events_arrive_later(site: Site, kafka_records: KafkaReader):
    sale = site.sale(seats=8)
    shoppers = [Shopper(site, fan) for fan in site.fans(4, POINTS)]
    with site.without("kafka"):
        purchases = contest(site, sale, shoppers)
        assert len(purchases) == 8
        waiting = site.rows("SELECT count(*) FROM events_outboxevent WHERE published_at IS NULL")
        assert waiting[0][0] >= 2 * len(purchases)
        assert site.statistics(sale.performance_id) == (0, 0, 0)
    facts = collect(site, sale, shoppers, purchases, kafka_records, points=POINTS)
    assert violations(facts, repeats_allowed=True) == []


@pytest.mark.parametrize("part", ["cache", "lock", "broker"])
def test_a_redis_role_stopped_the_sale_is_slower_and_exact(
    site: Site, kafka_records: KafkaReader, part: str
):
    sale = site.sale(seats=8)
    shoppers = [Shopper(site, fan) for fan in site.fans(8, POINTS)]
    api = site.http()
    with site.without(part):
        purchases = contest(site, sale, shoppers)
        assert len(purchases) == 8
        _read_everything(site, api)
    facts = collect(site, sale, shoppers, purchases, kafka_records, points=POINTS)
    assert violations(facts, repeats_allowed=True) == []
    again = site.sale(seats=4)
    assert len(contest(site, again, shoppers)) == 4


def test_the_queue_server_stopped_says_so_there_and_admitted_fans_go_on(site: Site):
    queue = {"rate_per_second": 1000, "capacity": 1}
    sale = site.sale(seats=4, queue=queue)
    admitted, waiting, late = (Shopper(site, fan) for fan in site.fans(3, POINTS))
    path = f"/api/v1/performances/{sale.performance_id}/queue/"
    ticket = admitted.join(sale.performance_id)
    place = waiting.http.post(path).json()
    assert place["state"] == "WAITING"
    with site.without("queue"):
        for answer in (
            late.http.post(path),
            waiting.http.get(f"{path}me/", headers={"X-Queue-Token": place["token"]}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "queue_unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["Content-Type"] == "application/problem+json"
        bought = admitted.buy(sale.performance_id, sale.seat_ids[:2], token=ticket["pass"])
        assert isinstance(bought, FanPurchase), bought.text
        # Who has not been admitted doesn't get past the gate because it is broken.
        for token, code in ((None, "queue_token_required"), (place["token"], "queue_not_admitted")):
            refused = waiting.http.post(
                "/api/v1/reservations/",
                json={"performance_id": sale.performance_id, "seat_ids": sale.seat_ids[2:]},
                headers={"X-Queue-Token": token} if token else {},
            )
            assert (refused.status_code, refused.json()["code"]) == (403, code)
    # The paying fan's place was given back when the server returned, or its session ends.
    place = await_that(
        lambda: _polled(waiting, path, place["token"]), "the waiting room is back", seconds=30
    )
    assert (
        place["number"]
        < late.send("POST", f"/performances/{sale.performance_id}/queue/").json()["number"]
    )


def _polled(shopper: Shopper, path: str, token: str) -> dict | None:
    answer = shopper.http.get(f"{path}me/", headers={"X-Queue-Token": token})
    return answer.json() if answer.status_code == 200 else None


def test_the_primary_restarted_nothing_acknowledged_is_lost(site: Site, kafka_records: KafkaReader):
    sale = site.sale(seats=8)
    shoppers = [Shopper(site, fan) for fan in site.fans(4, POINTS)]
    first = shoppers[0].buy(sale.performance_id, sale.seat_ids[:1])
    assert isinstance(first, FanPurchase)
    with site.without("primary", verb="kill"):
        held = shoppers[1].http.post(
            "/api/v1/reservations/",
            json={"performance_id": sale.performance_id, "seat_ids": sale.seat_ids[1:2]},
        )
        assert held.status_code == 503
        assert held.headers["Content-Type"] == "application/problem+json"
        assert int(held.headers["Retry-After"]) >= 1
    purchases = [first]
    for number, shopper in enumerate(shoppers[1:], start=1):
        bought = shopper.buy(sale.performance_id, [sale.seat_ids[number]])
        assert isinstance(bought, FanPurchase), bought.text
        purchases.append(bought)
    facts = collect(site, sale, shoppers, purchases, kafka_records, points=POINTS)
    assert violations(facts, repeats_allowed=True) == []


def test_afterwards_every_part_is_well(site: Site):
    token = {"Authorization": f"Bearer {site.env['OPS_TOKEN']}"}

    def unwell() -> dict:
        report = site.http(headers=token).get("/healthz/ready").json()
        return {name: part for name, part in report["parts"].items() if part["state"] != "ok"}

    await_that(lambda: not unwell(), "every part says ok", seconds=30)
