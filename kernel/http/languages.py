"""The language of a request: that of its address, else by cookie and `Accept-Language`."""

from http import HTTPStatus

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers

from kernel.http.page_addresses import is_page


class LanguageMiddleware(LocaleMiddleware):
    """Django's LocaleMiddleware, whose redirect to a language no cache keeps.

    An address of a page without a language leads to the same one with it. That redirect alone
    depends on who asks; what has no page under any language is not redirected.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        was_missing = response.status_code == HTTPStatus.NOT_FOUND
        if was_missing and not is_page(request.path):
            patch_vary_headers(response, ["Accept-Language"])
            response.headers.setdefault("Content-Language", str(translation.get_language()))
            return response
        answered = super().process_response(request, response)
        if was_missing and answered.status_code == HTTPStatus.FOUND:
            answered.headers["Cache-Control"] = "private, no-store"
        return answered
