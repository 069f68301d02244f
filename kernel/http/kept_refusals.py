"""Refusals that the gateway keeps as long as the answers they take the place of.

Note [Kept refusals]
The gateway keeps some public answers for a second and, while it fetches a new one, still gives the
old one to everybody else. A refusal that it may not keep leaves the old answer where it is, so
under steady traffic most readers of a withdrawn document would go on seeing it. So at those
addresses a refusal that is the same for everybody may be kept for a second too, and takes the old
one's place.
"""

from typing import Any

from rest_framework.response import Response

CACHING = ("Cache-Control", "public, max-age=1")
_SAME_FOR_ALL = frozenset({404, 409, 410})


def is_kept(status: int) -> bool:
    """Say whether a refusal with this status is the same for everybody."""
    return status in _SAME_FOR_ALL


class KeptRefusals:
    """A view whose refused GETs may be kept where `refusals_are_kept`."""

    refusals_are_kept = False

    def handle_exception(self, exc: Exception) -> Response:
        """Return the problem document; the middleware still makes those to callers private."""
        response: Response = super().handle_exception(exc)  # type: ignore[misc]
        request: Any = self.request  # type: ignore[attr-defined]
        if (
            self.refusals_are_kept
            and request.method in ("GET", "HEAD")
            and is_kept(response.status_code)
        ):
            response.headers.setdefault(*CACHING)
        return response
