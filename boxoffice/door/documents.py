"""What the script of the door's page asks for: the API's views, under the session of staff.

Note [Documents of the door]
A gate is a browser where a member of staff is logged in. So its script needs no token and no key
that a lost telephone would give to its finder: it sends the cookie of the session, which scripts
cannot read, and the CSRF token, and the second factor was given at the login. The views respond as
those of `tickets/api/checkins.py` do, so a gate and a scanner with an API key have the same
documents.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from boxoffice import deeds
from boxoffice.deeds import CHECK_IN, DeedNotAllowed
from kernel import clock
from kernel.caller import Caller, caller_of
from kernel.http.serializers import IdField, StrictSerializer, UtcDateTimeField, validated
from kernel.staff import refusals
from tickets.api.checkin_serializers import (
    CheckinBatchRequestSerializer,
    CheckinRequestSerializer,
)
from tickets.api.checkins import admission_list, check_in, check_in_batch
from tickets.api.serializers import STATUSES, TicketSeatSerializer
from tickets.usecases import checkins, door_search
from tickets.usecases.checkins import Doorkeeper

REASON_LENGTH = 500


class StaffSession(BaseAuthentication):
    """Accept the session of the staff pages; Django's middleware checks its CSRF token."""

    def authenticate(self, request: Request) -> tuple[Caller, User] | None:
        """Return the member of staff, and as proof the row of the login; None for others."""
        user = request._request.user
        if not (isinstance(user, User) and user.is_active and user.is_staff):
            return None
        return Caller(user.pk, is_staff=True), user

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Session realm="frontrow"'


class MayDoDeed(BasePermission):
    """A member of staff whose role covers checking in; a refusal stands in the security log."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, Caller):
            return False
        if not deeds.may(request.auth, CHECK_IN):
            refusal = DeedNotAllowed()
            refusals.record_error(request._request, refusal, deed=CHECK_IN.name)
            raise refusal
        return True


class DoorDocument(APIView):
    """A document of the door, for a member of staff who may check in."""

    authentication_classes = (StaffSession,)
    permission_classes = (MayDoDeed,)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Keep every answer out of caches, refusals too."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers["Cache-Control"] = "private, no-store"
        return final


class DoorScanSerializer(CheckinRequestSerializer):
    """A scan as the API takes it; the address names the performance."""

    performance_id = IdField(required=False)


class ScanDocument(DoorDocument):
    """A check-in."""

    def post(self, request: Request, performance_id: UUID) -> Response:
        """Admit by a ticket, or say why not."""
        given = validated(DoorScanSerializer, request.data)
        return check_in(given, here=performance_id, by=_doorkeeper(request))


class BatchDocument(DoorDocument):
    """Check-ins that were made without a network."""

    def post(self, request: Request, performance_id: UUID) -> Response:
        """Admit by each ticket, or say why not."""
        given = validated(CheckinBatchRequestSerializer, request.data)
        return check_in_batch(given, here=performance_id, by=_doorkeeper(request))


class ListDocument(DoorDocument):
    """The admission list."""

    def get(self, request: Request, performance_id: UUID) -> Response:
        """Return the list, or what has changed since a time; 304 where nothing did."""
        return admission_list(request, performance_id)


class UndoSerializer(StrictSerializer):
    """Which check-in is undone, and why."""

    checkin_id = IdField()
    reason = serializers.CharField(max_length=REASON_LENGTH)


class UndoDocument(DoorDocument):
    """Undoing a check-in."""

    def post(self, request: Request, performance_id: UUID) -> Response:
        """Undo it, so that the ticket admits again; repeatable, and audited with its reason."""
        given = validated(UndoSerializer, request.data)
        by = Doorkeeper(caller_of(request).user_id, performances=frozenset({performance_id}))
        checkins.undo(
            checkin_id=given["checkin_id"], by=by, reason=given["reason"], now=clock.now()
        )
        return Response(status=204)


class SearchSerializer(StrictSerializer):
    """What is looked for: a part of a name, or a seat."""

    words = serializers.CharField(min_length=2, max_length=60)


class FoundTicketSerializer(serializers.Serializer[Any]):
    """A ticket that was found."""

    code = serializers.CharField()
    seat = TicketSeatSerializer()
    holder_name = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    admitted_at = UtcDateTimeField(allow_null=True)
    gate = serializers.CharField(allow_null=True)


class FoundTicketsSerializer(serializers.Serializer[Any]):
    """The tickets that were found, in seat order; `more`: there are others."""

    results = FoundTicketSerializer(many=True)
    more = serializers.BooleanField()


class SearchDocument(DoorDocument):
    """Tickets by name or seat; its own limit, for a door looks some people up and reads no list."""

    throttle_route = "door_search"

    def post(self, request: Request, performance_id: UUID) -> Response:
        """Return a few tickets; which ones were shown to whom stands in the audit log."""
        given = validated(SearchSerializer, request.data)
        now = clock.now()
        checkins.check_search(performance_id, now=now)
        found = door_search.search(
            performance_id=performance_id,
            words=given["words"],
            actor_id=caller_of(request).user_id,
            now=now,
        )
        return Response(FoundTicketsSerializer(found).data)


def _doorkeeper(request: Request) -> Doorkeeper:
    return Doorkeeper(user_id=caller_of(request).user_id)


def _document(view: type[DoorDocument]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return the view as the middleware of CSRF checks it, outside the API's description."""
    served = extend_schema(exclude=True)(view).as_view()
    served.csrf_exempt = False
    served.deeds = (CHECK_IN, CHECK_IN)  # type: ignore[attr-defined]  # for the matrix of roles
    return served


SCAN = _document(ScanDocument)
BATCH = _document(BatchDocument)
UNDO = _document(UndoDocument)
LIST = _document(ListDocument)
SEARCH = _document(SearchDocument)
