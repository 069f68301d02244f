"""The catalogue over HTTP: public, cached, the same bytes for everybody of one language."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from catalogue import cache, documents, queries
from catalogue.api import examples, pagination, parameters
from catalogue.api import serializers as forms
from catalogue.api.packing import WORTH_PACKING, accepts_gzip, gzipped
from catalogue.api.pagination import Pages
from kernel import clock
from kernel.api.serializers import ProblemSerializer
from kernel.i18n import text
from kernel.redis.documents import Built, Document

_LANGUAGE = OpenApiParameter(
    "Accept-Language",
    str,
    OpenApiParameter.HEADER,
    description="ko (default) or en: the language of names and texts.",
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="An ETag had before; 304 while it still holds.",
)
_REFUSALS = {400: ProblemSerializer, 404: ProblemSerializer, 429: ProblemSerializer}


class CatalogueView(APIView):
    """A public answer; credentials are neither needed nor looked at."""

    authentication_classes = ()
    permission_classes = ()
    parameters_class: type[serializers.Serializer[Any]] = parameters.NoParameters

    def parameters_of(self, request: Request) -> dict[str, Any]:
        """Return the validated query parameters; raises `ValidationError`."""
        # A plain dict: in a QueryDict an empty value would count as absent.
        form = self.parameters_class(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        return form.validated_data

    def answer(self, request: Request, document: Document) -> HttpResponseBase:
        """Return the document's bytes, or 304 to who has them."""
        response = HttpResponse(document.body, content_type="application/json")
        response["ETag"] = document.etag
        response["Cache-Control"] = document.cache_control
        found = get_conditional_response(request._request, etag=document.etag, response=response)
        return found or response


class PagedView(CatalogueView):
    """A list answer; its links name the host they were asked at, so the key does too."""

    pages: type[Pages]

    def page_of(
        self, request: Request, rows: Any, entries: Callable[[list[Any]], list[dict[str, Any]]]
    ) -> Built:
        """Return the page that the request asks for, its rows turned to JSON by `entries`."""
        paginator = self.pages_for(request)()
        page: list[Any] = paginator.paginate_queryset(rows, request, view=self) or []
        body = documents.page(
            entries(page),
            following=paginator.get_next_link(),
            preceding=paginator.get_previous_link(),
        )
        return Built(documents.encode(body), cache.BRIEFLY)

    def pages_for(self, request: Request) -> type[Pages]:
        """Return how this request's list is paged."""
        return self.pages

    def key_of(self, request: Request, *parts: object) -> str:
        """Return what tells this page from all others."""
        asked = sorted(request.query_params.items())
        return repr((request.build_absolute_uri(request.path), asked, *parts))


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
        parameters=[parameters.ConcertParameters, _LANGUAGE, _IF_NONE_MATCH],
        responses={200: forms.ConcertPageSerializer, **_REFUSALS},
        examples=[examples.CONCERTS],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """List the public concerts."""
        now = clock.now()
        asked = self.parameters_of(request)
        wanted = queries.ConcertFilter(
            search=asked.get("search", ""),
            on_sale={"true": True, "false": False}.get(asked.get("on_sale", "")),
            since=asked.get("from"),
            until=asked.get("to"),
        )

        def entries(page: list[Any]) -> list[dict[str, Any]]:
            evenings = queries.by_concert([row.pk for row in page], now=now)
            return [documents.concert_entry(row, evenings.get(row.pk, [])) for row in page]

        def build() -> Built:
            return self.page_of(request, queries.concert_list(wanted, now=now), entries)

        key = self.key_of(request)
        return self.answer(request, cache.read(cache.LISTED, key, build=build, now=now))


class ConcertView(CatalogueView):
    """One concert."""

    @extend_schema(
        operation_id="concert_detail",
        tags=["catalogue"],
        auth=[],
        parameters=[_LANGUAGE, _IF_NONE_MATCH],
        responses={200: forms.ConcertDetailSerializer, **_REFUSALS},
        examples=[examples.CONCERT],
    )
    def get(self, request: Request, concert_id: UUID) -> HttpResponseBase:
        """Show one concert."""
        now = clock.now()
        self.parameters_of(request)

        def build() -> Built:
            row = queries.concert(concert_id)
            evenings = queries.by_concert([concert_id], now=now).get(concert_id, [])
            return Built(documents.encode(documents.concert_page(row, evenings)), cache.BRIEFLY)

        key = str(concert_id)
        return self.answer(request, cache.read(cache.CONCERT, key, build=build, now=now))


class PerformanceListView(PagedView):
    """The performances of one concert."""

    pages = pagination.PerformancePages
    parameters_class = parameters.PageParameters

    @extend_schema(
        operation_id="performance_list",
        tags=["catalogue"],
        auth=[],
        parameters=[parameters.PageParameters, _LANGUAGE, _IF_NONE_MATCH],
        responses={200: forms.PerformancePageSerializer, **_REFUSALS},
        examples=[examples.PERFORMANCES],
    )
    def get(self, request: Request, concert_id: UUID) -> HttpResponseBase:
        """List a concert's performances by start."""
        now = clock.now()
        self.parameters_of(request)

        def entries(page: list[Any]) -> list[dict[str, Any]]:
            return [documents.performance_entry(s) for s in queries.summaries(page, now=now)]

        def build() -> Built:
            return self.page_of(request, queries.performance_list(concert_id), entries)

        key = self.key_of(request)
        return self.answer(request, cache.read(cache.PERFORMANCES, key, build=build, now=now))


class PerformanceView(CatalogueView):
    """One performance."""

    @extend_schema(
        operation_id="performance_detail",
        tags=["catalogue"],
        auth=[],
        parameters=[_LANGUAGE, _IF_NONE_MATCH],
        responses={200: forms.PerformanceSerializer, **_REFUSALS},
        examples=[examples.PERFORMANCE],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """Show one performance, its sale and its price grades."""
        now = clock.now()
        self.parameters_of(request)

        def build() -> Built:
            summary = queries.performance(performance_id, now=now)
            return Built(documents.encode(documents.performance_entry(summary)), cache.BRIEFLY)

        key = str(performance_id)
        return self.answer(request, cache.read(cache.PERFORMANCE, key, build=build, now=now))


class SeatMapView(CatalogueView):
    """The static seats of one performance."""

    @extend_schema(
        operation_id="seat_map",
        tags=["catalogue"],
        auth=[],
        parameters=[_LANGUAGE, _IF_NONE_MATCH],
        responses={200: forms.SeatMapSerializer, **_REFUSALS},
        examples=[examples.SEAT_MAP],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """Show sections, rows and seats; it never changes once the performance is on sale."""
        now = clock.now()
        self.parameters_of(request)

        def build() -> Built:
            plan = queries.seat_plan(performance_id)
            frozen = plan.performance.layout_frozen_at is not None
            body = documents.encode(documents.seat_map(plan))
            return Built(body, cache.DAY_LONG if frozen else cache.ASK_AGAIN)

        document = cache.read(
            cache.SEAT_MAP, str(performance_id), build=build, now=now, layout_of=performance_id
        )
        # Compressed once and not by the gateway for every fan, which would weaken the tag too.
        packed = accepts_gzip(request) and len(document.body) >= WORTH_PACKING
        response = self.answer(request, gzipped(document) if packed else document)
        patch_vary_headers(response, ["Accept-Encoding"])
        if packed and response.status_code == HTTPStatus.OK:
            response["Content-Encoding"] = "gzip"
        return response


class AvailabilityView(CatalogueView):
    """Which seats are free."""

    @extend_schema(
        operation_id="availability",
        tags=["catalogue"],
        auth=[],
        parameters=[_IF_NONE_MATCH],
        responses={200: forms.AvailabilitySerializer, **_REFUSALS},
        examples=[examples.AVAILABILITY],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """Show every seat's status in one string, at most a second old.

        The entity tag is weak and names the statuses, not the moment: 304 means no seat changed.
        """
        now = clock.now()
        self.parameters_of(request)

        def build() -> Built:
            found = queries.availability(performance_id, now=now)
            return Built(
                documents.encode(documents.availability(found)),
                cache.SECOND_LONG,
                version=f"{found.layout_version} {found.statuses}",
            )

        key = str(performance_id)
        return self.answer(
            request, cache.read(cache.AVAILABILITY, key, build=build, now=now, has_words=False)
        )


class SeatListView(PagedView):
    """Seats as a plain list."""

    pages = pagination.SeatPages
    parameters_class = parameters.SeatParameters

    @extend_schema(
        operation_id="seat_list",
        tags=["catalogue"],
        auth=[],
        parameters=[parameters.SeatParameters, _IF_NONE_MATCH],
        responses={200: forms.SeatPageSerializer, **_REFUSALS},
        examples=[examples.SEATS],
    )
    def get(self, request: Request, performance_id: UUID) -> HttpResponseBase:
        """List seats with their status, at most a second old, for clients that want no map."""
        now = clock.now()
        asked = self.parameters_of(request)

        def entries(page: list[Any]) -> list[dict[str, Any]]:
            return documents.seat_entries(page, queries.availability(performance_id, now=now))

        def build() -> Built:
            rows = queries.seat_list(performance_id, section=asked.get("section"))
            if rows is None:
                unknown = text(en="There is no such section.", ko="해당 구역이 없습니다.")
                raise serializers.ValidationError({"section": [unknown]})
            page = self.page_of(request, rows, entries)
            return Built(page.body, cache.SECOND_LONG)

        key = self.key_of(request)
        return self.answer(
            request, cache.read(cache.SEATS, key, build=build, now=now, has_words=False)
        )
