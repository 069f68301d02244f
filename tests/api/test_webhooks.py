"""Webhook endpoints by API: who may have them, what they show, and what is refused."""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry
from kernel import clock
from kernel.ids import uuid7
from tests.support import factories
from tests.support.concurrency import at_once
from tests.support.hostile import token_of
from tests.support.machines import machine, make_key
from tests.support.webhooks import apply, event, hook, is_signed, send
from webhooks import policy
from webhooks.errors import WebhookEndpointLimit
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.queries import WebhookOwner
from webhooks.usecases import endpoints

ENDPOINTS = "/api/v1/webhook-endpoints/"
BODY = {"url": "https://hooks.example.com/in", "event_types": ["reservation.confirmed"]}


pytestmark = pytest.mark.usefixtures("no_key_missed")


@pytest.fixture
def shop(db_ready):
    """A machine of an integrator."""
    return machine(make_key("webhooks:manage"))


@pytest.fixture
def person(as_fan, db_ready):
    return logged_in("integrator")


def logged_in(*groups):
    client = machine("")
    token = token_of(factories.make_user(), groups=list(groups))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def refusal(response):
    return response.status_code, response.json()["code"]


def made_by(client, **body):
    response = client.post(ENDPOINTS, BODY | body)
    assert response.status_code == 201, response.content
    return response.json()


def test_an_endpoint_is_registered_and_its_secret_shown_once(shop):
    response = shop.post(ENDPOINTS, BODY | {"event_types": ["payment.paid", "payment.paid"]})
    assert response.status_code == 201
    assert "no-store" in response.headers["Cache-Control"]
    made = response.json()
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(secret) == 50
    assert made | {"id": None, "created_at": None} == {
        "id": None,
        "url": BODY["url"],
        "event_types": ["payment.paid"],
        "enabled": True,
        "disabled_by": None,
        "failing_since": None,
        "created_at": None,
        "former_secret_until": None,
    }
    assert shop.get(f"{ENDPOINTS}{made['id']}/").json() == made
    assert shop.get(ENDPOINTS).json()["results"] == [made]
    assert AuditEntry.objects.filter(action="webhooks.register_endpoint").count() == 1


@pytest.mark.parametrize("groups", [["integrator"], ["staff"]])
def test_integrators_and_staff_come_by_their_login(db_ready, groups):
    made_by(logged_in(*groups))


def test_nobody_else_comes_in(db_ready, api):
    assert refusal(machine(make_key("checkins:write")).get(ENDPOINTS)) == (403, "permission_denied")
    assert refusal(logged_in().get(ENDPOINTS)) == (403, "permission_denied")
    assert refusal(logged_in("door").post(ENDPOINTS, BODY)) == (403, "permission_denied")
    assert refusal(api.get(ENDPOINTS)) == (401, "not_authenticated")


def test_an_owner_sees_only_his_own(shop, person):
    mine = made_by(shop)
    place = f"{ENDPOINTS}{mine['id']}/"
    delivery = shop.post(f"{place}ping/").json()
    for other in (person, machine(make_key("webhooks:manage"))):
        assert other.get(ENDPOINTS).json()["results"] == []
        for call in (
            other.get(place),
            other.patch(place, {"enabled": False}),
            other.delete(place),
            other.post(f"{place}rotate-secret/"),
            other.post(f"{place}ping/"),
            other.get(f"{place}deliveries/"),
            other.post(f"{place}deliveries/{delivery['id']}/replay/"),
        ):
            assert refusal(call) == (404, "webhook_endpoint_not_found")
    theirs = made_by(person)
    strange = f"{ENDPOINTS}{theirs['id']}/deliveries/{delivery['id']}/replay/"
    assert refusal(person.post(strange)) == (404, "webhook_delivery_not_found")
    assert shop.get(place).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example.com/",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com:25/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:10.0.0.1]/",
        "https://hooks.example.com/#x",
        "nonsense",
    ],
)
def test_a_url_that_nothing_is_sent_to_is_refused(shop, url):
    response = shop.post(ENDPOINTS, BODY | {"url": url})
    assert refusal(response) == (400, "webhook_url_refused")
    assert response.json()["why"]
    place = f"{ENDPOINTS}{made_by(shop)['id']}/"
    assert refusal(shop.patch(place, {"url": url})) == (400, "webhook_url_refused")


def test_http_and_loopback_are_for_a_developers_machine(shop, settings):
    settings.WEBHOOKS_TO_LOOPBACK = False
    for url in ("http://hooks.example.com/", "http://127.0.0.1/", "https://127.0.0.1/"):
        assert refusal(shop.post(ENDPOINTS, BODY | {"url": url})) == (400, "webhook_url_refused")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": BODY["url"]},
        BODY | {"event_types": []},
        BODY | {"event_types": ["webhook.ping"]},
        BODY | {"event_types": ["nothing"]},
        BODY | {"event_types": "payment.paid"},
        BODY | {"event_types": ["payment.paid"] * 1000},
        BODY | {"secret": "whsec_mine"},
        BODY | {"url": "https://a.example/" + "x" * 500},
        BODY | {"url": None},
    ],
)
def test_a_malformed_endpoint_is_refused(shop, body):
    response = shop.post(ENDPOINTS, body)
    assert response.status_code == 400
    assert not WebhookEndpoint.objects.exists()


def test_an_owner_has_a_bounded_number(shop, monkeypatch):
    monkeypatch.setattr(policy, "ENDPOINTS_PER_OWNER", 2)
    first = made_by(shop)
    made_by(shop)
    response = shop.post(ENDPOINTS, BODY)
    assert refusal(response) == (409, "webhook_endpoint_limit")
    assert response.json()["limit"] == 2
    assert shop.delete(f"{ENDPOINTS}{first['id']}/").status_code == 204
    made_by(shop)


def registered_at_once() -> int:
    owner, now = WebhookOwner(user_id=uuid7()), clock.now()
    outcomes = at_once([lambda: endpoints.register(owner=owner, now=now, **BODY)] * 6)
    refused = [one for one in outcomes if isinstance(one, WebhookEndpointLimit)]
    assert len(refused) + WebhookEndpoint.objects.count() == 6
    return WebhookEndpoint.objects.count()


def test_the_bound_holds_for_calls_at_the_same_moment(db_ready, monkeypatch):
    monkeypatch.setattr(policy, "ENDPOINTS_PER_OWNER", 1)
    assert registered_at_once() == 1


def test_what_is_changed_is_what_was_given(shop):
    made = made_by(shop)
    place = f"{ENDPOINTS}{made['id']}/"
    changed = shop.patch(place, {"event_types": ["points.spent"]}).json()
    assert (changed["url"], changed["event_types"]) == (made["url"], ["points.spent"])
    assert "secret" not in changed
    off = shop.patch(place, {"enabled": False}).json()
    assert (off["enabled"], off["disabled_by"]) == (False, "OWNER")
    assert refusal(shop.post(f"{place}ping/")) == (409, "webhook_endpoint_disabled")
    assert shop.patch(place, {}).json() == off
    on = shop.patch(place, {"enabled": True, "url": "https://b.example/"}).json()
    assert (on["enabled"], on["disabled_by"], on["url"]) == (True, None, "https://b.example/")
    assert shop.patch(place, {"secret": "x"}).status_code == 400


def test_what_staff_disabled_stays_so(shop):
    made = made_by(shop)
    boss = factories.make_user(is_staff=True)
    endpoints.disable(endpoint_ids=[made["id"]], actor_id=boss.pk, reason="floods", now=clock.now())
    place = f"{ENDPOINTS}{made['id']}/"
    assert shop.get(place).json()["disabled_by"] == "STAFF"
    assert refusal(shop.patch(place, {"enabled": True})) == (409, "webhook_endpoint_blocked")


def test_a_removed_endpoint_is_gone_with_its_secrets_and_what_waited(shop):
    made = made_by(shop, event_types=["payment.paid"])
    place = f"{ENDPOINTS}{made['id']}/"
    shop.post(f"{place}ping/")
    assert shop.delete(place).status_code == 204
    assert refusal(shop.get(place)) == (404, "webhook_endpoint_not_found")
    assert refusal(shop.delete(place)) == (404, "webhook_endpoint_not_found")
    assert shop.get(ENDPOINTS).json()["results"] == []
    row = WebhookEndpoint.objects.get()
    assert (row.secret, row.former_secret) == ("", "")
    apply(event())
    assert WebhookDelivery.objects.count() == 1  # the ping
    send()
    assert WebhookDelivery.objects.get().tries == 0


def test_a_whole_life_over_the_api(shop):
    with hook() as receiver:
        made = made_by(shop, url=receiver.url, event_types=["payment.paid"])
        place = f"{ENDPOINTS}{made['id']}/"
        ping = shop.post(f"{place}ping/")
        assert ping.status_code == 202
        assert ping.json()["status"] == "WAITING"
        send(now=clock.now() + timedelta(seconds=1))
        renewed = shop.post(f"{place}rotate-secret/").json()
        assert renewed["secret"] != made["secret"]
        assert renewed["former_secret_until"]
        receiver.replies = [(500, {}, b"out of order")]
        [paid] = apply(event(), now=clock.now())
        send(now=clock.now() + timedelta(seconds=1))
        [second, first] = shop.get(f"{place}deliveries/").json()["results"]
        assert (first["event_type"], first["status"]) == ("webhook.ping", "DELIVERED")
        assert second["event_id"] == str(paid.id)
        assert (second["status"], second["last_status"]) == ("WAITING", 500)
        assert (second["last_response"], second["tries"]) == ("out of order", 1)
        assert second["next_try_at"]
        again = shop.post(f"{place}deliveries/{second['id']}/replay/")
        assert again.status_code == 202
        send(now=clock.now() + timedelta(minutes=1))
        wanted = shop.get(f"{place}deliveries/", {"status": "DELIVERED"}).json()["results"]
        assert [one["id"] for one in wanted] == [second["id"], first["id"]]
        headers, body = receiver.taken[-1]
        assert is_signed(headers, body, renewed["secret"])
        assert is_signed(headers, body, made["secret"])
    assert shop.get(f"{place}deliveries/", {"status": "NONE"}).status_code == 400
    page = shop.get(f"{place}deliveries/", {"page_size": 1}).json()
    assert shop.get(page["next"]).json()["results"] == [wanted[1]]


def test_a_key_of_some_performances_makes_endpoints_of_those(db_ready):
    here = uuid7()
    made = made_by(machine(make_key("webhooks:manage", performances=[here])))
    assert WebhookEndpoint.objects.get(pk=made["id"]).performance_ids == [str(here)]
