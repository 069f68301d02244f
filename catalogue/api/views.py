"""The views of concerts and performances: public, cached, the same bytes in each language."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from catalogue import cache, documents, queries
from catalogue.api import examples, pagination, parameters
from catalogue.api import serializers as forms
from catalogue.api.pagination import Pages
from catalogue.api.responses import IF_NONE_MATCH, LANGUAGE, REFUSALS, CatalogueView, PagedView
from kernel import clock
from kernel.caching.responses import Rendered


class ConcertListView(PagedView):
    """All public concerts."""

    pages = pagination.ConcertPages
    parameters_class = parameters.ConcertParameters

    def pages_for(self, request: Request) -> type[Pages]:
        """Return the pages of the order asked for."""
        by_title = "title" in request.query_params.get("ordering", "")
        return pagination.ConcertPagesByTitle if by_title else pagination.ConcertPages

    @extend_schema(
        operation_id="concert_list",
        tags=["catalogue"],
        auth=[],
        parameters=[parameters.ConcertParameters, LANGUAGE, IF_NONE_MATCH],
        responses={200: forms.ConcertPageSerializer, **REFUSALS},
        examples=[examples.CONCERTS],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """List the public concerts."""
        now = clock.now()
        query = self.parameters_of(request)
        wanted = queries.ConcertFilter(
            search=query.get("search", ""),
            on_sale={"true": True, "false": False}.get(query.get("on_sale", "")),
            since=query.get("from"),
            until=query.get("to"),
        )

        def entries(page: list[Any]) -> list[dict[str, Any]]:
            performances = queries.by_concert([row.pk for row in page], now=now)
            return [documents.concert_entry(row, performances.get(row.pk, [])) for row in page]

        def build() -> Rendered:
            return self.page_of(request, queries.concert_list(wanted, now=now), entries)

        key = self.url_of(request)
        return self.respond(request, cache.read(cache.LISTED, key, build=build, now=now))


class ConcertView(CatalogueView):
    """One concert."""

    @extend_schema(
        operation_id="concert_detail",
        tags=["catalogue"],
        auth=[],
        parameters=[LANGUAGE, IF_NONE_MATCH],
        responses={200: forms.ConcertDetailSerializer, **REFUSALS},
        examples=[examples.CONCERT],
    )
    def get(self, request: Request, concert_id: UUID) -> HttpResponseBase:
        """Show one concert."""
        now = clock.now()

        def build() -> Rendered:
            row = queries.concert(concert_id)
            performances = queries.by_concert([concert_id], now=now).get(concert_id, [])
            return Rendered(
                documents.encode(documents.concert_page(row, performances)), cache.BRIEFLY
            )

        key = str(concert_id)
        return self.respond(request, cache.read(cache.CONCERT, key, build=build, now=now))


class PerformanceListView(PagedView):
    """The performances of one concert."""

    pages = pagination.PerformancePages
    parameters_class = parameters.PageParameters

    @extend_schema(
        operation_id="performance_list",
        tags=["catalogue"],
        auth=[],
        parameters=[parameters.PageParameters, LANGUAGE, IF_NONE_MATCH],
        responses={200: forms.PerformancePageSerializer, **REFUSALS},
        examples=[examples.PERFORMANCES],
    )
    def get(self, request: Request, concert_id: UUID) -> HttpResponseBase:
        """List a concert's performances by start."""
        now = clock.now()
        self.parameters_of(request)

        def entries(page: list[Any]) -> list[dict[str, Any]]:
            return [documents.performance_entry(s) for s in queries.summaries(page, now=now)]

        def build() -> Rendered:
            return self.page_of(request, queries.performance_list(concert_id), entries)

        key = self.url_of(request)
        return self.respond(request, cache.read(cache.PERFORMANCES, key, build=build, now=now))


class PerformanceView(CatalogueView):
    """One performance."""

    @extend_schema(
        operation_id="performance_detail",
        tags=["catalogue"],
        auth=[],
        parameters=[LANGUAGE, IF_NONE_MATCH],
        responses={200: forms.PerformanceSerializer, **REFUSALS},
        examples=[examples.PERFORMANCE],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """Show one performance, its sale and its price grades."""
        now = clock.now()

        def build() -> Rendered:
            summary = queries.performance(performance_id, now=now)
            return Rendered(documents.encode(documents.performance_entry(summary)), cache.BRIEFLY)

        key = str(performance_id)
        return self.respond(request, cache.read(cache.PERFORMANCE, key, build=build, now=now))
