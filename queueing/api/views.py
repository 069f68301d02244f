"""The waiting room's API views."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsFan
from kernel import clock
from kernel.caller import caller_of, client_ip_of
from kernel.http.kept_refusals import KeptRefusals
from kernel.http.serializers import ProblemSerializer, validated
from kernel.rate_limiting.headers import RATE_LIMIT, RateLimitStatus
from queueing.api.authentication import JoinTokenAuthentication, proof_in
from queueing.api.serializers import JoinSerializer, PlaceSerializer, PublicStatusSerializer
from queueing.fan_requests import Applicant
from queueing.usecases import waiting_room

QUEUE_TOKEN = OpenApiParameter(
    "X-Queue-Token",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The join token, or the pass together with its user's login.",
)
STATUS_CACHING = "public, max-age=1"
_WAITING = OpenApiExample(
    "waiting",
    {
        "token": "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
        "number": 4211,
        "state": "WAITING",
        "position": 812,
        "ahead": 811,
        "eta_seconds": 17,
        "poll_after_seconds": 5,
        "admitted_until": None,
        "pass": None,
    },
    response_only=True,
    status_codes=["200", "201"],
)
_ADMITTED = OpenApiExample(
    "admitted",
    {
        "token": "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
        "number": 4211,
        "state": "ADMITTED",
        "position": 1,
        "ahead": 0,
        "eta_seconds": 0,
        "poll_after_seconds": 30,
        "admitted_until": "2026-11-21T11:10:00.000Z",
        "pass": "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
    },
    response_only=True,
    status_codes=["200", "201"],
)


class QueueView(KeptRefusals, APIView):
    """A performance's waiting room: its public status, and joining it."""

    refusals_are_kept = True

    permission_classes = (IsFan,)
    # The queue server counts joins; the status is a second's copy, cheaper to send than to count.
    throttle_route = {"POST": None, "GET": None}

    def get_authenticators(self) -> list[Any]:
        """Leave the public status alone with credentials: it is the same bytes for everybody."""
        if self.request is not None and self.request.method == "GET":
            return []
        return super().get_authenticators()

    def get_permissions(self) -> Sequence[Any]:
        """Ask for a login only to join."""
        if self.request.method == "GET":
            return []
        return super().get_permissions()

    @extend_schema(
        operation_id="queue_status",
        tags=["waiting room"],
        auth=[],
        responses={
            200: PublicStatusSerializer,
            404: ProblemSerializer,
            409: ProblemSerializer,
            503: ProblemSerializer,
        },
        examples=[
            OpenApiExample(
                "open",
                {
                    "state": "OPEN",
                    "serving": 3400,
                    "waiting": 9100,
                    "active": 480,
                    "rate_per_second": 50.0,
                    "poll_after_seconds": 2,
                    "as_of": "2026-11-21T11:01:08.120Z",
                    "admission_opens_at": None,
                    "stream_url": None,
                },
                response_only=True,
                status_codes=["200"],
            ),
            OpenApiExample(
                "presale",
                {
                    "state": "PRESALE",
                    "serving": 0,
                    "waiting": 12500,
                    "active": 0,
                    "rate_per_second": 50.0,
                    "poll_after_seconds": 2,
                    "as_of": "2026-11-21T10:52:30.007Z",
                    "admission_opens_at": "2026-11-21T11:00:00.000Z",
                    "stream_url": None,
                },
                response_only=True,
                status_codes=["200"],
            ),
        ],
    )
    def get(self, request: Request, performance_id: UUID) -> Response:
        """Show what everybody may know; at most a second old."""
        status = waiting_room.public_status(performance_id=performance_id, now=clock.now())
        return Response(
            status.as_json(),
            headers={"Cache-Control": STATUS_CACHING},
        )

    @extend_schema(
        operation_id="queue_join",
        tags=["waiting room"],
        request=JoinSerializer,
        parameters=[
            OpenApiParameter(
                "X-Queue-Token",
                str,
                OpenApiParameter.HEADER,
                description="A token from before, which keeps its place after a fault.",
            )
        ],
        responses={
            201: PlaceSerializer,
            200: PlaceSerializer,
            400: ProblemSerializer,
            401: ProblemSerializer,
            403: ProblemSerializer,
            404: ProblemSerializer,
            409: ProblemSerializer,
            415: ProblemSerializer,
            429: ProblemSerializer,
            503: ProblemSerializer,
        },
        examples=[_WAITING, _ADMITTED],
    )
    def post(self, request: Request, performance_id: UUID) -> Response:
        """Join (201), or get the same place again (200)."""
        body = validated(JoinSerializer, request.data)
        caller = caller_of(request)
        request.META[RATE_LIMIT] = limit_status = RateLimitStatus()
        place = waiting_room.join(
            user_id=caller.user_id,
            performance_id=performance_id,
            token=request.headers.get("X-Queue-Token"),
            now=clock.now(),
            applicant=Applicant(
                client_ip=client_ip_of(request._request),
                is_staff=caller.is_staff,
                **body,
            ),
            limit_status=limit_status,
        )
        return Response(place.as_json(), status=201 if place.created else 200)


class MyPlaceView(APIView):
    """The caller's own place."""

    permission_classes = (IsFan,)
    throttle_route = "poll"

    def get_authenticators(self) -> list[Any]:
        """Take the join token alone for a look at the place (Note [Token alone] in README.md)."""
        found = super().get_authenticators()
        if self.request is not None and self.request.method in ("GET", "HEAD"):
            found.append(JoinTokenAuthentication())
        return found

    @extend_schema(
        operation_id="queue_poll",
        tags=["waiting room"],
        parameters=[QUEUE_TOKEN],
        responses={
            200: PlaceSerializer,
            401: ProblemSerializer,
            403: ProblemSerializer,
            404: ProblemSerializer,
            409: ProblemSerializer,
            429: ProblemSerializer,
            503: ProblemSerializer,
        },
        examples=[_WAITING, _ADMITTED],
    )
    def get(self, request: Request, performance_id: UUID) -> Response:
        """Show the caller's place; the first ADMITTED starts the session and carries the pass.

        The join token is proof enough: `Authorization` may be left out. One that is sent must be
        good. The pass counts only with its user's login: without one, 401 not_authenticated. 403
        queue_token_required, queue_token_invalid; 409 queue_closed, queue_not_required.
        """
        caller = caller_of(request)
        place = waiting_room.poll(
            user_id=caller.user_id,
            performance_id=performance_id,
            token=request.headers.get("X-Queue-Token"),
            now=clock.now(),
            proof=proof_in(request.META),
        )
        return Response(place.as_json())

    @extend_schema(
        operation_id="queue_leave",
        tags=["waiting room"],
        responses={
            204: None,
            401: ProblemSerializer,
            404: ProblemSerializer,
            429: ProblemSerializer,
            503: ProblemSerializer,
        },
    )
    def delete(self, request: Request, performance_id: UUID) -> Response:
        """Give the place up; repeatable."""
        caller = caller_of(request)
        waiting_room.leave(user_id=caller.user_id, performance_id=performance_id, now=clock.now())
        return Response(status=204)
