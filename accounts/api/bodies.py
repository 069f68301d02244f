"""Bodies of the login API, held to what the rest of the API takes."""

from collections.abc import Callable
from io import BytesIO

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import ParseError

from kernel.api import problem
from kernel.api.parsers import StrictJSONParser


class StrictLoginBodies:
    """Refuse what is no JSON object in clean UTF-8 before django-allauth reads it.

    It would answer 500 to a document nested too deeply or to half a surrogate pair in a password,
    and an empty page to anything else that it can't read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/_allauth/") and request.method != "GET" and request.body:
            try:
                StrictJSONParser().parse(BytesIO(request.body))
            except ParseError:
                return problem.refused(request, "malformed_json")
        return self.get_response(request)
