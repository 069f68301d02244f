"""The API views of a draw: what anybody needs to check it."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.http.kept_refusals import KeptRefusals
from kernel.http.serializers import ProblemSerializer, UtcDateTimeField, validated
from kernel.i18n import text
from queueing import policy, queries

_CACHING = "public, max-age=1"
_EXAMPLE = OpenApiExample(
    "before the opening",
    {
        "performance_id": "019aa2f0-0000-7000-8000-000000000101",
        "commitment": "0f" * 32,
        "committed_at": "2026-11-01T09:00:00.000Z",
        "beacon": {
            "source": policy.DRAND,
            "round": "34567890",
            "published_at": "2026-11-21T10:00:00.000Z",
            "value": None,
            "mixed": None,
        },
        "algorithm": "key = seed, or ...",
        "start": 0,
        "numbers": policy.DRAW_NUMBERS,
        "entrants": 0,
        "losses": 0,
        "seed": None,
        "roster_sha256": None,
        "jws": "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
    },
    response_only=True,
    status_codes=["200"],
)


class BeaconSerializer(serializers.Serializer[Any]):
    """A public random value that is mixed into the draw."""

    round = serializers.CharField()
    published_at = UtcDateTimeField(help_text="When the value came, or comes, to exist.")
    value = serializers.CharField(allow_null=True)
    mixed = serializers.BooleanField(
        allow_null=True, help_text="Whether the draw has it; null before the draw begins."
    )

    def get_fields(self) -> dict[str, Any]:
        """Add `source`, which a field already has as an attribute."""
        return {"source": serializers.CharField(), **super().get_fields()}


class DrawSerializer(serializers.Serializer[Any]):
    """What anybody needs to compute every number of a draw, as far as it is public."""

    performance_id = serializers.UUIDField()
    commitment = serializers.CharField(
        allow_null=True, help_text="SHA-256 of the bytes of the text `seed`, in hex."
    )
    committed_at = UtcDateTimeField(allow_null=True)
    beacon = BeaconSerializer(allow_null=True)
    algorithm = serializers.CharField()
    start = serializers.IntegerField(
        help_text="The drawn numbers are start + 1 .. start + numbers."
    )
    numbers = serializers.IntegerField()
    entrants = serializers.IntegerField(
        help_text="Turns of the draw taken; behind a loss of the queue server some are nobody's."
    )
    losses = serializers.IntegerField(
        help_text="How often the queue server was begun again; each time may have skipped the rest "
        "of a block of 10,000 turns."
    )
    seed = serializers.CharField(
        allow_null=True, help_text="Once the first of the drawn has been admitted."
    )
    roster_sha256 = serializers.CharField(
        allow_null=True, help_text="SHA-256 of all lines of the roster, as bytes one after another."
    )
    jws = serializers.CharField(
        help_text="A compact JWS (EdDSA) over the same document without this member; the key is "
        "in /.well-known/jwks.json, by its `kid`."
    )


class RosterSerializer(serializers.Serializer[Any]):
    """Some of those who were drawn, in the order of joining."""

    first = serializers.IntegerField(help_text="As which one the first of these joined.")
    lines = serializers.ListField(
        child=serializers.CharField(),
        help_text="The first 16 bytes of SHA-256 of performance_id:user_id:number, in hex; "
        "zeros where nobody holds the turn any more.",
    )
    next_first = serializers.IntegerField(allow_null=True)


class _RosterQuery(serializers.Serializer[Any]):
    first = serializers.IntegerField(min_value=1, max_value=policy.DRAW_NUMBERS, default=1)

    def validate_first(self, first: int) -> int:
        """Refuse what begins no page: everybody asks for the same ones."""
        if (first - 1) % policy.ROSTER_PAGE:
            raise serializers.ValidationError(
                text(en="No page begins there.", ko="페이지의 시작 위치가 아닙니다.")
            )
        return first


class _PublicView(KeptRefusals):
    """A public document of a draw; credentials are neither needed nor looked at."""

    refusals_are_kept = True
    authentication_classes = ()
    permission_classes = ()


class DrawView(_PublicView):
    """A performance's draw."""

    @extend_schema(
        operation_id="performance_draw",
        tags=["waiting room"],
        auth=[],
        responses={
            200: DrawSerializer,
            404: ProblemSerializer,
            409: ProblemSerializer,
            429: ProblemSerializer,
        },
        examples=[_EXAMPLE],
    )
    def get(self, request: Request, performance_id: UUID) -> Response:
        """Show the draw's commitment and beacon, and once it is over its seed; signed."""
        facts = queries.draw_facts(performance_id)
        return Response(facts.as_json(), headers={"Cache-Control": _CACHING})


class RosterView(_PublicView):
    """Who was drawn."""

    @extend_schema(
        operation_id="performance_draw_roster",
        tags=["waiting room"],
        auth=[],
        parameters=[
            OpenApiParameter(
                "first", int, description="Which line is the first: 1, or a `next_first`."
            ),
            OpenApiParameter(
                "If-None-Match",
                str,
                OpenApiParameter.HEADER,
                description="An ETag had before; 304 while it still holds.",
            ),
        ],
        responses={
            200: RosterSerializer,
            304: OpenApiResponse(description="The page is the one that the caller has."),
            400: ProblemSerializer,
            404: ProblemSerializer,
            409: ProblemSerializer,
            429: ProblemSerializer,
        },
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """Show who was drawn, in the order of joining, without a person; 409 draw_not_over."""
        shown = {name: value for name, value in request.query_params.items() if name == "first"}
        first = validated(_RosterQuery, shown)["first"]
        facts = queries.draw_facts(performance_id)  # refuses what the public may not see
        lines = queries.roster_lines(performance_id, first=first, count=policy.ROSTER_PAGE)
        goes_on = len(lines) == policy.ROSTER_PAGE
        response = Response(
            {
                "first": first,
                "lines": [line.hex() for line in lines],
                "next_first": first + len(lines) if goes_on else None,
            },
            headers={"Cache-Control": _CACHING},  # staff may withdraw the performance
        )
        if not facts.roster_sha256:
            return response  # made within the last second
        response["ETag"] = f'"{facts.roster_sha256[:32]}-{first}"'
        found = get_conditional_response(request._request, etag=response["ETag"], response=response)
        return found or response
