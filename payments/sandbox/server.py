"""The sandbox's server: routes, the login, and the task that delivers webhooks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from payments.sandbox import reading
from payments.sandbox.api import PaymentsApi
from payments.sandbox.checkout import Checkouts
from payments.sandbox.faults import Faults
from payments.sandbox.ledger import Ledger
from payments.sandbox.options import SandboxOptions
from payments.sandbox.refusals import ApiRefusal
from payments.sandbox.webhooks import Outbox, WebhookSender

LONGEST_BODY = 64 * 1024
_OPEN = ("/checkout", "/healthz/")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(options: SandboxOptions) -> web.Application:
    """Return the application; its ledger is open until it ends."""
    ledger = Ledger(
        options.ledger,
        page_url=options.page_url,
        page_seconds=options.page_seconds,
        confirm_seconds=options.confirm_seconds,
    )
    faults = Faults()
    outbox = Outbox(ledger, faults, retry_unit=options.retry_unit)
    sender = WebhookSender(ledger, outbox, url=options.webhook_url, secret=options.webhook_secret)
    app = web.Application(middlewares=[_envelope(options.secret)], client_max_size=LONGEST_BODY)
    app.add_routes(_payments(PaymentsApi(ledger, faults)))
    app.add_routes(_administration(ledger, faults, outbox))
    app.add_routes(_pages(Checkouts(ledger)))
    app.cleanup_ctx.append(_while_running(ledger, sender))
    return app


def _payments(api: PaymentsApi) -> list[web.RouteDef]:
    return [
        web.post("/v1/payments", api.create),
        web.post("/v1/payments/confirm", api.confirm),
        web.get("/v1/payments/orders/{order_id}", api.by_order),
        web.get("/v1/payments/{key}", api.by_key),
        web.post("/v1/payments/{key}/cancel", api.cancel),
        web.post("/v1/sandbox/approvals", api.approve),
    ]


def _administration(ledger: Ledger, faults: Faults, outbox: Outbox) -> list[web.RouteDef]:
    async def show_ledger(request: web.Request) -> web.Response:
        return web.json_response(ledger.audit())

    async def show_webhooks(request: web.Request) -> web.Response:
        return web.json_response({"webhooks": outbox.as_json()})

    async def show_faults(request: web.Request) -> web.Response:
        return web.json_response({"faults": faults.as_json()})

    async def add_fault(request: web.Request) -> web.Response:
        return web.json_response(faults.add(await reading.body_of(request)), status=201)

    async def clear_faults(request: web.Request) -> web.Response:
        faults.clear()
        return web.Response(status=204)

    return [
        web.get("/sandbox/ledger", show_ledger),
        web.get("/sandbox/webhooks", show_webhooks),
        web.get("/sandbox/faults", show_faults),
        web.post("/sandbox/faults", add_fault),
        web.delete("/sandbox/faults", clear_faults),
    ]


def _pages(checkouts: Checkouts) -> list[web.RouteDef]:
    async def live(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    return [
        web.get("/checkout.css", checkouts.style),
        web.get("/checkout/{key}", checkouts.show),
        web.post("/checkout/{key}", checkouts.decide),
        web.get("/healthz/live", live),
    ]


def _envelope(secret: str) -> Any:
    """Return the middleware that demands the login and shows refusals in the API's shape."""

    @web.middleware
    async def envelope(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if not request.path.startswith(_OPEN):
                reading.check_login(request, secret)
            return await handler(request)
        except ApiRefusal as refusal:
            body = {"code": refusal.code, "message": refusal.message}
            return web.json_response(body, status=refusal.status)

    return envelope


def _while_running(
    ledger: Ledger, sender: WebhookSender
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def running(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(sender.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        ledger.close()

    return running
