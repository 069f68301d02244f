"""The view of one's own account."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import queries
from accounts.api.permissions import IsFan
from kernel import clock
from kernel.caller import caller_of
from kernel.http.serializers import ProblemSerializer, validated
from personal.api.serializers import MeChangeSerializer, MeSerializer
from personal.usecases import account

_REFUSED = dict.fromkeys((401, 403), ProblemSerializer)
_TAGS = ["me"]


class MeView(APIView):
    """The caller's account."""

    permission_classes = (IsFan,)

    @extend_schema(
        operation_id="me_retrieve",
        tags=_TAGS,
        summary="Look at my settings",
        responses={200: MeSerializer, **_REFUSED},
    )
    def get(self, request: Request) -> Response:
        """Return the settings."""
        found = queries.own_settings(caller_of(request).user_id)
        return Response(MeSerializer(found).data)

    @extend_schema(
        operation_id="me_change",
        tags=_TAGS,
        summary="Change my settings",
        request=MeChangeSerializer(partial=True),
        responses={200: MeSerializer, **_REFUSED, **dict.fromkeys((400, 413), ProblemSerializer)},
        examples=[OpenApiExample("More time", request_only=True, value={"extra_time": True})],
    )
    def patch(self, request: Request) -> Response:
        """Change what is given."""
        given = validated(MeChangeSerializer, request.data, partial=True)
        changed = account.change(user_id=caller_of(request).user_id, changes=given)
        return Response(MeSerializer(changed).data)

    @extend_schema(
        operation_id="me_destroy",
        tags=_TAGS,
        summary="Delete my account",
        description="Name, addresses, telephone number and every login, token and API key go; "
        "records of sales stay without the person. Needs a login of the last five minutes, or a "
        "password or code given again within them (`auth/reauthenticate` or "
        "`auth/2fa/reauthenticate` of the login API), else 403 `reauthentication_required`. "
        "409 `account_in_use` names the `holds`, `payments` and `tickets` that are still open. "
        "Points that are left are lost.",
        responses={204: None, **_REFUSED, 409: ProblemSerializer},
    )
    def delete(self, request: Request) -> Response:
        """Delete the account."""
        caller = caller_of(request)
        account.delete(user_id=caller.user_id, session_id=caller.session_id, now=clock.now())
        return Response(status=204)
