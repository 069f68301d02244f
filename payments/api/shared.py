"""What the views of money have in common."""

from drf_spectacular.utils import OpenApiResponse
from rest_framework.views import APIView

from accounts.api.permissions import IsFan
from kernel.http.serializers import ProblemSerializer


def problem(*codes: str) -> OpenApiResponse:
    """Return the documentation of refusals by their codes."""
    return OpenApiResponse(ProblemSerializer, description=", ".join(f"`{code}`" for code in codes))


IDEMPOTENCY = {
    400: problem(
        "validation_failed",
        "malformed_json",
        "idempotency_key_required",
        "idempotency_key_invalid",
        "points_amount_mismatch",
    ),
    401: ProblemSerializer,
    415: ProblemSerializer,
    422: problem("idempotency_key_reused"),
}

CONFIRMING = IDEMPOTENCY | {
    400: problem(
        "validation_failed",
        "malformed_json",
        "idempotency_key_required",
        "idempotency_key_invalid",
        "payment_key_invalid",
    ),
}


class FanView(APIView):
    """What only a fan may do, with his own money."""

    permission_classes = (IsFan,)
