"""Webhooks of the sandbox: signed, delivered at least once, again and again by the retry plan.

Their signature is that of Standard Webhooks (`README.md`), made for each delivery.
"""

import asyncio
import base64
import hmac
import json
import logging
import time
from hashlib import sha256
from typing import Any

import aiohttp

from payments.sandbox.faults import Faults
from payments.sandbox.ledger import Ledger
from payments.sandbox.schema import Delivery

log = logging.getLogger(__name__)
# Minutes between the deliveries of a webhook that nobody took (Toss Payments' plan).
RETRY_PLAN = (1, 4, 16, 64, 256, 1024, 4096)
RECEIVER_SECONDS = 10
AT_ONCE = 8
TICK_SECONDS = 0.1


def signature(secret: str, event_id: str, moment: int, body: bytes) -> str:
    """Return the value of `webhook-signature`."""
    content = f"{event_id}.{moment}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret.encode(), content, sha256)).decode()


class Outbox:
    """The webhooks of the ledger that are still to be delivered."""

    def __init__(self, ledger: Ledger, faults: Faults, *, retry_unit: float) -> None:
        self._connection = ledger.connection
        self._faults = faults
        self._retry_unit = retry_unit

    def due(self, *, now: float) -> list[Delivery]:
        """Return what is due, oldest first."""
        rows = self._connection.execute(
            "SELECT number, event_id, body, tries FROM deliveries WHERE due_at <= ?"
            " ORDER BY due_at, number LIMIT ?",
            [now, AT_ONCE],
        ).fetchall()
        return [one for one in (Delivery(*row) for row in rows) if not self._is_disturbed(one, now)]

    def record(self, delivery: Delivery, *, taken: bool, now: float) -> None:
        """Write down how a delivery went, and when the next is due."""
        tries = delivery.tries + 1
        is_over = taken or tries > len(RETRY_PLAN)
        due_at = None if is_over else now + RETRY_PLAN[tries - 1] * self._retry_unit
        self._connection.execute(
            "UPDATE deliveries SET tries = ?, due_at = ?, done_at = ? WHERE number = ?",
            [tries, due_at, now if taken else None, delivery.number],
        )

    def as_json(self) -> list[dict[str, Any]]:
        """Return every webhook and what became of it."""
        rows = self._connection.execute(
            "SELECT event_id, body, tries, due_at, done_at FROM deliveries ORDER BY number"
        )
        return [
            {
                "id": event_id,
                "order_id": json.loads(body)["data"]["orderId"],
                "tries": tries,
                "due": due_at is not None,
                "taken": done is not None,
            }
            for event_id, body, tries, due_at, done in rows
        ]

    def _is_disturbed(self, delivery: Delivery, now: float) -> bool:
        """Let the faults do their part to a webhook that is delivered for the first time."""
        if delivery.tries:
            return False
        order_id = json.loads(delivery.body)["data"]["orderId"]
        if self._faults.take_for_webhook("webhook_duplicate", order_id):
            self._connection.execute(
                "INSERT INTO deliveries (event_id, body, due_at) VALUES (?, ?, ?)",
                [delivery.event_id, delivery.body, now],
            )
        delayed = self._faults.take_for_webhook("webhook_reorder", order_id)
        if delayed:
            self._connection.execute(
                "UPDATE deliveries SET due_at = ? WHERE number = ?",
                [now + delayed.seconds, delivery.number],
            )
        return delayed is not None


class WebhookSender:
    """Delivers the outbox for as long as the sandbox runs."""

    def __init__(self, ledger: Ledger, outbox: Outbox, *, url: str, secret: str) -> None:
        self._ledger, self._outbox = ledger, outbox
        self._url, self._secret = url, secret

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        limit = aiohttp.ClientTimeout(total=RECEIVER_SECONDS)
        async with aiohttp.ClientSession(timeout=limit) as session:
            while True:
                try:
                    found = await self._pass(session)
                except Exception:
                    log.exception("webhooks")
                    found = False
                if not found:
                    await asyncio.sleep(TICK_SECONDS)

    async def _pass(self, session: aiohttp.ClientSession) -> bool:
        self._ledger.advance(now=time.time())
        due = self._outbox.due(now=time.time()) if self._url else []
        await asyncio.gather(*(self._deliver(session, one) for one in due))
        return bool(due)

    async def _deliver(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        body, moment = delivery.body.encode(), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": delivery.event_id,
            "webhook-timestamp": str(moment),
            "webhook-signature": signature(self._secret, delivery.event_id, moment, body),
        }
        try:
            async with session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                taken = 200 <= response.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("webhook not taken: %r", error)
            taken = False
        self._outbox.record(delivery, taken=taken, now=time.time())
