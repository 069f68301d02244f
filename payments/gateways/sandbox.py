"""The adapter of the sandbox: Toss Payments, with two differences.

The sandbox makes an order's page itself, so no script is needed and nobody can open one for another
amount; and it can approve an order without a page (`payments/sandbox/README.md`).
"""

from payments.gateways.gateway import Checkout, GatewayOrder, NotSent, OutcomeUnknown
from payments.gateways.http import GatewayReply
from payments.gateways.toss import TossGateway, shown_name
from payments.gateways.toss_documents import number_of, takes


class SandboxGateway(TossGateway):
    """The sandbox in place of Toss Payments; it moves no money."""

    name = "sandbox"

    def open(self, order: GatewayOrder, *, return_url: str) -> Checkout:
        """Have the sandbox make the order's page. Raises NotSent."""
        reply = self._create(
            "open",
            "/v1/payments",
            order,
            orderName=shown_name(order),
            successUrl=return_url,
            failUrl=return_url,
        )
        checkout = reply.document.get("checkout")
        url = checkout.get("url") if isinstance(checkout, dict) else None
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise NotSent("no page")
        return Checkout(url=url, payment_key=_payment_key(reply))

    def approve_at_once(self, order: GatewayOrder) -> str:
        """Have the sandbox agree in the fan's place. Raises NotSent."""
        return _payment_key(self._create("approve", "/v1/sandbox/approvals", order))

    def _create(self, call: str, path: str, order: GatewayOrder, **more: str) -> GatewayReply:
        """Create the order there; nothing is charged by it, so a failure charges nothing."""
        money = order.amount
        if not takes(money.currency):
            raise NotSent(f"no payments in {money.currency}")
        body = {"orderId": order.order_id, "amount": number_of(money), "currency": money.currency}
        try:
            reply = self._http.act(call, path, body | more, key=None)
        except OutcomeUnknown as error:
            raise NotSent(f"no order was made for us: {error}") from error
        if not reply.is_success:
            raise NotSent(str(self._refusal(reply)))
        return reply


def _payment_key(reply: GatewayReply) -> str:
    key = reply.document.get("paymentKey")
    if not isinstance(key, str) or not 1 <= len(key) <= 200:
        raise NotSent("no payment key")
    return key
