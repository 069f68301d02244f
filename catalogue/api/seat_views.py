"""The views of a performance's seats: the static map, the availability, the plain list."""

from collections.abc import Callable
from dataclasses import replace
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
from catalogue.api.responses import (
    IF_NONE_MATCH,
    LANGUAGE,
    REFUSALS,
    CatalogueView,
    PagedView,
    known_parameters,
)
from catalogue.seat_plans import SeatPlan, seat_plan
from kernel import clock
from kernel.caching.live_streams import stream_url
from kernel.caching.request import CachePolicy
from kernel.caching.responses import Rendered
from kernel.i18n import text
from kernel.text.spelling import fold


class _LayoutView(CatalogueView):
    """A document made of a layout: it never changes once the performance is on sale."""

    policy: CachePolicy

    def layout_response(
        self,
        request: Request,
        performance_id: UUID,
        document: Callable[[SeatPlan], dict[str, Any]],
        *,
        section: str | None = None,
    ) -> HttpResponseBase:
        """Return the document of a performance's seats; raises what its reads raise."""

        def build() -> Rendered:
            plan = seat_plan(performance_id, section=section)
            if plan is None:
                raise _unknown_section()
            frozen = plan.performance.layout_frozen_at is not None
            body = documents.encode(document(plan))
            return Rendered(body, cache.DAY_LONG if frozen else cache.REVALIDATE)

        key = f"{performance_id}" if section is None else f"{performance_id}:{fold(section)}"
        kept = cache.read(self.policy, key, build=build, now=clock.now(), layout_of=performance_id)
        asked = request.query_params.dict().get("section", "")
        if section is not None and not documents.begins_with_section(kept.body, asked):
            # The gateway keeps a section in the spelling of its layout alone.
            kept = replace(kept, cache_control=cache.REVALIDATE)
        # Compressed once and not by the gateway for every fan, which would weaken the tag too.
        packed = accepts_gzip(request) and len(kept.body) >= WORTH_PACKING
        response = self.respond(request, gzipped(kept) if packed else kept)
        patch_vary_headers(response, ["Accept-Encoding"])
        if packed and response.status_code == HTTPStatus.OK:
            response["Content-Encoding"] = "gzip"
        return response


class SeatMapView(_LayoutView):
    """The static seats of one performance."""

    policy = cache.SEAT_MAP

    @extend_schema(
        operation_id="seat_map",
        tags=["catalogue"],
        auth=[],
        parameters=[parameters.SeatMapParameters, LANGUAGE, IF_NONE_MATCH],
        responses={200: forms.SeatMapSerializer, **REFUSALS},
        examples=[examples.SEAT_MAP],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """Show sections, rows and seats, of all sections or of one."""
        wanted = known_parameters(request, parameters.SeatMapParameters)
        return self.layout_response(
            request, performance_id, documents.seat_map, section=wanted.get("section")
        )


class OutlineView(_LayoutView):
    """The hall of one performance as shapes."""

    policy = cache.OUTLINE

    @extend_schema(
        operation_id="seat_map_outline",
        tags=["catalogue"],
        auth=[],
        parameters=[LANGUAGE, IF_NONE_MATCH],
        responses={200: forms.OutlineSerializer, **REFUSALS},
        examples=[examples.OUTLINE],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """Show each section's shape and number of seats, to draw the hall before its seats."""
        return self.layout_response(request, performance_id, documents.seat_map_outline)


def _unknown_section() -> serializers.ValidationError:
    unknown = text(en="There is no such section.", ko="해당 구역이 없습니다.")
    return serializers.ValidationError({"section": [unknown]})


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
        `stream_url` is the address of the changes as they come; null while there is none.
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
    stream = stream_url(performance_id, "availability")
    return Rendered(
        documents.encode(documents.availability(found, stream)),
        cache.SECOND_LONG,
        version=f"{found.layout_version} {stream or ''} {found.statuses}",
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
                raise _unknown_section()
            page = self.page_of(request, rows, entries)
            return Rendered(page.body, cache.SECOND_LONG)

        key = self.url_of(request)
        return self.respond(
            request, cache.read(cache.SEATS, key, build=build, now=now, has_words=False)
        )
