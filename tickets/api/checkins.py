"""The views of the door: check in, undo, and work without a network."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import JWTAuthentication
from accounts.api.machines import ApiKeyAuthentication
from accounts.api.permissions import ByKeyOrGroup, check_performance
from concerts import queries as concert_queries
from concerts.errors import PerformanceNotFound
from kernel import clock
from kernel.caller import Machine, caller_of
from kernel.errors import DomainError
from kernel.http.serializers import ProblemSerializer, validated
from tickets import queries
from tickets.api.checkin_serializers import (
    AdmissionListQuerySerializer,
    AdmissionListSerializer,
    CheckinBatchRequestSerializer,
    CheckinBatchSerializer,
    CheckinRequestSerializer,
    CheckinSerializer,
)
from tickets.usecases import checkins
from tickets.usecases.checkins import Doorkeeper, Scan

_REFUSALS = dict.fromkeys((400, 401, 403), ProblemSerializer)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class MayCheckIn(ByKeyOrGroup):
    """A scanner, or a member of staff at the door."""

    scope = "checkins:write"
    groups = frozenset({"door"})


class DoorView(APIView):
    """A view of the door: an API key with `checkins:write`, or a login of the group door."""

    authentication_classes = (JWTAuthentication, ApiKeyAuthentication)
    permission_classes = (MayCheckIn,)


class CheckinsView(DoorView):
    """Check-ins, one at a time."""

    @extend_schema(
        operation_id="checkins_create",
        tags=["door"],
        summary="Check a ticket in",
        description="409 `already_admitted` says when (`at`) and where (`gate`).",
        request=CheckinRequestSerializer,
        responses={200: CheckinSerializer, **_REFUSALS}
        | dict.fromkeys((404, 409, 422), ProblemSerializer),
    )
    def post(self, request: Request) -> Response:
        """Admit by a ticket, or say why not."""
        given = validated(CheckinRequestSerializer, request.data)
        check_performance(request, given["performance_id"])
        return check_in(given, here=given["performance_id"], by=_doorkeeper(request))


class CheckinView(DoorView):
    """One check-in."""

    @extend_schema(
        operation_id="checkins_destroy",
        tags=["door"],
        summary="Undo a check-in",
        responses={204: None, **_REFUSALS, 404: ProblemSerializer},
    )
    def delete(self, request: Request, checkin_id: UUID) -> Response:
        """Undo it, so that the ticket admits again; repeatable, and audited."""
        checkins.undo(checkin_id=checkin_id, by=_doorkeeper(request), now=clock.now())
        return Response(status=204)


class CheckinBatchView(DoorView):
    """Check-ins that were made without a network."""

    @extend_schema(
        operation_id="checkins_batch",
        tags=["door"],
        summary="Send the scans of a gate that had no network",
        description="Each scan is decided as if it were sent alone, in their order.",
        request=CheckinBatchRequestSerializer,
        responses={200: CheckinBatchSerializer, **_REFUSALS, 413: ProblemSerializer},
    )
    def post(self, request: Request) -> Response:
        """Admit by each ticket, or say why not."""
        given = validated(CheckinBatchRequestSerializer, request.data)
        here = given.get("performance_id")
        if here is not None:
            check_performance(request, here)
        return check_in_batch(given, here=here, by=_doorkeeper(request))


class AdmissionListView(DoorView):
    """The tickets of a performance, for scanners that may lose the network."""

    @extend_schema(
        operation_id="performances_admission_list",
        tags=["door"],
        summary="Download the admission list",
        parameters=[
            AdmissionListQuerySerializer,
            OpenApiParameter(
                "If-None-Match",
                str,
                OpenApiParameter.HEADER,
                description="An ETag had before; 304 while it still holds.",
            ),
        ],
        responses={
            200: AdmissionListSerializer,
            304: None,
            **_REFUSALS,
            404: ProblemSerializer,
        },
    )
    def get(self, request: Request, performance_id: UUID) -> Response:
        """Return the list, or what has changed since a time; 304 where nothing did."""
        check_performance(request, performance_id)
        return admission_list(request, performance_id)


def check_in(given: dict[str, Any], *, here: UUID, by: Doorkeeper) -> Response:
    """Admit by a ticket at the door of a performance, or say why not."""
    now = clock.now()
    scan = Scan(given["code"], given["gate"], given["scan_id"], now)
    result = checkins.admit(scan=scan, performance_id=here, by=by, now=now)
    return Response(CheckinSerializer(result).data)


def check_in_batch(given: dict[str, Any], *, here: UUID | None, by: Doorkeeper) -> Response:
    """Say what becomes of each scan at the door of a performance; None: of each ticket's own."""
    scans = [Scan(**scan) for scan in given["scans"]]
    outcomes = checkins.admit_many(
        scans=scans, performance_id=here, by=by, now=clock.now(), made_offline=True
    )
    results = [
        {"scan_id": scan.scan_id, **_said(outcome)}
        for scan, outcome in zip(scans, outcomes, strict=True)
    ]
    return Response(CheckinBatchSerializer({"results": results}).data)


def admission_list(request: Request, performance_id: UUID) -> Response:
    """Return the list, or what has changed since a time; 304 where nothing did."""
    since = validated(AdmissionListQuerySerializer, request.query_params).get("since")
    now = clock.now()
    found = queries.admission_list(
        performance_id=performance_id, since=since and max(since, _EARLIEST)
    )
    if not found and not concert_queries.is_there(performance_id):
        raise PerformanceNotFound
    listed = AdmissionListSerializer({"as_of": now, "tickets": found}).data
    tag = f'W/"{sha256(repr(listed["tickets"]).encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag}
    if tag in parse_etags(request.headers.get("If-None-Match", "")):
        return Response(status=304, headers=headers)
    return Response(listed, headers=headers)


def _doorkeeper(request: Request) -> Doorkeeper:
    if isinstance(request.user, Machine):
        machine = request.user
        return Doorkeeper(api_key_id=machine.key_id, performances=machine.performances)
    return Doorkeeper(user_id=caller_of(request).user_id)


def _said(outcome: checkins.Outcome) -> dict[str, Any]:
    if not isinstance(outcome, DomainError):
        return {"outcome": "admitted", "checkin_id": outcome.id}
    conflict = {"conflict": outcome.extras} if "at" in outcome.extras else {}
    return {"outcome": outcome.code, **conflict}
