"""The base of the catalogue's views: public, cached responses with an entity tag."""

from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from catalogue import documents
from catalogue.api import parameters
from catalogue.api.pagination import Pages
from catalogue.cache import BRIEFLY
from kernel.caching.responses import Document, Rendered
from kernel.http.kept_refusals import KeptRefusals
from kernel.http.serializers import ProblemSerializer, validated

LANGUAGE = OpenApiParameter(
    "Accept-Language",
    str,
    OpenApiParameter.HEADER,
    description="ko (default) or en: the language of names and texts.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="An ETag had before; 304 while it still holds.",
)
REFUSALS = {400: ProblemSerializer, 404: ProblemSerializer, 429: ProblemSerializer}


class CatalogueView(KeptRefusals, APIView):
    """A view with a public response; credentials are neither needed nor looked at."""

    authentication_classes = ()
    permission_classes = ()

    def respond(self, request: Request, document: Document) -> HttpResponseBase:
        """Return the document's bytes, or 304 to a client that has them."""
        response = HttpResponse(document.body, content_type="application/json")
        response["ETag"] = document.etag
        response["Cache-Control"] = document.cache_control
        found = get_conditional_response(request._request, etag=document.etag, response=response)
        return found or response


class PagedView(CatalogueView):
    """A view of a list; its links name the host of the request, so the cache key does too."""

    pages: type[Pages]
    parameters_class: type[serializers.Serializer[Any]] = parameters.PageParameters

    def parameters_of(self, request: Request) -> dict[str, Any]:
        """Return the validated query parameters; raises `ValidationError`."""
        return known_parameters(request, self.parameters_class)

    def page_of(
        self, request: Request, rows: Any, entries: Callable[[list[Any]], list[dict[str, Any]]]
    ) -> Rendered:
        """Return the page that the request asks for, its rows turned to JSON by `entries`."""
        paginator = self.pages_for(request)()
        page: list[Any] = paginator.paginate_queryset(rows, request, view=self) or []
        paginator.base_url = self.url_of(request)
        body = documents.page(
            entries(page),
            following=paginator.get_next_link(),
            preceding=paginator.get_previous_link(),
        )
        return Rendered(documents.encode(body), BRIEFLY)

    def pages_for(self, request: Request) -> type[Pages]:
        """Return the paginator of this request's list."""
        return self.pages

    def url_of(self, request: Request) -> str:
        """Return the page's URL with the known parameters only, in one order: its cache key."""
        known = sorted(_known(request, self.parameters_class).items())
        return f"{request.build_absolute_uri(request.path)}?{urlencode(known)}"


def known_parameters(request: Request, form: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """Return the query parameters that `form` knows, validated; raises `ValidationError`."""
    return validated(form, _known(request, form))


def _known(request: Request, form: type[serializers.Serializer[Any]]) -> dict[str, str]:
    """Return the query parameters that `form` knows.

    A plain dict: in a QueryDict an empty value would count as absent.
    """
    names = _names(form)
    return {name: value for name, value in request.query_params.dict().items() if name in names}


@cache
def _names(form: type[serializers.Serializer[Any]]) -> frozenset[str]:
    return frozenset(form().fields)  # a form copies all its fields, which a cached page need not
