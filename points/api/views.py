"""The views of a fan's points; points/charges/ belongs to payments."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsFan
from kernel.caller import caller_of
from kernel.http.serializers import ProblemSerializer
from points import queries
from points.api.serializers import BalanceSerializer, EntrySerializer
from points.models import Entry


class BalanceView(APIView):
    """The caller's points."""

    permission_classes = (IsFan,)

    @extend_schema(
        operation_id="points_balance",
        tags=["points"],
        responses={200: BalanceSerializer, 401: ProblemSerializer},
        examples=[
            OpenApiExample("balance", {"balance": {"amount": 500000, "currency": "KRW"}}),
        ],
    )
    def get(self, request: Request) -> Response:
        balance = queries.balance(user_id=caller_of(request).user_id)
        return Response(BalanceSerializer({"balance": balance}).data)


class EntriesView(ListAPIView[Entry]):
    """The caller's ledger, newest first."""

    permission_classes = (IsFan,)
    serializer_class = EntrySerializer

    @extend_schema(
        operation_id="points_entries",
        tags=["points"],
        responses={200: EntrySerializer(many=True), 401: ProblemSerializer},
    )
    def get(self, request: Request) -> Response:
        """List what moved the caller's points."""
        return self.list(request)

    def get_queryset(self) -> QuerySet[Entry]:
        return queries.entries(user_id=caller_of(self.request).user_id)
