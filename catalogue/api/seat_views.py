"""The views of a performance's seats: the static map, the availability, the plain list."""

from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.utils.cache import patch_vary_headers
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from catalogue import cache, documents, queries
from catalogue.api import examples, pagination, parameters
from catalogue.api import serializers as forms
from catalogue.api.packing import WORTH_PACKING, accepts_gzip, gzipped
from catalogue.api.responses import IF_NONE_MATCH, LANGUAGE, REFUSALS, CatalogueView, PagedView
from kernel import clock
from kernel.caching.responses import Rendered
from kernel.i18n import text


class SeatMapView(CatalogueView):
    """The static seats of one performance."""

    @extend_schema(
        operation_id="seat_map",
        tags=["catalogue"],
        auth=[],
        parameters=[LANGUAGE, IF_NONE_MATCH],
        responses={200: forms.SeatMapSerializer, **REFUSALS},
        examples=[examples.SEAT_MAP],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """Show sections, rows and seats; it never changes once the performance is on sale."""
        now = clock.now()

        def build() -> Rendered:
            plan = queries.seat_plan(performance_id)
            frozen = plan.performance.layout_frozen_at is not None
            body = documents.encode(documents.seat_map(plan))
            return Rendered(body, cache.DAY_LONG if frozen else cache.REVALIDATE)

        document = cache.read(
            cache.SEAT_MAP, str(performance_id), build=build, now=now, layout_of=performance_id
        )
        # Compressed once and not by the gateway for every fan, which would weaken the tag too.
        packed = accepts_gzip(request) and len(document.body) >= WORTH_PACKING
        response = self.respond(request, gzipped(document) if packed else document)
        patch_vary_headers(response, ["Accept-Encoding"])
        if packed and response.status_code == HTTPStatus.OK:
            response["Content-Encoding"] = "gzip"
        return response


class AvailabilityView(CatalogueView):
    """Which seats are free."""

    refusals_are_kept = True
    throttle_route = None  # nobody is logged in here; calls are counted by client IP before

    @extend_schema(
        operation_id="availability",
        tags=["catalogue"],
        auth=[],
        parameters=[IF_NONE_MATCH],
        responses={200: forms.AvailabilitySerializer, **REFUSALS},
        examples=[examples.AVAILABILITY],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """Show every seat's status in one string, at most a second old.

        The entity tag is weak and names the statuses, not the moment: 304 means no seat changed.
        """
        now = clock.now()

        def build() -> Rendered:
            return availability_document(performance_id, now=now)

        key = str(performance_id)
        return self.respond(
            request, cache.read(cache.AVAILABILITY, key, build=build, now=now, has_words=False)
        )


def availability_document(performance_id: UUID, *, now: datetime) -> Rendered:
    """Return the document at `now`, from the primary; raises `PerformanceNotFound`."""
    found = queries.availability(performance_id, now=now)
    return Rendered(
        documents.encode(documents.availability(found)),
        cache.SECOND_LONG,
        version=f"{found.layout_version} {found.statuses}",
    )


class SeatListView(PagedView):
    """Seats as a plain list."""

    pages = pagination.SeatPages
    parameters_class = parameters.SeatParameters

    @extend_schema(
        operation_id="seat_list",
        tags=["catalogue"],
        auth=[],
        parameters=[parameters.SeatParameters, IF_NONE_MATCH],
        responses={200: forms.SeatPageSerializer, **REFUSALS},
        examples=[examples.SEATS],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """List seats with their status, at most a second old, for clients that want no map."""
        now = clock.now()
        wanted = self.parameters_of(request)

        def entries(page: list[Any]) -> list[dict[str, Any]]:
            return documents.seat_entries(page, queries.availability(performance_id, now=now))

        def build() -> Rendered:
            rows = queries.seat_list(performance_id, section=wanted.get("section"))
            if rows is None:
                unknown = text(en="There is no such section.", ko="해당 구역이 없습니다.")
                raise serializers.ValidationError({"section": [unknown]})
            page = self.page_of(request, rows, entries)
            return Rendered(page.body, cache.SECOND_LONG)

        key = self.url_of(request)
        return self.respond(
            request, cache.read(cache.SEATS, key, build=build, now=now, has_words=False)
        )
