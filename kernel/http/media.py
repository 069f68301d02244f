"""Uploaded pictures, for where the gateway does not have the files itself.

The gateway serves them from the folder it shares with the API, and asks here for what it has not:
pictures that lie in a storage without an address of its own.
"""

import re

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse

from kernel.http.methods import safe_only

_NAME = re.compile(r"posters/[0-9a-f]{32}-[0-9]{1,5}\.webp", re.ASCII)
# A name says what is in the file, and nothing in the file may ever run.
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


@safe_only
def media(request: HttpRequest, name: str) -> HttpResponse:
    """Return a picture by its name; 404 where there is none."""
    if not _NAME.fullmatch(name):
        raise Http404
    try:
        with default_storage.open(name) as file:
            content = file.read()
    except FileNotFoundError:
        raise Http404 from None
    return HttpResponse(content, content_type="image/webp", headers=HEADERS)
