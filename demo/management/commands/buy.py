"""`manage.py buy`: one whole purchase over HTTP, with every request and response shown."""

import getpass
import json
import os
import time
from contextlib import closing
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo.site import Site, SiteResponse, SiteUnavailable, free_seats

SHOWN_CHARACTERS = 700
LONGEST_PAUSE_SECONDS = 5.0
HOLD_TRIES = 5


class Command(BaseCommand):
    """Buy seats as a fan does."""

    help = (
        "Walk one fan through login, waiting room, seat map, hold, payment and tickets over HTTP. "
        "Exit code 1: the site refused a step; 2: it can't be reached or the concert isn't there."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what it takes."""
        parser.add_argument("--concert", required=True, help="id, or words of its title")
        parser.add_argument("--fan", required=True, help="e-mail address")
        parser.add_argument("--seats", type=int, default=2, help="how many (default 2)")
        parser.add_argument("--base-url", default=settings.FRONTROW_URL, help="where the site is")
        parser.add_argument("--wait", type=int, default=600, help="seconds to wait for admission")
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
        parser.add_argument(
            "--give-back",
            action="store_true",
            help="cancel it at the end",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Go the whole way."""
        self.quiet = options["json"]
        try:
            self.site = Site(options["base_url"])
            with closing(self.site):
                result = self._buy(options)
        except SiteUnavailable as error:
            raise CommandError(str(error), returncode=2) from None
        if self.quiet:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
        else:
            self.stdout.write(f"\nDone: {result['seats']} paid, {len(result['tickets'])} tickets.")

    def _buy(self, options: dict[str, Any]) -> dict[str, Any]:
        performance = self._find(options["concert"])
        self._log_in(options["fan"])
        token = None
        if performance["queue_required"]:
            token = self._queue(performance["id"], options["wait"])
        held = self._hold(performance["id"], options["seats"], token)
        self._top_up(held["amount"]["amount"])
        paid = self._step(
            "Pay by points",
            "POST",
            "/api/v1/payments/",
            {"reservation_id": held["id"], "method": "POINTS"},
            idempotent=True,
        )
        tickets = self._step("Tickets", "GET", f"/api/v1/reservations/{held['id']}/tickets/")
        shown = tickets["results"] if isinstance(tickets, dict) else tickets
        if options["give_back"]:
            path = f"/api/v1/reservations/{held['id']}/cancel/"
            self._step("Give them back", "POST", path, {}, idempotent=True)
        return {
            "performance_id": performance["id"],
            "reservation_id": held["id"],
            "payment_id": paid["id"],
            "status": paid["status"],
            "seats": [f"{s['section']}-{s['row']}-{s['number']}" for s in held["seats"]],
            "amount": held["amount"],
            "tickets": [ticket["code"] for ticket in shown],
        }

    def _find(self, concert: str) -> dict[str, Any]:
        found = self._step("Find the concert", "GET", f"/api/v1/concerts/?search={quote(concert)}")
        ids = [row["id"] for row in found["results"]] or [concert]
        path = f"/api/v1/concerts/{quote(ids[0], safe='')}/performances/"
        performances = self._step("Its performances", "GET", path, absent=f"no concert {concert}")
        for performance in performances["results"]:
            if performance["sale_state"] in ("ON_SALE", "PRESALE_QUEUE"):
                return dict(performance)
        raise CommandError("no performance of it can be bought now", returncode=2)

    def _log_in(self, fan: str) -> None:
        password = os.environ.get("FRONTROW_PASSWORD") or getattr(settings, "DEMO_PASSWORD", None)
        body = {"email": fan, "password": password or getpass.getpass()}
        login = self._step("Log in", "POST", "/_allauth/app/v1/auth/login", body, secret=True)
        self.site.access_token = login["meta"]["access_token"]

    def _queue(self, performance_id: str, patience: int) -> str:
        path = f"/api/v1/performances/{performance_id}/queue/"
        place = self._step("Join the waiting room", "POST", path, {})
        deadline = time.monotonic() + patience
        while place["state"] == "WAITING":
            if time.monotonic() > deadline:
                raise CommandError(f"not admitted within {patience} s", returncode=1)
            time.sleep(min(place["poll_after_seconds"], LONGEST_PAUSE_SECONDS))
            headers = {"X-Queue-Token": place["token"]}
            place = self._step("Poll", "GET", path + "me/", headers=headers)
        if place["state"] != "ADMITTED":
            raise CommandError(f"the waiting room says {place['state']}", returncode=1)
        return str(place["pass"])

    def _hold(self, performance_id: str, count: int, token: str | None) -> dict[str, Any]:
        """Hold free seats; others where somebody was quicker (what is free is up to 1 s old)."""
        base = f"/api/v1/performances/{performance_id}/"
        seat_map = self._step("Seat map", "GET", base + "seatmap/")
        headers = {"X-Queue-Token": token} if token else {}
        gone: set[str] = set()
        for _ in range(HOLD_TRIES):
            free = self._step("Which seats are free", "GET", base + "availability/")
            seats = free_seats(seat_map, free["statuses"], count, taken=gone)
            if len(seats) < count:
                raise CommandError(f"only {len(seats)} seats are free", returncode=1)
            held: dict[str, Any] = self._step(
                "Hold",
                "POST",
                "/api/v1/reservations/",
                {"performance_id": performance_id, "seat_ids": seats},
                headers=headers,
                idempotent=True,
                unless="seat_taken",
            )
            if "code" not in held:
                return held
            gone.update(held["seat_ids"])
        raise CommandError(f"others were quicker {HOLD_TRIES} times", returncode=1)

    def _top_up(self, needed: int) -> None:
        balance = self._step("Points", "GET", "/api/v1/points/")["balance"]["amount"]
        if balance < needed:
            body = {"amount": max(10_000, needed - balance)}
            self._step("Charge points", "POST", "/api/v1/points/charges/", body, idempotent=True)

    def _step(
        self,
        title: str,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        headers: dict[str, str] | None = None,
        idempotent: bool = False,
        secret: bool = False,
        unless: str = "",
        absent: str = "",
    ) -> Any:
        """Send one request, show it and return the response's body.

        A refusal ends the purchase, except the one whose code is `unless`. A 404 ends it with the
        text `absent`, where that is given.
        """
        sent = dict(headers or {})
        if idempotent:
            sent["Idempotency-Key"] = str(uuid4())
        response = self.site.send(method, path, body, sent)
        self._show(title, method, path, None if secret else body, response)
        if response.status == 404 and absent:
            raise CommandError(absent, returncode=2)
        if response.status >= 400 and (not unless or response.code != unless):
            refusal = f"{title}: {response.status} {response.reason}"
            raise CommandError(refusal, returncode=1)
        return response.body

    def _show(
        self,
        title: str,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        response: SiteResponse,
    ) -> None:
        if self.quiet:
            return
        sent = f" {json.dumps(body, ensure_ascii=False)}" if body else ""
        self.stdout.write(f"\n{self.style.MIGRATE_HEADING(title)}\n  {method} {path}{sent}")
        text = json.dumps(response.body, ensure_ascii=False, indent=2)
        if len(text) > SHOWN_CHARACTERS:
            text = text[:SHOWN_CHARACTERS] + f"\n… {len(text):,} characters in all"
        indented = text.replace("\n", "\n  ")
        self.stdout.write(f"  -> {response.status} in {response.milliseconds:.0f} ms\n  {indented}")
