"""Views of the caller's reservations."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsFan
from idempotency.api import OptionallyIdempotentRequest, idempotent
from kernel import clock
from kernel.caller import caller_of, client_ip_of
from kernel.http.pagination import NewestFirst
from kernel.http.serializers import ProblemSerializer, validated
from kernel.ids import uuid7
from kernel.rate_limiting.headers import RATE_LIMIT, RateLimitStatus
from reservations import queries
from reservations.api.serializers import (
    HoldRequestSerializer,
    ReservationFilterSerializer,
    ReservationSerializer,
)
from reservations.operations import ReservationNotFound
from reservations.seating.chooser import Wish
from reservations.usecases import holds

_ID = "01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11"
_SEAT = "01994d2e-7c1a-7a31-8b0e-5d2f4a6c8e10"
_PERFORMANCE = "01994d2e-7c1a-7c55-9e3d-1f2a3b4c5d6e"
_EXAMPLE = {
    "id": _ID,
    "status": "PENDING",
    "performance": {
        "id": _PERFORMANCE,
        "title": "Autumn Night",
        "starts_at": "2026-12-24T10:00:00.000Z",
        "venue": "Jamsil Arena",
    },
    "seats": [
        {
            "id": _SEAT,
            "section": "A",
            "row": "3",
            "number": "12",
            "price": {"amount": 150000, "currency": "KRW"},
            "status": "TEMPORARILY_RESERVED",
        }
    ],
    "amount": {"amount": 150000, "currency": "KRW"},
    "expires_at": "2026-11-21T09:05:00.000Z",
    "extendable_until": "2026-11-21T09:15:00.000Z",
    "payment": None,
}
_TAKEN = {
    "type": "/docs/errors#seat_taken",
    "title": "Conflict",
    "status": 409,
    "detail": "These seats are taken.",
    "instance": "/api/v1/reservations/",
    "code": "seat_taken",
    "seat_ids": [_SEAT],
    "yours": [],
}


class ReservationsView(APIView):
    """Hold seats; list one's reservations."""

    permission_classes = (IsFan,)
    pagination_class = NewestFirst
    throttle_route = {"POST": None}  # the gate counts holds

    @extend_schema(
        operation_id="reservations_list",
        tags=["reservations"],
        summary="List my reservations, newest first",
        parameters=[ReservationFilterSerializer],
        responses={
            200: ReservationSerializer(many=True),
            400: ProblemSerializer,
            401: ProblemSerializer,
            404: ProblemSerializer,
        },
        filters=True,
    )
    def get(self, request: Request) -> Response:
        """List the caller's reservations; a hold whose time has passed shows as EXPIRED."""
        now = clock.now()
        # A plain dict: in a QueryDict an empty value would count as absent.
        wanted = validated(ReservationFilterSerializer, request.query_params.dict())
        rows = queries.mine(user_id=caller_of(request).user_id, now=now, **wanted)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response(
            ReservationSerializer(queries.details(page or [], now=now), many=True).data
        )

    @extend_schema(
        operation_id="reservations_hold",
        tags=["reservations"],
        summary="Hold seats for a few minutes, all of them or none",
        request=HoldRequestSerializer,
        parameters=[
            OpenApiParameter(
                "X-Queue-Token",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="Join token or pass, where the performance requires a queue.",
            )
        ],
        responses={
            201: ReservationSerializer,
            400: ProblemSerializer,
            401: ProblemSerializer,
            403: ProblemSerializer,
            404: ProblemSerializer,
            409: ProblemSerializer,
            422: ProblemSerializer,
            429: ProblemSerializer,
            503: ProblemSerializer,
        },
        examples=[
            OpenApiExample(
                "Two seats",
                request_only=True,
                value={"performance_id": _PERFORMANCE, "seat_ids": [_SEAT]},
            ),
            OpenApiExample(
                "The best two of a grade",
                request_only=True,
                value={
                    "performance_id": _PERFORMANCE,
                    "best_available": {"count": 2, "grade": "R"},
                },
            ),
            OpenApiExample("Held", response_only=True, status_codes=["201"], value=_EXAMPLE),
            OpenApiExample("Taken", response_only=True, status_codes=["409"], value=_TAKEN),
        ],
    )
    @idempotent(required=False, form=HoldRequestSerializer)
    def post(self, request: OptionallyIdempotentRequest) -> Response:
        """Hold the seats.

        403 queue_token_required, queue_token_invalid, queue_not_admitted; 404 seat_not_found,
        performance_not_found; 409 seat_taken, no_seats_match, orphan_seat, seat_limit_exceeded,
        sale_not_open, sale_closed, sale_paused, performance_cancelled; 429 rate_limited,
        hold_backoff; 503 busy.
        """
        wanted, attempt = request.asked, request.idempotency
        limit_status = RateLimitStatus()
        options: dict[str, Any] = {
            "user_id": caller_of(request).user_id,
            "performance_id": wanted["performance_id"],
            "reservation_id": attempt.resource_id if attempt else uuid7(),
            "queue_token": request.headers.get("X-Queue-Token"),
            "now": clock.now(),
            "resumed": bool(attempt and attempt.resumed),
            "keyed": attempt is not None,
            "client_ip": client_ip_of(request._request),
            "limit_status": limit_status,
        }
        best = wanted.get("best_available")
        try:
            if best is None:
                hold = holds.place(seat_ids=wanted["seat_ids"], **options)
            else:
                hold = holds.place_best(wish=Wish(**best), **options)
        finally:
            request.META[RATE_LIMIT] = limit_status.fields
        return Response(ReservationSerializer(hold).data, status=201)


class ReservationView(APIView):
    """One reservation of the caller."""

    permission_classes = (IsFan,)

    @extend_schema(
        operation_id="reservations_retrieve",
        tags=["reservations"],
        summary="Look at my reservation",
        responses={200: ReservationSerializer, 401: ProblemSerializer, 404: ProblemSerializer},
        examples=[OpenApiExample("Held", response_only=True, value=_EXAMPLE)],
    )
    def get(self, request: Request, reservation_id: UUID) -> Response:
        """Return the reservation; another fan's is a 404."""
        found = queries.find(
            reservation_id=reservation_id, user_id=caller_of(request).user_id, now=clock.now()
        )
        if found is None:
            raise ReservationNotFound
        return Response(ReservationSerializer(found).data)

    @extend_schema(
        operation_id="reservations_release",
        tags=["reservations"],
        summary="Give held seats up",
        request=None,
        responses={
            204: None,
            401: ProblemSerializer,
            404: ProblemSerializer,
            409: ProblemSerializer,
            503: ProblemSerializer,
        },
    )
    def delete(self, request: Request, reservation_id: UUID) -> Response:
        """Release the hold; may be repeated. 409 payment_in_progress once money may have moved."""
        holds.release(
            reservation_id=reservation_id, user_id=caller_of(request).user_id, now=clock.now()
        )
        return Response(status=204)


class ExtensionView(APIView):
    """More time for a hold of the caller."""

    permission_classes = (IsFan,)

    @extend_schema(
        operation_id="reservations_extend",
        tags=["reservations"],
        summary="Hold the seats longer, up to extendable_until",
        request=None,
        responses={
            200: ReservationSerializer,
            401: ProblemSerializer,
            404: ProblemSerializer,
            409: ProblemSerializer,
            503: ProblemSerializer,
        },
        examples=[OpenApiExample("Held", response_only=True, value=_EXAMPLE)],
    )
    def post(self, request: Request, reservation_id: UUID) -> Response:
        """Extend the hold by one hold's length, within the cap counted from the first hold.

        409 extension_limit, reservation_expired, reservation_not_pending, performance_cancelled.
        """
        hold = holds.extend(
            reservation_id=reservation_id, user_id=caller_of(request).user_id, now=clock.now()
        )
        return Response(ReservationSerializer(hold).data)
