"""Gateways with what a test needs beside them: a customer, faults, the ledger, webhooks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import pytest

from payments.gateways import selection
from payments.gateways.gateway import Gateway
from payments.gateways.http import GatewayHttp
from payments.gateways.sandbox import SandboxGateway
from tests.support import sandbox, stripe_double
from tests.support.sandbox import Sandbox
from tests.support.small_server import Receiver
from tests.support.stripe_double import StripeDouble
from tests.support.stripe_gateway import StripeGateway

PATIENT, IMPATIENT = 20.0, 0.3  # seconds a gateway may take to reply


class Desk(Protocol):
    """A gateway with its customer and its operator."""

    gateway: Gateway
    receiver: Receiver
    webhook_secret: str

    def with_secrets(self, *secrets: str) -> Gateway: ...
    def unreachable(self) -> Gateway: ...
    def impatient(self) -> Gateway: ...
    def decide(self, url: str, action: str) -> str: ...
    def decline_next(self) -> None: ...
    def hang_next(self) -> None: ...
    def captured(self, order_id: str) -> list[int]: ...
    def refunded(self, order_id: str) -> list[int]: ...


_opened: list[GatewayHttp | StripeGateway] = []


def close_gateways() -> None:
    """Close the connections of every gateway made here."""
    while _opened:
        _opened.pop().close()


@contextmanager
def built_by_settings() -> Iterator[None]:
    """Let the product build the gateways that its settings name; close them at the end."""

    def build(*words: str, **options: float) -> GatewayHttp:
        _opened.append(GatewayHttp(*words, **options))
        return _opened[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "GatewayHttp", build)
        yield
    close_gateways()
    selection._built.cache_clear()


def sandbox_gateway(
    url: str,
    *,
    secrets: tuple[str, ...] = (sandbox.WEBHOOK_SECRET,),
    read_seconds: float = PATIENT,
    key: str = sandbox.SECRET,
) -> SandboxGateway:
    """A gateway on a sandbox, with connections and a breaker of its own."""
    http = GatewayHttp(url, key, name="sandbox", connect_seconds=2, read_seconds=read_seconds)
    _opened.append(http)
    return SandboxGateway(http, client_key="", webhook_secrets=secrets)


class SandboxDesk:
    """Toss Payments, as the sandbox speaks it."""

    webhook_secret = sandbox.WEBHOOK_SECRET

    def __init__(self, server: Sandbox, receiver: Receiver) -> None:
        self.server, self.receiver = server, receiver
        self.gateway = sandbox_gateway(server.url)

    def with_secrets(self, *secrets: str) -> Gateway:
        return sandbox_gateway(self.server.url, secrets=secrets)

    def unreachable(self) -> Gateway:
        return sandbox_gateway("http://127.0.0.1:1")

    def impatient(self) -> Gateway:
        return sandbox_gateway(self.server.url, read_seconds=IMPATIENT)

    def decide(self, url: str, action: str) -> str:
        return sandbox.decide(url, action).headers["location"]

    def decline_next(self) -> None:
        self.server.fault("decline", call="confirm")

    def hang_next(self) -> None:
        self.server.fault("hang", seconds=30)

    def captured(self, order_id: str) -> list[int]:
        return self.server.captured(order_id)

    def refunded(self, order_id: str) -> list[int]:
        return self.server.refunded(order_id)


def _opened_stripe(
    url: str, key: str, secrets: tuple[str, ...], *, read_seconds: float = PATIENT
) -> StripeGateway:
    gateway = StripeGateway(url, key, webhook_secrets=secrets, read_seconds=read_seconds)
    _opened.append(gateway)
    return gateway


class StripeDesk:
    """Another gateway by the same Protocol."""

    webhook_secret = stripe_double.WEBHOOK_SECRET

    def __init__(self, double: StripeDouble, receiver: Receiver) -> None:
        self.double, self.receiver = double, receiver
        double.webhook_url = receiver.url
        self.gateway = self.with_secrets(self.webhook_secret)

    def with_secrets(self, *secrets: str) -> Gateway:
        return _opened_stripe(self.double.url, stripe_double.SECRET, secrets)

    def unreachable(self) -> Gateway:
        return _opened_stripe("http://127.0.0.1:1", "", ())

    def impatient(self) -> Gateway:
        url, key = self.double.url, stripe_double.SECRET
        return _opened_stripe(url, key, (), read_seconds=IMPATIENT)

    def decide(self, url: str, action: str) -> str:
        return self.double.decide(url, action)

    def decline_next(self) -> None:
        self.double.faults.append("decline")

    def hang_next(self) -> None:
        self.double.faults.append("hang")

    def captured(self, order_id: str) -> list[int]:
        return [amount for order, amount in self.double.captures if order == order_id]

    def refunded(self, order_id: str) -> list[int]:
        return [amount for order, amount in self.double.refunds if order == order_id]
