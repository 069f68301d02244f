"""Every fault of the sandbox ends as Note [What a gateway said] says, and its ledger agrees."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from kernel import clock
from kernel.money import Money
from payments.gateways.gateway import GatewayOrder, MoneyState, NotSent, OutcomeUnknown
from payments.gateways.sandbox import SandboxGateway
from tests.support.desks import IMPATIENT, close_gateways, sandbox_gateway
from tests.support.sandbox import SECRET, Sandbox, decide, new_order_id
from tests.support.small_server import receiver
from tests.support.waiting import await_that

RETURN_URL = "https://shop.example/back?payment=7"


@pytest.fixture(scope="module")
def hooks():
    with receiver() as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory, hooks):
    with Sandbox(tmp_path_factory.mktemp("sandbox"), webhook_url=hooks.url) as server:
        yield server


@pytest.fixture
def gateway(server):
    server.clear_faults()
    yield sandbox_gateway(server.url)
    close_gateways()


def new_order(amount: int = 50_000) -> GatewayOrder:
    return GatewayOrder(new_order_id(), secrets.token_hex(32), Money(amount), "Hanok, 2 seats")


def outcome_of(gateway: SandboxGateway, order: GatewayOrder, key: str) -> str:
    try:
        return gateway.confirm(order, payment_key=key).state.value
    except NotSent:
        return "NotSent"
    except OutcomeUnknown:
        return "OutcomeUnknown"


FAULTS = [
    # fault, what confirm says, what was captured by then
    ({"kind": "decline"}, "FAILED", []),
    ({"kind": "slow", "seconds": 0.05}, "CAPTURED", [50_000]),
    ({"kind": "slow", "seconds": 60}, "OutcomeUnknown", []),
    ({"kind": "hang", "seconds": 60}, "OutcomeUnknown", [50_000]),
    ({"kind": "reset"}, "OutcomeUnknown", [50_000]),
    ({"kind": "refuse"}, "OutcomeUnknown", []),
    ({"kind": "error", "status": 500}, "OutcomeUnknown", []),
    ({"kind": "error", "status": 503}, "OutcomeUnknown", []),
    ({"kind": "late_approval", "seconds": 60}, "OutcomeUnknown", []),
]


@pytest.mark.parametrize(("fault", "outcome", "captured"), FAULTS, ids=json.dumps)
def test_a_fault_ends_in_its_outcome(server, gateway, fault, outcome, captured):
    order = new_order()
    key = gateway.approve_at_once(order)
    server.fault(**fault, order_id=order.order_id, call="confirm")
    caller = gateway
    if fault.get("seconds") == 60:
        caller = sandbox_gateway(server.url, read_seconds=IMPATIENT)
    assert outcome_of(caller, order, key) == outcome
    await_that(lambda: server.captured(order.order_id) == captured, "what was captured")


@pytest.mark.parametrize("kind", ["hang", "reset"])
def test_what_was_charged_before_the_fault_is_found(server, gateway, kind):
    order = new_order()
    key = gateway.approve_at_once(order)
    server.fault(kind, seconds=60, order_id=order.order_id, call="confirm")
    impatient = sandbox_gateway(server.url, read_seconds=IMPATIENT)
    assert outcome_of(impatient, order, key) == "OutcomeUnknown"
    await_that(lambda: server.captured(order.order_id), "it charged")
    assert gateway.find(order.order_id, payment_key=None).state is MoneyState.CAPTURED
    assert outcome_of(gateway, order, key) == "CAPTURED"
    assert server.captured(order.order_id) == [50_000]


def test_a_late_approval_is_found_once_it_happens(server, gateway):
    order = new_order()
    key = gateway.approve_at_once(order)
    server.fault("late_approval", seconds=2, order_id=order.order_id)
    assert outcome_of(gateway, order, key) == "OutcomeUnknown"

    def state():
        return gateway.find(order.order_id, payment_key=key).state

    # On a machine that stalls it may have happened by now.
    assert state() in (MoneyState.OPEN, MoneyState.CAPTURED)
    await_that(lambda: state() is MoneyState.CAPTURED, "the late capture")
    assert server.captured(order.order_id) == [50_000]


def test_a_burst_of_errors_is_passed_by_a_look_up_and_not_by_a_confirm(server, gateway):
    order = new_order()
    key = gateway.approve_at_once(order)
    server.fault("error", call="find", order_id=order.order_id, times=2)
    assert gateway.find(order.order_id, payment_key=None).state is MoneyState.OPEN
    server.fault("error", call="confirm", order_id=order.order_id, times=1)
    assert outcome_of(gateway, order, key) == "OutcomeUnknown"
    assert outcome_of(gateway, order, key) == "CAPTURED"


def test_a_look_up_that_keeps_failing_is_not_sent(server, gateway):
    order = new_order()
    server.fault("error", call="find", order_id=order.order_id, times=9)
    with pytest.raises(NotSent):
        gateway.find(order.order_id, payment_key=None)


def test_the_same_key_fifty_times_at_once_charges_once(server):
    order = new_order()
    gateway = sandbox_gateway(server.url)
    key = gateway.approve_at_once(order)
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda _: outcome_of(gateway, order, key), range(50)))
    assert set(found) == {"CAPTURED"}
    assert server.captured(order.order_id) == [50_000]
    close_gateways()


def test_a_confirm_by_another_key_after_the_charge_says_what_was_charged(server, gateway):
    order = new_order()
    key = gateway.approve_at_once(order)
    assert outcome_of(gateway, order, key) == "CAPTURED"
    again = GatewayOrder(order.order_id, secrets.token_hex(32), order.amount, order.name)
    assert outcome_of(gateway, again, key) == "CAPTURED"  # ALREADY_PROCESSED_PAYMENT, looked up
    assert server.captured(order.order_id) == [50_000]


def test_an_order_the_fan_has_not_agreed_to_charges_nothing_and_stays_payable(server, gateway):
    order = new_order()
    checkout = gateway.open(order, return_url=RETURN_URL)
    assert outcome_of(gateway, order, checkout.payment_key) == "NotSent"
    decide(checkout.url, "approve")
    later = GatewayOrder(order.order_id, secrets.token_hex(32), order.amount, order.name)
    assert outcome_of(gateway, later, checkout.payment_key) == "CAPTURED"


def test_a_confirm_with_another_amount_charges_nothing(server, gateway):
    order = new_order()
    key = gateway.approve_at_once(order)
    other = GatewayOrder(order.order_id, secrets.token_hex(32), Money(1), order.name)
    assert outcome_of(gateway, other, key) == "NotSent"
    assert server.captured(order.order_id) == []


def test_the_wrong_secret_charges_nothing_and_is_an_error_in_the_log(server, gateway, caplog):
    order = new_order()
    key = gateway.approve_at_once(order)
    stranger = sandbox_gateway(server.url, key="test_sk_wrong")
    for call in (
        lambda: stranger.confirm(order, payment_key=key),
        lambda: stranger.find(order.order_id, payment_key=None),
        lambda: stranger.open(order, return_url=RETURN_URL),
    ):
        caplog.clear()
        with pytest.raises(NotSent):
            call()
        assert [one.levelname for one in caplog.records if one.name.startswith("payments")] == [
            "ERROR"
        ]
    assert server.captured(order.order_id) == []


# --- the ledger


def test_the_ledger_survives_the_sandbox_being_killed(tmp_path, hooks):
    with Sandbox(tmp_path, webhook_url=hooks.url) as server:
        gateway = sandbox_gateway(server.url)
        order, part = new_order(), secrets.token_hex(8)
        key = gateway.approve_at_once(order)
        payment = gateway.confirm(order, payment_key=key)
        gateway.refund(payment, Money(20_000), request_key=part, reason="one seat")
        late, open_order = new_order(7_000), new_order(9_000)
        open_key = gateway.approve_at_once(open_order)
        server.fault("late_approval", seconds=0.1, order_id=late.order_id)
        assert outcome_of(gateway, late, gateway.approve_at_once(late)) == "OutcomeUnknown"
        before = server.ledger()
        server.kill()
        assert outcome_of(gateway, order, key) == "NotSent"
        server.start()
        after = server.ledger()
        assert [one for one in after["captures"] if one["orderId"] == order.order_id] == [
            one for one in before["captures"] if one["orderId"] == order.order_id
        ]
        assert after["refunds"] == before["refunds"]
        assert outcome_of(gateway, order, key) == "CAPTURED"  # the same response again
        gateway.refund(payment, Money(20_000), request_key=part, reason="one seat")
        assert server.refunded(order.order_id) == [20_000]
        assert outcome_of(gateway, open_order, open_key) == "CAPTURED"
        await_that(lambda: server.captured(late.order_id) == [7_000], "the late capture")
    close_gateways()


@pytest.mark.control
def test_control_a_ledger_in_memory_is_lost(tmp_path):
    with Sandbox(tmp_path, ledger=":memory:") as server:
        gateway, order = sandbox_gateway(server.url), new_order()
        assert outcome_of(gateway, order, gateway.approve_at_once(order)) == "CAPTURED"
        server.kill()
        server.start()
        assert server.ledger() == {"captures": [], "refunds": []}
    close_gateways()


def test_the_ledger_lists_every_capture_and_every_refund(server, gateway):
    order = new_order()
    payment = gateway.confirm(order, payment_key=gateway.approve_at_once(order))
    for amount in (10_000, 5_000):
        gateway.refund(payment, Money(amount), request_key=secrets.token_hex(8), reason="a seat")
    ledger = server.ledger()
    [capture] = [one for one in ledger["captures"] if one["orderId"] == order.order_id]
    assert (capture["amount"], capture["currency"]) == (50_000, "KRW")
    refunds = [one for one in ledger["refunds"] if one["orderId"] == order.order_id]
    assert [one["amount"] for one in refunds] == [10_000, 5_000]
    assert len({one["transactionKey"] for one in refunds}) == 2


def test_only_the_secret_opens_the_api_and_the_ledger(server):
    for path in ("/v1/payments/x", "/sandbox/ledger", "/sandbox/faults", "/sandbox/webhooks"):
        for auth in (None, ("test_sk_wrong", ""), ("\udcff", "")):
            headers = {} if auth is None else {"Authorization": b"Basic \xff\xfe"}
            reply = httpx.get(server.url + path, headers=headers, trust_env=False)
            assert (reply.status_code, reply.json()["code"]) == (401, "UNAUTHORIZED_KEY")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"orderId": 7}', b'{"orderId": "short"}', b"[" * 60_000,
     json.dumps({"orderId": "order-1234", "amount": True}).encode(),
     json.dumps({"orderId": "order-1234", "amount": 1.5}).encode(),
     json.dumps({"orderId": "order-1234", "amount": -1}).encode(),
     json.dumps({"orderId": "order-1234", "amount": 1, "currency": "XXX"}).encode()],
)  # fmt: skip
def test_the_sandbox_refuses_malformed_orders(server, body):
    reply = httpx.post(
        f"{server.url}/v1/sandbox/approvals", content=body, auth=(SECRET, ""), trust_env=False
    )
    assert (reply.status_code, reply.json()["code"]) == (400, "INVALID_REQUEST")


# --- webhooks


def ids_of(hooks, order: GatewayOrder) -> list[str]:
    return [h["webhook-id"] for h, body in list(hooks.taken) if order.order_id.encode() in body]


def statuses_of(hooks, order: GatewayOrder) -> list[str]:
    bodies = [json.loads(body)["data"] for _, body in list(hooks.taken)]
    return [data["status"] for data in bodies if data["orderId"] == order.order_id]


def test_a_duplicate_webhook_has_the_same_id(server, gateway, hooks):
    order = new_order()
    server.fault("webhook_duplicate")
    gateway.confirm(order, payment_key=gateway.approve_at_once(order))
    found = await_that(lambda: len(ids_of(hooks, order)) == 2 and ids_of(hooks, order), "two")
    assert len(set(found)) == 1
    for headers, body in hooks.taken:
        if order.order_id.encode() in body:
            gateway.read_webhook(headers, body, now=clock.now())


def test_a_reordered_webhook_comes_behind_its_successor(server, gateway, hooks):
    order = new_order()
    server.fault("webhook_reorder", seconds=0.5)
    payment = gateway.confirm(order, payment_key=gateway.approve_at_once(order))
    await_that(lambda: server._client.get("/sandbox/faults").json()["faults"] == [], "the delay")
    gateway.refund(payment, payment.amount, request_key=secrets.token_hex(8), reason="all")
    await_that(lambda: len(statuses_of(hooks, order)) == 2, "both")
    assert statuses_of(hooks, order) == ["CANCELED", "DONE"]


def test_a_webhook_that_is_not_taken_comes_again_with_the_same_id(server, gateway, hooks):
    order = new_order()
    await_that(lambda: not any(one["due"] for one in server.webhooks()), "nothing waits")
    hooks.statuses[:] = [500, 404, 302]
    gateway.confirm(order, payment_key=gateway.approve_at_once(order))
    found = await_that(lambda: len(ids_of(hooks, order)) == 4 and ids_of(hooks, order), "four")
    assert len(set(found)) == 1

    def event():
        return next(one for one in server.webhooks() if one["id"] == found[0])

    await_that(lambda: event()["taken"], "the fourth is taken")
    expected = {"id": found[0], "order_id": order.order_id, "tries": 4, "due": False, "taken": True}
    assert event() == expected


def test_webhooks_wait_for_a_receiver_over_a_crash_of_the_sandbox(tmp_path):
    with receiver() as hooks:
        server = Sandbox(tmp_path, webhook_url=hooks.url, retry_unit=0.5)
        server.start()
        gateway, order = sandbox_gateway(server.url), new_order()
        hooks.statuses[:] = [503]
        gateway.confirm(order, payment_key=gateway.approve_at_once(order))
        await_that(lambda: hooks.taken, "the first delivery")
        server.kill()
        server.start()
        await_that(lambda: len(ids_of(hooks, order)) >= 2, "the next delivery")
        headers, body = hooks.taken[-1]
        notice = gateway.read_webhook(headers, body, now=clock.now())
        assert notice.order_id == order.order_id
        server.stop()
    close_gateways()


# --- the hosted page


def test_the_page_runs_no_script_and_shows_both_languages(server, gateway):
    order = GatewayOrder(new_order_id(), "k" * 64, Money(50_000), "<script>alert(1)</script>")
    url = gateway.open(order, return_url=RETURN_URL).url
    for language, word in (("ko", "승인"), ("en-GB,ko;q=0.5", "Approve")):
        page = httpx.get(url, headers={"Accept-Language": language}, trust_env=False)
        assert word in page.text
        assert "<script" not in page.text
        assert "50,000 KRW" in page.text
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert policy.endswith("form-action 'self' https://shop.example")


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("approve", {"payment": "7", "amount": "50000"}),
        ("decline", {"payment": "7", "code": "REJECT_CARD_COMPANY"}),
        ("close", {"payment": "7", "code": "PAY_PROCESS_CANCELED"}),
    ],
)
def test_the_page_sends_the_browser_back_with_what_happened(server, gateway, action, wanted):
    order = new_order()
    checkout = gateway.open(order, return_url=RETURN_URL)
    back = decide(checkout.url, action)
    assert back.status_code == 303
    query = dict(httpx.URL(back.headers["location"]).params)
    assert query["orderId"] == order.order_id
    assert {name: query[name] for name in wanted} == wanted
    if action == "approve":
        assert query["paymentKey"] == checkout.payment_key


def test_a_page_opened_twice_for_an_order_is_one_and_never_for_another_amount(server, gateway):
    order = new_order()
    first = gateway.open(order, return_url=RETURN_URL)
    assert gateway.open(order, return_url=RETURN_URL) == first
    other = GatewayOrder(order.order_id, order.request_key, Money(1), order.name)
    with pytest.raises(NotSent):
        gateway.open(other, return_url=RETURN_URL)


def test_a_page_that_was_decided_takes_no_second_decision(server, gateway):
    order = new_order()
    url = gateway.open(order, return_url=RETURN_URL).url
    decide(url, "decline")
    with httpx.Client(trust_env=False) as browser:
        assert browser.post(url, data={"action": "approve"}).status_code == 409
    assert gateway.find(order.order_id, payment_key=None).state is MoneyState.FAILED


def test_captured_at_is_the_moment_of_the_capture(server, gateway):
    order = new_order()
    payment = gateway.confirm(order, payment_key=gateway.approve_at_once(order))
    assert abs(payment.captured_at - clock.now()) < timedelta(seconds=30)
