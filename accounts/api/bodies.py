"""The middleware that holds bodies of the login API to the rules of the rest of the API."""

import json
from collections.abc import Callable
from io import BytesIO

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import ParseError

from accounts import email_addresses
from kernel.http import problem
from kernel.http.parsers import StrictJSONParser


class StrictLoginBodyMiddleware:
    """Refuse a body that is no JSON object in clean UTF-8, before django-allauth reads it.

    allauth would respond with 500 to a document nested too deeply or to half a surrogate pair in a
    password, and with an empty page to anything else that it can't read. E-mail addresses reach it
    in their one spelling (Note [One mailbox, one spelling]), so that look-ups, counts and letters
    all mean the same mailbox; its forms refuse what has no such spelling.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/_allauth/") and request.method != "GET" and request.body:
            try:
                body = StrictJSONParser().parse(BytesIO(request.body))
            except ParseError:
                return problem.refused(request, "malformed_json")
            typed = body.get("email")
            if isinstance(typed, str):
                spelling = email_addresses.normalize_or_keep(typed)
                if spelling != typed:
                    request._body = json.dumps(body | {"email": spelling}).encode()
        return self.get_response(request)
