"""Which gateway a process uses is said by its settings, and its connections are its own."""

import os
import secrets

import pytest

from kernel import clock
from kernel.money import Money
from payments import gateways
from payments.gateways import selection
from payments.gateways.gateway import GatewayOrder, MoneyState, NotSent
from payments.gateways.sandbox import SandboxGateway
from payments.gateways.toss import TossGateway
from payments.health import gateway_part
from tests.support.desks import built_by_settings, sandbox_gateway
from tests.support.sandbox import SECRET, Sandbox, new_order_id


@pytest.fixture(autouse=True)
def _built_here():
    with built_by_settings():
        yield


def configure(settings, adapter: str, url: str) -> None:
    settings.PAYMENT_GATEWAY, settings.PAYMENT_GATEWAY_URL = adapter, url
    settings.PAYMENT_GATEWAY_SECRET = SECRET


def new_order() -> GatewayOrder:
    return GatewayOrder(new_order_id(), secrets.token_hex(32), Money(50_000), "points")


def test_without_a_gateway_there_is_none(settings):
    settings.PAYMENT_GATEWAY = "none"
    assert gateways.current() is None


@pytest.mark.parametrize(("adapter", "kind"), [("toss", TossGateway), ("sandbox", SandboxGateway)])
def test_settings_name_the_adapter_and_it_is_made_once(settings, adapter, kind):
    configure(settings, adapter, "http://127.0.0.1:1")
    gateway = gateways.current()
    assert type(gateway) is kind
    assert gateways.current() is gateway
    settings.PAYMENT_GATEWAY_SECRET = "another"
    assert gateways.current() is not gateway


def test_readiness_says_what_the_gateway_is_like(settings, monkeypatch):
    def part():
        return gateway_part(now=clock.now())

    settings.PAYMENT_GATEWAY = "none"
    assert part().state == "off"
    configure(settings, "sandbox", "http://127.0.0.1:1")
    assert part().state == "ok"
    monkeypatch.setattr(gateways.current()._http._breaker, "_open", True)
    assert part().state == "warning"


def test_a_forked_process_opens_connections_of_its_own(settings):
    configure(settings, "sandbox", "http://127.0.0.1:1")
    gateways.current()
    child = os.fork()
    if child == 0:
        os._exit(selection._built.cache_info().currsize)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert selection._built.cache_info().currsize == 1


def test_a_charge_needs_no_page_at_the_sandbox(settings, tmp_path):
    with Sandbox(tmp_path) as server:
        configure(settings, "sandbox", server.url)
        gateway, order = gateways.current(), new_order()
        key = gateways.approve_at_once(gateway, order)
        assert gateways.approve_at_once(gateway, order) == key
        assert gateway.confirm(order, payment_key=key).state is MoneyState.CAPTURED
        assert server.captured(order.order_id) == [50_000]
    with pytest.raises(NotSent):
        gateways.approve_at_once(sandbox_gateway("http://127.0.0.1:1"), new_order())


def test_nowhere_else_and_not_where_settings_forbid_it(settings):
    configure(settings, "toss", "http://127.0.0.1:1")
    assert gateways.approve_at_once(gateways.current(), new_order()) is None
    settings.CHARGES_APPROVED_AT_ONCE = False
    configure(settings, "sandbox", "http://127.0.0.1:1")
    assert gateways.approve_at_once(gateways.current(), new_order()) is None
