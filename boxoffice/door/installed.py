"""What makes the door's pages an app of a device: a manifest, and what keeps them on it.

Both are the same for everybody and show nothing: a browser asks for them without a login.
"""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from kernel.http.bundles import bundle
from kernel.http.methods import safe_only
from kernel.http.service_worker import service_worker
from kernel.i18n import is_korean, text

_NAME = text(en="Frontrow Door", ko="Frontrow 입장 확인")
_SHORT = text(en="Door", ko="입장 확인")
_INK = "#14213d"  # of icon.svg


@safe_only
def keeper(request: HttpRequest) -> HttpResponseBase:
    """Return the service worker of the door; its scope are the door's pages in this language."""
    return service_worker(request, "door-keeper.js")


@safe_only
def manifest(request: HttpRequest) -> HttpResponseBase:
    """Return the web app manifest, in the language of the address."""
    icon = bundle("icon.svg")
    icons = [{"src": icon, "sizes": "any", "type": "image/svg+xml"}] if icon else []
    home = request.path.rpartition("/")[0] + "/"
    response = JsonResponse(
        {
            "name": str(_NAME),
            "short_name": str(_SHORT),
            "lang": "ko" if is_korean() else "en",
            "start_url": home,
            "scope": home,
            "display": "standalone",
            "background_color": _INK,
            "theme_color": _INK,
            "icons": icons,
        },
        content_type="application/manifest+json",
        json_dumps_params={"ensure_ascii": False},
    )
    response.headers["Cache-Control"] = "no-cache"
    return response
