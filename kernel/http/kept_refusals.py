"""Refusals that the gateway may cache, as long as the documents they replace.

Note [Kept refusals]
The gateway caches some public documents for a second and, while it fetches a new one, still sends
the old one to everybody else. A refusal that it may not cache leaves the old document in place, so
under steady traffic most readers of a withdrawn document would still see it. So at those URLs a
refusal that is the same for everybody may be cached for a second too, and replaces the document.
"""

from rest_framework.response import Response
from rest_framework.views import APIView

CACHING = ("Cache-Control", "public, max-age=1")
_SAME_FOR_ALL = frozenset({404, 409, 410})


def is_kept(status: int) -> bool:
    """Say whether a refusal with this status is the same for everybody."""
    return status in _SAME_FOR_ALL


class KeptRefusals(APIView):
    """A view whose refused GETs may be cached where `refusals_are_kept`."""

    refusals_are_kept = False

    def handle_exception(self, exc: Exception) -> Response:
        """Return the problem document; the middleware still makes those to callers private."""
        response = super().handle_exception(exc)
        if (
            self.refusals_are_kept
            and self.request.method in ("GET", "HEAD")
            and is_kept(response.status_code)
        ):
            response.headers.setdefault(*CACHING)
        return response
