"""Endpoints of integrators, events for them, and turns of sending."""

import base64
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group

from events.cloudevents import Event
from events.consumers import apply_many
from kernel import clock
from kernel.ids import uuid7
from tests.support import factories
from tests.support.small_server import served
from webhooks import policy
from webhooks.consumers import webhooks
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.queries import EndpointDetail, WebhookOwner
from webhooks.usecases import endpoints, sending

TYPE = "payment.paid"


@dataclass
class Hook:
    """A receiver: what came, and what it replies next (status, headers, body), then 200."""

    url: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    replies: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)

    def replies_with(self, *statuses: int) -> None:
        self.replies = [(status, {}, b"") for status in statuses]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.taken]


@contextmanager
def hook() -> Iterator[Hook]:
    """Serve a receiver of webhooks."""
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.taken.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status, headers, reply = found.replies.pop(0) if found.replies else (200, {}, b"")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *args: Any) -> None:
            pass

    with served(Handler) as url:
        found.url = url
        yield found


def integrator() -> WebhookOwner:
    """Make a person of the group integrator."""
    user = factories.make_user()
    user.groups.add(Group.objects.get(name="integrator"))
    return WebhookOwner(user_id=user.pk)


def register(
    url: str, *types: str, owner: WebhookOwner | None = None, now: datetime | None = None
) -> EndpointDetail:
    """Register an endpoint that is a minute old."""
    return endpoints.register(
        owner=owner or integrator(),
        url=url,
        event_types=types or (TYPE,),
        now=(now or clock.now()) - timedelta(minutes=1),
    )


def event(type_: str = TYPE, *, time: datetime | None = None, **data: object) -> Event:
    return Event(uuid7(), "/frontrow/payments", type_, "subject", time or clock.now(), data)


def apply(*events: Event, now: datetime | None = None) -> list[Event]:
    """Let the consumer group apply events that come together."""
    apply_many(webhooks, events, now=now or clock.now())
    return list(events)


def send(*, now: datetime | None = None) -> None:
    """Have one process send what is due at a moment at which the clock stands still."""
    moment = now or clock.now()
    with ThreadPoolExecutor(policy.THREADS) as pool:
        turn = sending.SendingTurn(pool, now=lambda: moment)
        turn.claim(seconds=60)
        turn.finish()


def delivery() -> WebhookDelivery:
    return WebhookDelivery.objects.get()


def endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    return WebhookEndpoint.objects.get(pk=endpoint_id)


def signatures(headers: dict[str, str]) -> list[str]:
    return headers["webhook-signature"].split()


def is_signed(headers: dict[str, str], body: bytes, secret: str | None) -> bool:
    """Verify as the specification has it, with code of the test's own."""
    assert secret is not None
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, content, sha256).digest()).decode()
    return wanted in signatures(headers)


def document(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    return found
