"""The service workers of `ui/dist`, each at the address whose folder is its scope."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response


def service_worker(request: HttpRequest, name: str) -> HttpResponseBase:
    """Return a service worker of `ui/dist`: the same for everybody, and it asks us alone.

    It is asked for at each visit of a page, so that a new one replaces the old one within it.
    """
    content, etag = _script(name)
    response = HttpResponse(
        content,
        content_type="text/javascript; charset=utf-8",
        headers={
            "Cache-Control": "no-cache",
            "Content-Security-Policy": "default-src 'none'; connect-src 'self'",
            "ETag": etag,
        },
    )
    return get_conditional_response(request, etag=etag, response=response) or response


@cache
def _script(name: str) -> tuple[bytes, str]:
    content = (Path(settings.STATICFILES_DIRS[0]) / name).read_bytes()
    return content, f'"{sha256(content).hexdigest()[:32]}"'
