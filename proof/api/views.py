"""The view of the public proof of a sale."""

from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request

from catalogue import cache, documents
from catalogue.api.responses import IF_NONE_MATCH, REFUSALS, CatalogueView
from kernel import clock
from kernel.caching.responses import Rendered
from proof import public
from proof.api.serializers import ProofSerializer

_EXAMPLE = OpenApiExample(
    "A sale in which every check passed",
    value={
        "performance_id": "019aa2f0-0000-7000-8000-000000000101",
        "as_of": "2026-12-01T11:05:00.000Z",
        "counts": {
            "seats": 5000,
            "available": 412,
            "temporarily_reserved": 188,
            "reserved": 4380,
            "blocked": 20,
        },
        "checks": [{"name": "seat_has_one_owner", "passed": True}],
        "last_violation": None,
        "jws": "eyJhbGciOiJFZERTQSJ9.eyJjb3VudHMiOnt9fQ.c2lnbmF0dXJl",
    },
)


class ProofView(CatalogueView):
    """What an audit says of one sale, for everybody."""

    refusals_are_kept = True

    @extend_schema(
        operation_id="performance_proof",
        tags=["catalogue"],
        auth=[],
        parameters=[IF_NONE_MATCH],
        responses={200: ProofSerializer, **REFUSALS},
        examples=[_EXAMPLE],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """Show the counts of a sale and whether each check passes, signed; a minute old at most."""
        now = clock.now()

        def build() -> Rendered:
            found = public.proof(performance_id=performance_id, now=now)
            return Rendered(documents.encode(found), public.CACHE_CONTROL)

        key = str(performance_id)
        return self.respond(
            request, cache.read(public.PROOF, key, build=build, now=now, has_words=False)
        )
