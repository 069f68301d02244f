"""A payment by card through the sandbox against one by points, in processor time.

A card costs two requests (begin, confirm), calls to the gateway and the webhook that it sends.
Counted is what the API and the databases spend on all of that; not the sandbox, and not the
customer on its page. Import once Django is set up.
"""

import os
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from bench.crowd import Crowd
from bench.load_client import Job
from bench.play import Player
from bench.server import API, RunningServer, serve, serve_sandbox
from kernel.ids import uuid7
from payments.models import Payment
from stack.service import HOST, free_ports

AT_MOST = 2.0
CONNECTIONS = 8
_WARM_UP = 20
_WEBHOOK_SECONDS = 60.0


def measure(folder: Path, *, payments: int, rounds: int) -> dict[str, Any]:
    """Return the processor time of payments of both kinds, by turns, and their ratio."""
    crowd = Crowd(2 * (rounds + 1) * max(payments, _WARM_UP) + 4, 1)
    [port] = free_ports(1)
    secret = secrets.token_hex(16)
    os.environ |= {
        "PAYMENT_GATEWAY": "sandbox",
        "PAYMENT_GATEWAY_URL": f"http://{HOST}:{port}",
        "PAYMENT_GATEWAY_SECRET": secret,
        "PAYMENT_WEBHOOK_SECRETS": secret,
    }
    with ExitStack() as stack:
        api = stack.enter_context(serve(API, folder))
        stack.enter_context(serve_sandbox(folder, port, api))
        desk = stack.enter_context(
            httpx.Client(base_url=f"http://{HOST}:{port}", auth=(secret, ""), trust_env=False)
        )
        bench = _Bench(crowd, Player(folder), api, desk)
        bench.by_points(_WARM_UP)
        bench.by_card(_WARM_UP)
        pairs = [(bench.by_points(payments), bench.by_card(payments)) for _ in range(rounds)]
    ratios = sorted(round(card["total"] / points["total"], 2) for points, card in pairs)
    median = ratios[len(ratios) // 2]
    return {
        "payments": payments,
        "by_points_us": pairs[-1][0],
        "by_card_us": pairs[-1][1],
        "ratio": median,
        "ratios": ratios,
        "at_most": AT_MOST,
        "met": median <= AT_MOST,
    }


class _Bench:
    """The servers, and fans of whom each pays once."""

    def __init__(self, crowd: Crowd, player: Player, api: RunningServer, desk: httpx.Client):
        self._crowd, self._player, self._api, self._desk = crowd, player, api, desk

    def by_points(self, number: int) -> dict[str, int]:
        """Return the processor time of a payment in us, by kind of process."""
        held = self._held(number)
        requests = [self._crowd.pay(fan, self._crowd.key(fan)) for fan in held]
        return self._spent(number, lambda: self._play(requests, 201))

    def by_card(self, number: int) -> dict[str, int]:
        """Return the same of a payment by card, from its beginning to its webhook."""
        held = self._held(number)
        requests = [self._crowd.pay(fan, self._crowd.key(fan), method="CARD") for fan in held]

        def pay() -> None:
            self._play(requests, 201)
            self._play([self._confirm(fan) for fan in held], 200)
            self._await_webhooks()

        return self._spent(number, pay)

    def _held(self, number: int) -> list[int]:
        held = list(self._crowd.next_seats(number))
        self._crowd.take_many(held)
        return held

    def _play(self, requests: list[bytes], expected: int) -> None:
        job = Job(self._api.port, requests, CONNECTIONS, once=True)
        self._player.play(job, expected=expected, server=self._api)

    def _spent(self, number: int, work: Callable[[], None]) -> dict[str, int]:
        with self._player.spending(self._api) as spent:
            work()
        found = {name: round(seconds / number * 1e6) for name, seconds in spent.items()}
        return found | {"total": sum(found.values())}

    def _confirm(self, fan: int) -> bytes:
        """Approve a fan's payment on the gateway's page; return the request that comes of it."""
        payment = Payment.objects.get(reservation_id=self._crowd.key(fan))
        page = self._desk.post(payment.checkout_url, data={"action": "approve"})
        back = parse_qs(urlsplit(page.headers["location"]).query)
        return self._crowd.request(
            fan,
            "POST",
            f"/api/v1/payments/{payment.pk}/confirm/",
            body={"payment_key": back["paymentKey"][0]},
            idempotency_key=str(uuid7()),
        )

    def _await_webhooks(self) -> None:
        """Wait until the site has taken all webhooks: they are a part of what a card costs."""
        ends = time.monotonic() + _WEBHOOK_SECONDS
        while not self._are_webhooks_taken():
            if time.monotonic() > ends:
                raise TimeoutError("webhooks are not taken")
            time.sleep(0.05)

    def _are_webhooks_taken(self) -> bool:
        sent = self._desk.get("/sandbox/webhooks").json()["webhooks"]
        return all(one["taken"] for one in sent)
