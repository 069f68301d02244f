"""The warm-up: a process of the API renders its documents while it starts.

The first caller of each would wait up to a second (Note [Rendered once]), and a reader in the
middle of an on-sale would take that second from the fans. A thread requests them as any caller
would, in both languages, past the limits; what it cannot get so is rendered at the first request.
"""

import io
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

log = logging.getLogger(__name__)

_LOGIN_API = ("/_allauth/openapi.yaml", "/_allauth/openapi.json")


def start(application: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
    """Render the documents in the background, where settings say so."""
    if settings.RENDER_DOCUMENTS_AT_START:
        threading.Thread(target=render, args=(application,), name="documents", daemon=True).start()


def render(application: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
    """Request every document from `application` once."""
    schema = reverse("schema")
    asked = [(schema, ""), (schema, "format=json"), *((path, "") for path in _LOGIN_API)]
    asked += [(reverse(name), "") for name in ("docs", "redoc", "errors")]
    for language, _ in settings.LANGUAGES:
        for path, query in asked:
            statuses: list[str] = []
            try:
                b"".join(application(_environ(path, query, language), _start_response(statuses)))
            except Exception:
                log.exception("a document could not be rendered", extra={"path": path})
            if statuses and not statuses[0].startswith("200"):
                log.warning("no document", extra={"path": path, "status": statuses[0]})


def _start_response(statuses: list[str]) -> Callable[..., None]:
    def start_response(status: str, *_: Any) -> None:
        statuses.append(status)

    return start_response


def _environ(path: str, query: str, language: str) -> dict[str, Any]:
    site = urlsplit(settings.FRONTROW_URL)
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": site.hostname,
        "SERVER_PORT": str(site.port or 443),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": site.netloc,
        "HTTP_ACCEPT_LANGUAGE": language,
        "HTTP_X_FORWARDED_PROTO": site.scheme,
        "wsgi.url_scheme": site.scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
    }
