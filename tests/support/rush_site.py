"""A site that speaks what a rehearsal's client needs, in one process, and misbehaves on request."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from tests.support.small_server import served

PERFORMANCE = "019aa2f0-0000-7000-8000-000000000101"
PRICE = 1000
HOLD_SECONDS = 300


@dataclass
class RushSite:
    """One sale; every seat has one owner unless `oversells`."""

    seats: int = 10
    oversells: bool = False
    believes_everybody: bool = False  # accepts forged logins and passes
    forgets_keys: bool = False  # a request sent again is carried out again
    hangs_up_on: int = 0  # so many holds get no answer, although they are carried out
    busy_on: int = 0  # so many holds get 503
    declines: bool = False  # payments fail
    lets_pay_late: bool = False  # pays for what nobody holds any more
    stays_open: int = 0  # so many looks at a payment by card show PROCESSING before it is PAID
    in_progress_on: int = 0  # so many payments get 409: the key is in use
    is_mute: bool = False  # joins get no answer until the client hangs up
    url: str = ""
    logins: set[str] = field(default_factory=set)  # the Authorization fields that are genuine
    owners: dict[str, str] = field(default_factory=dict)
    sold: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    keys: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    holds: dict[str, list[str]] = field(default_factory=dict)
    gone: dict[str, list[str]] = field(default_factory=dict)  # holds that were given up
    cards: dict[str, dict[str, str]] = field(default_factory=dict)  # attempts by their key
    calls: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()

    @property
    def port(self) -> int:
        return urlsplit(self.url).port

    def ids(self) -> list[str]:
        return [f"seat-{number}" for number in range(self.seats)]

    def answer(self, method: str, path: str, headers: Any, body: Any) -> tuple[int, Any]:
        """Return status and document; a status of 0 hangs up, a text leads there."""
        if path.startswith("/checkout/"):
            return self._page(method, path.rpartition("/")[2], body)
        if path == "/api/v1/concerts/":
            return 200, {"results": []}
        if path.endswith("seatmap/"):
            return 200, self._map()
        if path.endswith("availability/"):
            return 200, {"statuses": "".join(map(self._letter, self.ids()))}
        if path.endswith("queue/") and method == "GET":
            return 200, {"waiting": 0, "active": 1, "serving": 5, "as_of": "2026-12-01T11:05:00Z"}
        login = headers.get("Authorization", "")
        if login not in self.logins:
            return (201, _place(1)) if self.believes_everybody else (401, {})
        if path.endswith("queue/"):
            return 201, _place(self.numbers.setdefault(login, len(self.numbers) + 1))
        if path.endswith("queue/me/"):
            return 404, {}
        if method == "DELETE":
            self._free(path.split("/")[-2])
            return 204, None
        if method == "GET" or path.endswith("/abandon/"):
            return self._look(path)
        return self._keyed(path, headers, body)

    def _look(self, path: str) -> tuple[int, Any]:
        id_ = path.split("/")[4]
        if path.endswith("tickets/"):
            seats = [seat for seat, owner in self.sold.items() if owner == id_]
            return 200, {"results": [{"seat": {"id": s}, "status": "VALID"} for s in seats]}
        if "/payments/" in path:
            [attempt] = [one for one in self.cards.values() if one["id"] == id_]
            if path.endswith("abandon/"):
                attempt["status"] = "FAILED"
            elif attempt["status"] == "PROCESSING":
                self._go_on(attempt)
            return 200, self._payment(attempt["id"], attempt["reservation"], attempt["status"])
        if id_ in self.gone:
            return 200, {"status": "RELEASED"}
        return 200, {"status": "CONFIRMED" if id_ in self.sold.values() else "PENDING"}

    def _go_on(self, attempt: dict[str, str]) -> None:
        """Come one look nearer to the outcome of a payment by card."""
        self.stays_open -= 1
        attempt["status"] = "PROCESSING" if self.stays_open >= 0 else "PAID"
        if attempt["status"] == "PAID":
            reservation = attempt["reservation"]
            self.sold |= dict.fromkeys(self.holds[reservation], reservation)

    def _page(self, method: str, key: str, body: Any) -> tuple[int, Any]:
        attempt = self.cards[key]
        if method == "GET":
            return 200, {"page": attempt["id"]}
        attempt["pressed"] = body["action"]
        way = f"?paymentKey={key}" if body["action"] == "approve" else "?code=NO"
        return 303, f"{self.url}/{way}"

    def _keyed(self, path: str, headers: Any, body: Any) -> tuple[int, Any]:
        key = headers.get("Idempotency-Key")
        if key in self.keys and not self.forgets_keys:
            return self.keys[key]
        if path.endswith("payments/") and self.in_progress_on:
            self.in_progress_on -= 1
            return 409, {"code": "idempotency_in_progress"}
        if path.endswith("payments/") and body["method"] == "CARD":
            found = self._begin(body["reservation_id"])
        elif path.endswith("confirm/"):
            attempt = self.cards[body["payment_key"]]
            self._go_on(attempt)
            found = 200, self._payment(attempt["id"], attempt["reservation"], attempt["status"])
        elif path.endswith("payments/"):
            found = self._pay(body["reservation_id"])
        elif headers.get("X-Queue-Token") != "pass-1" and not self.believes_everybody:
            return 403, {"code": "queue_token_required"}
        elif self.busy_on:
            self.busy_on -= 1
            return 503, {"code": "busy"}
        else:
            found = self._hold(body["seat_ids"])
        if key:
            self.keys[key] = found
        if found[0] == 201 and path.endswith("reservations/") and self.hangs_up_on:
            self.hangs_up_on -= 1
            return 0, None
        return found

    def _letter(self, seat: str) -> str:
        if self.oversells:
            return "A"
        return "R" if seat in self.sold else "T" if seat in self.owners else "A"

    def _hold(self, seats: list[str]) -> tuple[int, Any]:
        if any(seat in self.owners for seat in seats) and not self.oversells:
            return 409, {"code": "seat_taken"}
        made = str(uuid4())
        self.owners |= dict.fromkeys(seats, made)
        self.holds[made] = seats
        amount = {"amount": PRICE * len(seats), "currency": "KRW"}
        expires_at = (datetime.now(UTC) + timedelta(seconds=HOLD_SECONDS)).isoformat()
        return 201, {"id": made, "amount": amount, "expires_at": expires_at}

    def _begin(self, reservation: str) -> tuple[int, Any]:
        attempt = {"id": str(uuid4()), "reservation": reservation, "status": "REQUIRES_ACTION"}
        key = f"key-{attempt['id']}"
        self.cards[key] = attempt
        document = self._payment(attempt["id"], reservation, attempt["status"])
        return 201, document | {"checkout_url": f"{self.url}/checkout/{key}"}

    def _payment(self, id_: str, reservation: str, status: str) -> dict[str, Any]:
        seats = self.holds.get(reservation, self.gone.get(reservation, []))
        amount = {"amount": PRICE * len(seats), "currency": "KRW"}
        return {"id": id_, "status": status, "amount": amount}

    def _pay(self, reservation: str) -> tuple[int, Any]:
        if reservation in self.gone and not self.lets_pay_late:
            return 409, {"code": "reservation_not_payable"}
        if not self.declines and reservation in self.holds:
            self.sold |= dict.fromkeys(self.holds[reservation], reservation)
        status = "FAILED" if self.declines else "PAID"
        return 201, self._payment(str(uuid4()), reservation, status)

    def _free(self, reservation: str) -> None:
        self.gone[reservation] = self.holds.pop(reservation, [])
        for seat in self.gone[reservation]:
            self.owners.pop(seat, None)

    def _map(self) -> dict[str, Any]:
        seats = [
            {"id": seat, "number": str(n), "index": n, "x": float(n), "y": 0.0}
            for n, seat in enumerate(self.ids())
        ]
        rows = [{"label": "1", "seats": seats}]
        return {"sections": [{"code": "A", "price": {"amount": PRICE}, "rows": rows}]}


def _place(number: int) -> dict[str, Any]:
    return {
        "number": number, "state": "ADMITTED", "token": "join-1", "pass": "pass-1",
        "poll_after_seconds": 1,
    }  # fmt: skip


def _read(body: bytes) -> Any:
    """Return the JSON or the form of a request."""
    return json.loads(body) if body[:1] in b"{[" else dict(parse_qsl(body.decode()))


@contextmanager
def rush_site(**options: Any) -> Iterator[RushSite]:
    """Serve a site until the block ends."""
    site = RushSite(**options)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _respond(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = _read(self.rfile.read(length)) if length else None
            if site.is_mute and self.command == "POST":
                self.rfile.read(1)
                self.close_connection = True
                return
            with site.lock:
                site.calls.append((self.command, self.path))
                status, document = site.answer(self.command, self.path, self.headers, body)
            if not status:
                self.close_connection = True
                return
            content = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            if status == 303:
                self.send_header("Location", document)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            if status == 503:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self._respond()

        def do_POST(self) -> None:
            self._respond()

        def do_DELETE(self) -> None:
            self._respond()

        def log_message(self, *args: Any) -> None:
            pass

    with served(Handler) as url:
        site.url = url
        yield site
