"""A fan's client: it walks the flow over HTTP and does what a good client does when disturbed.

A request that got no answer, or a 502, 503 or 504, is sent again with the same Idempotency-Key, so
whatever fails in between, the fan ends with an answer. Every other answer is returned as it is.
"""

import time
from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from proof.history.facts import FanPurchase
from tests.support.site import Fan, Site

T = TypeVar("T")
U = TypeVar("U")
AGAIN = {502, 503, 504}


class Shopper:
    """One fan with one connection."""

    def __init__(self, site: Site, fan: Fan, *, patience: float = 60) -> None:
        self.fan = fan
        self.http = site.http(fan.access_token)
        self._patience = patience

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request, again where a part of the site failed to answer it."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                answer = self.http.request(method, f"/api/v1{path}", **options)
                if answer.status_code not in AGAIN and not _in_progress(answer):
                    return answer
                pause = min(float(answer.headers.get("Retry-After", 0.2)), 1)
            except httpx.TransportError:
                answer, pause = None, 0.1
            assert time.monotonic() < deadline, f"{method} {path}: {answer and answer.text}"
            time.sleep(pause)

    def balance(self) -> int:
        return self.send("GET", "/points/").json()["balance"]["amount"]

    def join(self, performance_id: str) -> dict[str, Any]:
        """Take a place in the waiting room and poll until admitted; return the last answer."""
        path = f"/performances/{performance_id}/queue/"
        place = self.send("POST", path)
        assert place.status_code in {200, 201}, place.text
        deadline = time.monotonic() + self._patience
        while place.json()["state"] == "WAITING":
            assert time.monotonic() < deadline, f"not admitted: {place.json()}"
            time.sleep(min(place.json()["poll_after_seconds"], 1))
            place = self.send("GET", f"{path}me/", headers={"X-Queue-Token": place.json()["token"]})
            assert place.status_code == 200, place.text
        assert place.json()["state"] == "ADMITTED", place.text
        return place.json()

    def hold(
        self, performance_id: str, seat_ids: Sequence[str], *, token: str | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid4())}
        if token:
            headers["X-Queue-Token"] = token
        body = {"performance_id": performance_id, "seat_ids": list(seat_ids)}
        return self.send("POST", "/reservations/", json=body, headers=headers)

    def pay(self, reservation_id: str) -> httpx.Response:
        body = {"reservation_id": reservation_id, "method": "POINTS"}
        headers = {"Idempotency-Key": str(uuid4())}
        return self.send("POST", "/payments/", json=body, headers=headers)

    def buy(
        self, performance_id: str, seat_ids: Sequence[str], *, token: str | None = None
    ) -> FanPurchase | httpx.Response:
        """Hold and pay; return the purchase, or the first answer that refused it."""
        held = self.hold(performance_id, seat_ids, token=token)
        if held.status_code != 201:
            return held
        reservation = held.json()
        paid = self.pay(reservation["id"])
        if paid.status_code != 201 or paid.json()["status"] != "PAID":
            return paid
        return FanPurchase(
            user_id=self.fan.user_id,
            reservation_id=reservation["id"],
            seat_ids=tuple(seat["id"] for seat in reservation["seats"]),
            amount=reservation["amount"]["amount"],
        )

    def tickets(self, reservation_id: str) -> list[tuple[str, str]]:
        """Return (reservation id, seat id) of each valid ticket of a reservation."""
        answer = self.send("GET", f"/reservations/{reservation_id}/tickets/")
        assert answer.status_code == 200, answer.text
        found = answer.json()
        rows = found["results"] if isinstance(found, dict) else found
        return [(reservation_id, row["seat"]["id"]) for row in rows if row["status"] == "VALID"]


def _in_progress(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and answer.json()["code"] == "idempotency_in_progress"
