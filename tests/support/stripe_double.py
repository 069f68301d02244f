"""A gateway with the shape of Stripe Checkout, as a small real HTTP server.

Sessions that redirect, manual capture, forms instead of JSON, minor units, errors within `error`,
webhooks with `Stripe-Signature: t=...,v1=...`. https://docs.stripe.com/api/checkout/sessions
"""

import hmac
import json
import secrets
import threading
import time
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.support.small_server import served

SECRET = "sk_test_double"
WEBHOOK_SECRET = "whsec_of_the_double"


def signature(secret: str, moment: int, body: bytes) -> str:
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, sha256).hexdigest()
    return f"t={moment},v1={digest}"


class StripeDouble:
    """Its sessions and what they did to money."""

    def __init__(self) -> None:
        self.url = ""
        self.webhook_url = ""
        self.sessions: dict[str, dict[str, Any]] = {}
        self.responses: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        self.captures: list[tuple[str, int]] = []
        self.refunds: list[tuple[str, int]] = []
        self.faults: list[str] = []
        self.never = threading.Event()
        self.lock = threading.Lock()

    # --- the API

    def call(self, method: str, path: str, form: dict[str, str], key: str) -> tuple[int, Any]:
        with self.lock:
            if key and (path, key) in self.responses:
                return self.responses[path, key]
            response = self._act(method, path, form)
            if key:
                self.responses[path, key] = response
            return response

    def _act(self, method: str, path: str, form: dict[str, str]) -> tuple[int, Any]:
        match method, path.strip("/").split("/")[1:]:
            case "POST", ["checkout", "sessions"]:
                return 200, self._create(form)
            case "GET", ["checkout", "sessions", session_id] if session_id in self.sessions:
                return 200, self.sessions[session_id]
            case "GET", ["payment_intents", "search"]:
                order_id = form["query"].split("'")[3]
                found = [one for one in self.sessions.values() if one["order"] == order_id]
                return 200, {"data": found}
            case "POST", ["checkout", "sessions", session_id, "capture"]:
                return self._capture(session_id)
            case "POST", ["refunds"]:
                return self._refund(form)
        return error(404, "resource_missing")

    def _create(self, form: dict[str, str]) -> dict[str, Any]:
        session_id = f"cs_test_{secrets.token_hex(12)}"
        self.sessions[session_id] = {
            "id": session_id,
            "object": "checkout.session",
            "order": form["client_reference_id"],
            "client_reference_id": form["client_reference_id"],
            "amount_total": int(form["line_items[0][price_data][unit_amount]"]),
            "currency": form["line_items[0][price_data][currency]"],
            "success_url": form["success_url"],
            "cancel_url": form["cancel_url"],
            "status": "open",
            "intent_status": "requires_payment_method",
            "amount_refunded": 0,
            "captured_at": None,
            "url": f"{self.url}/pay/{session_id}",
        }
        return self.sessions[session_id]

    def _capture(self, session_id: str) -> tuple[int, Any]:
        session = self.sessions.get(session_id)
        if session is None:
            return error(404, "resource_missing")
        if "decline" in self.faults:
            self.faults.remove("decline")
            session["intent_status"], session["status"] = "canceled", "expired"
            return error(402, "card_declined", "card_error")
        if session["intent_status"] != "requires_capture":
            return error(400, "payment_intent_unexpected_state")
        session |= {"intent_status": "succeeded", "captured_at": int(time.time())}
        self.captures.append((session["order"], session["amount_total"]))
        self._announce("payment_intent.succeeded", session)
        return 200, session

    def _refund(self, form: dict[str, str]) -> tuple[int, Any]:
        session, amount = self.sessions[form["payment_intent"]], int(form["amount"])
        if session["amount_refunded"] + amount > session["amount_total"]:
            return error(400, "charge_already_refunded")
        session["amount_refunded"] += amount
        self.refunds.append((session["order"], amount))
        return 200, session

    # --- the customer and the webhooks

    def decide(self, url: str, action: str) -> str:
        """Do what a customer does on the page; returns where the browser goes."""
        session = self.sessions[url.rpartition("/")[2]]
        if action == "approve":
            session |= {"status": "complete", "intent_status": "requires_capture"}
            return session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
        session |= {"status": "expired", "intent_status": "canceled"}
        return session["cancel_url"]

    def _announce(self, kind: str, session: dict[str, Any]) -> None:
        if not self.webhook_url:
            return
        event = {"id": f"evt_{secrets.token_hex(8)}", "type": kind, "created": int(time.time())}
        body = json.dumps(event | {"data": {"object": session}}).encode()
        signed = signature(WEBHOOK_SECRET, int(time.time()), body)
        headers = {"stripe-signature": signed}
        httpx.post(self.webhook_url, content=body, headers=headers, trust_env=False)


def error(status: int, code: str, kind: str = "invalid_request_error") -> tuple[int, Any]:
    return status, {"error": {"type": kind, "code": code, "message": code}}


@contextmanager
def stripe_double():
    """Serve a double; yields it."""
    double = StripeDouble()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = dict(parse_qsl(parts.query)) | dict(parse_qsl(sent))
            if self.headers.get("Authorization") != f"Bearer {SECRET}":
                status, document = error(401, "invalid_api_key")
            else:
                key = self.headers.get("Idempotency-Key", "")
                status, document = double.call(self.command, parts.path, form, key)
            if "hang" in double.faults and self.command == "POST":
                double.faults.remove("hang")
                double.never.wait(30)
                return
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *args: Any) -> None:
            pass

    with served(Handler) as url:
        double.url = url
        yield double
        double.never.set()
