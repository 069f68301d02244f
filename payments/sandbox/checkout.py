"""The handlers of the sandbox's hosted page: show an order, take the customer's decision."""

import time

from aiohttp import web

from payments.sandbox import pages, refusals
from payments.sandbox.ledger import Ledger
from payments.sandbox.refusals import ApiRefusal
from payments.sandbox.schema import LedgerPayment


class Checkouts:
    """The pages. The payment key is what opens an order's page, as at a real gateway."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def style(self, request: web.Request) -> web.Response:
        """GET /checkout.css."""
        return web.Response(text=pages.STYLE, content_type="text/css")

    async def show(self, request: web.Request) -> web.Response:
        """GET /checkout/{paymentKey}."""
        language = _language(request)
        row = self._find(request)
        if row is None:
            return _page(pages.absent(language=language), None, 404)
        return _page(pages.checkout(row, language=language), row, 200)

    async def decide(self, request: web.Request) -> web.StreamResponse:
        """POST /checkout/{paymentKey} `action`: approve, decline or close, then go back."""
        row = self._find(request)
        if row is None:
            raise refusals.not_found()
        action = (await request.post()).get("action")
        # Agreed a second time, by a double click: the same way back.
        is_open = row.status == "READY" or (row.status == "IN_PROGRESS" and action == "approve")
        if not is_open and action in ("approve", "decline", "close"):
            return _page(pages.checkout(row, language=_language(request)), row, 409)
        match action:
            case "approve":
                return _redirect(self._approve(row))
            case "decline":
                return _redirect(self._decline(row, pages.text("declined", _language(request))))
            case "close":
                words = pages.text("closed", _language(request))
                return _redirect(_failed(row, "PAY_PROCESS_CANCELED", words))
        raise refusals.invalid("action must be approve, decline or close")

    def _approve(self, row: LedgerPayment) -> str:
        with self._ledger.transaction():
            self._ledger.agree(row, now=time.time())
        return pages.with_query(
            row.success_url,
            paymentType="NORMAL",
            paymentKey=row.payment_key,
            orderId=row.order_id,
            amount=str(row.amount),
        )

    def _decline(self, row: LedgerPayment, words: str) -> str:
        with self._ledger.transaction():
            self._ledger.fail(row, "REJECT_CARD_COMPANY", words, now=time.time())
        return _failed(row, "REJECT_CARD_COMPANY", words)

    def _find(self, request: web.Request) -> LedgerPayment | None:
        self._ledger.advance(now=time.time())
        try:
            return self._ledger.payment(request.match_info["key"])
        except ApiRefusal:
            return None


def _failed(row: LedgerPayment, code: str, words: str) -> str:
    return pages.with_query(row.fail_url, code=code, message=words, orderId=row.order_id)


def _language(request: web.Request) -> str:
    return pages.language_of(request.headers.get("Accept-Language", ""))


def _page(html: str, row: LedgerPayment | None, status: int) -> web.Response:
    headers = {
        "Content-Security-Policy": pages.policy(row),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Vary": "Accept-Language",
    }
    return web.Response(text=html, content_type="text/html", headers=headers, status=status)


def _redirect(url: str) -> web.Response:
    return web.Response(status=303, headers={"Location": url, "Cache-Control": "no-store"})
