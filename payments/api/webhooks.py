"""The view of the gateway's webhooks.

Note [Signed webhooks pass]
A gateway sends from few client IPs, and sends all that it has kept back at once, so the limit of
callers without a login would refuse it, and its retries too. What it has signed counts by a limit
of its own, and is not refused because its client IP is spent; what nobody has signed is anybody's
call, and counts for three once it is refused (Note [Counted first]).
"""

from functools import partial
from io import BytesIO
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kernel import clock
from kernel.caller import Sender
from kernel.http import body_limits
from kernel.rate_limiting import throttle
from payments.api.shared import problem
from payments.usecases import notices

PATH = "/api/v1/webhooks/payments/"
_ROUTE = "webhook"


class PaymentWebhooksView(APIView):
    """What the gateway says by itself; its signature over the raw bytes is all that is believed."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="webhooks_payments",
        tags=["payments"],
        request=None,  # the gateway's own form: bytes, until their signature is checked
        responses={
            200: None,
            401: problem("webhook_invalid"),
            429: problem("rate_limited"),
            503: problem("busy", "service_unavailable"),
        },
    )
    def post(self, request: Request) -> Response:
        """Receive a signed webhook of the payment gateway; the same again changes nothing."""
        now = clock.now()
        headers = {name.lower(): value for name, value in request.headers.items()}
        notices.receive(
            headers=headers,
            body=request._request.body,
            now=now,
            count=partial(_count, request.META),
        )
        return Response(status=200)


def sender_in(environ: dict[str, Any]) -> Sender | None:
    """Return the gateway that has signed the webhook of an environment, whose body stays readable.

    None for all other requests (Note [Signed webhooks pass]).
    """
    if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST":
        return None
    if body_limits.is_too_large(environ):
        return None
    length = environ.get("CONTENT_LENGTH") or "0"
    body = environ["wsgi.input"].read(int(length)) if length.isdecimal() else b""
    environ["wsgi.input"] = BytesIO(body)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    gateway = notices.sender_of(headers=headers, body=body, now=clock.now())
    return None if gateway is None else Sender(gateway)


def _count(environ: dict[str, Any], gateway: str) -> None:
    counted = throttle.count_sender(environ, _ROUTE, Sender(gateway))
    if counted.wait is not None:
        raise Throttled(counted.wait)
