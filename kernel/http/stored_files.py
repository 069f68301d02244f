"""Private files, for who holds a signed link (`kernel/stored_files.py`)."""

import mimetypes

from django.http import Http404, HttpRequest, HttpResponse

from kernel import stored_files
from kernel.http.methods import safe_only

# A report is a page: it may be kept and opened, and never runs as one of ours.
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


@safe_only
def stored_file(request: HttpRequest, token: str) -> HttpResponse:
    """Return a private file as a download; 404 without a link that is valid."""
    try:
        name = stored_files.name_of(token)
        content = stored_files.read(name)
    except stored_files.FileUnknown:
        raise Http404 from None
    last = name.rpartition("/")[2]
    kind = mimetypes.guess_type(last)[0] or "application/octet-stream"
    attached = {"Content-Disposition": f'attachment; filename="{last}"'}
    return HttpResponse(content, content_type=kind, headers=HEADERS | attached)
