"""A fan who buys points at the gateway: begins, agrees on its page, and confirms."""

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from drills.site import DrillSite
from kernel.ids import uuid7
from proof.rush.rehearsal import RehearsalFailed

AMOUNT = 5_000
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class BegunCharge:
    """A charge for which the gateway has opened its page."""

    id: str
    page: str
    order_id: str


class PointsBuyer:
    """A new fan of a site; each call is repeated by its own key until the site has done it."""

    def __init__(self, site: DrillSite) -> None:
        words = ("--json", "--prefix", "restore", "--count", "1", "--points", "0")
        printed = site.manage("fans", *words)
        try:
            token = json.loads(printed.splitlines()[0])["access_token"]
        except (ValueError, KeyError, IndexError):
            raise RehearsalFailed("no fan was made") from None
        self._url = f"{site.environment['FRONTROW_URL']}/api/v1/points/charges/"
        self._headers = {"Authorization": f"Bearer {token}"}

    def begin(self, key: str) -> BegunCharge:
        """Begin a charge; the same `key` is the same charge."""
        found = self._post(self._url, {"amount": AMOUNT}, key)
        # One that is paid has neither a page nor an order any more.
        return BegunCharge(found["id"], found.get("checkout_url", ""), found.get("order_id", ""))

    def pay(self, begun: BegunCharge) -> None:
        """Agree on the gateway's page, and bring its key back."""
        reply = httpx.post(
            begun.page, data={"action": "approve"}, timeout=_PATIENCE_SECONDS, trust_env=False
        )
        payment_key = parse_qs(urlsplit(reply.headers.get("location", "")).query)["paymentKey"][0]
        url = f"{self._url}{begun.id}/confirm/"
        status = self._post(url, {"payment_key": payment_key}, str(uuid7()))["status"]
        if status != "PAID":
            raise RehearsalFailed(f"a charge that was paid for is {status}")

    def buy(self, key: str) -> BegunCharge:
        """Begin a charge and pay for it."""
        begun = self.begin(key)
        self.pay(begun)
        return begun

    def _post(self, url: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE_SECONDS
        headers = self._headers | {"Idempotency-Key": key}
        while True:
            reply = httpx.post(
                url, json=body, headers=headers, timeout=_PATIENCE_SECONDS, trust_env=False
            )
            # 503 while its pool finds the new leader; 409 while the first request still runs.
            if reply.status_code not in (409, 503) or time.monotonic() > until:
                found: dict[str, Any] = reply.raise_for_status().json()
                return found
            time.sleep(1.0)
